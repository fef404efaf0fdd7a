"""The kinds of console proxy: a row each, no classes."""

import dataclasses
from collections.abc import Awaitable
from collections.abc import Callable
from typing import Any

from consoles import model
from consoles.model import ConsoleType
from consoles.proxies import mks
from consoles.proxies import steps
from consoles.proxies.frontends.frontend import Frontend
from consoles.proxies.frontends.http_connect import HttpConnectFrontend
from consoles.proxies.frontends.websocket import WebsocketFrontend

Step = Callable[[Any, model.Details, steps.Means], Awaitable[Any]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProxySpec:
    """`group` and `prefix` name the options `<prefix>_host` and `<prefix>_port`.

    `text`: frames of text are taken like binary ones. `index`: the pages of which `GET /` shows
    the first that is there; a kind with none serves no pages. `web`: the option of `group` that
    names another directory of pages, if there is one. `styled`: they write styles while they run.
    """

    console_type: ConsoleType
    command: str
    summary: str
    group: str
    prefix: str
    base_url: str
    frontend: type[Frontend] = WebsocketFrontend
    text: bool = False
    index: tuple[str, ...] = ()
    web: str | None = None
    styled: bool = False
    to_target: tuple[Step, ...] = ()
    to_client: tuple[Step, ...] = ()


NOVNC = ProxySpec(
    console_type=ConsoleType.NOVNC, command="consoles-novncproxy",
    summary="Brings VNC consoles into browsers. It serves the noVNC page, checks the token of "
            "each console with consoles-consoleauth and carries the bytes between the browser's "
            "WebSocket and the VM's VNC server.",
    group="vnc", prefix="novncproxy", base_url="novncproxy_base_url",
    index=("vnc_auto.html", "vnc_lite.html", "vnc.html"), web="web",
    to_target=(steps.internal_path, steps.rfb_security), to_client=(steps.rfb_greet,))

XVPVNC = ProxySpec(
    console_type=ConsoleType.XVPVNC, command="consoles-xvpvncproxy",
    summary="Brings VNC consoles to native viewers that send HTTP CONNECT. It checks the token of "
            "each console with consoles-consoleauth, answers 200 and carries RFB as it is between "
            "the viewer and the VM's VNC server.",
    group="vnc", prefix="xvpvncproxy", base_url="xvpvncproxy_base_url",
    frontend=HttpConnectFrontend,
    to_target=(steps.internal_path, steps.rfb_security), to_client=(steps.rfb_greet,))

# A client opens one WebSocket for each channel, all with the one token, and the guest itself ties
# them together: bytes from the first on.
SPICE_HTML5 = ProxySpec(
    console_type=ConsoleType.SPICE_HTML5, command="consoles-spicehtml5proxy",
    summary="Brings SPICE consoles into browsers. It serves the SPICE page, checks the token of "
            "each channel with consoles-consoleauth and carries the bytes between the browser's "
            "WebSockets and the VM's SPICE server.",
    group="spice", prefix="html5proxy", base_url="html5proxy_base_url",
    index=("spice_auto.html", "spice.html"), web="web")

SERIAL = ProxySpec(
    console_type=ConsoleType.SERIAL, command="consoles-serialproxy",
    summary="Brings serial consoles into browsers and terminals. It serves a page with a terminal, "
            "checks the token of each console with consoles-consoleauth and carries the bytes "
            "between the client's WebSocket and the VM's serial line.",
    group="serial_console", prefix="serialproxy", base_url="base_url",
    text=True, index=("serial.html",), styled=True)

MKS = ProxySpec(
    console_type=ConsoleType.WEBMKS, command="consoles-mksproxy",
    summary="Brings consoles of VMware's hypervisors into browsers. It serves the noVNC page, "
            "checks the token of each console with consoles-consoleauth, uses the hypervisor's "
            "ticket and carries the bytes between the browser's WebSocket and the hypervisor.",
    group="mks", prefix="mksproxy", base_url="mksproxy_base_url",
    index=("vnc_auto.html", "vnc_lite.html", "vnc.html", "index.html"), web="web",
    to_target=(mks.reach,), to_client=(mks.greet,))

ROWS = {row.command: row for row in (NOVNC, XVPVNC, SPICE_HTML5, SERIAL, MKS)}
