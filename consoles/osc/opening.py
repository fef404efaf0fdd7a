"""`openstack console open`: the page in a browser, a viewer, or a serial line in the terminal."""

import argparse
import webbrowser
from typing import Any

from openstack import exceptions as sdk_exceptions
from osc_lib import exceptions
from osc_lib.cli import parseractions
from osc_lib.command import command

from consoles.client import connect
from consoles.client import console_url
from consoles.client import serial
from consoles.client import viewers
from consoles.client.reach import BadUrl
from consoles.model import ConsoleType
from consoles.model import PROTOCOLS
from consoles.osc import plugin

#: The flags of `openstack console url show`.
FLAGS = {
    "--novnc": (ConsoleType.NOVNC, "noVNC (default)"),
    "--xvpvnc": (ConsoleType.XVPVNC, "XVP VNC, which a --viewer shows"),
    "--spice": (ConsoleType.SPICE_HTML5, "SPICE"),
    "--spice-direct": (ConsoleType.SPICE_DIRECT, "SPICE without WebSocket, which a --viewer shows"),
    "--rdp": (ConsoleType.RDP_HTML5, "RDP"),
    "--serial": (ConsoleType.SERIAL, "the serial console, in this terminal"),
    "--mks": (ConsoleType.WEBMKS, "WebMKS"),
}
#: Types whose URL is a page's.
PAGES = frozenset({ConsoleType.NOVNC, ConsoleType.SPICE_HTML5, ConsoleType.RDP_HTML5,
                   ConsoleType.WEBMKS})
#: What a URL may be asked for with; the API says what is wrong with a value.
OPTIONS = ("ttl", "single_use", "view_only", "client_cidr", "line")


class OpenConsole(command.Command):
    """Open the console of a server"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("server", metavar="<server>", help="Server (name or ID)")
        types = parser.add_mutually_exclusive_group()
        for flag, (kind, what) in FLAGS.items():
            types.add_argument(flag, dest="type", action="store_const", const=kind,
                               default=ConsoleType.NOVNC, help=f"Open {what}")
        ways = parser.add_mutually_exclusive_group()
        ways.add_argument("--viewer", metavar="<command>", help=(
            "Start this VNC or SPICE viewer instead of the browser, as consoles-connect does"))
        ways.add_argument("--print", action="store_true", dest="show",
                          help="Print the URL and open nothing")
        _add_restrictions(parser)
        parser.add_argument("--takeover", action="store_true", help=(
            "End the session of who has the serial console"))
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """→ the exit status: a viewer's or a terminal's own, as their manuals say."""
        kind, viewer = parsed_args.type, parsed_args.viewer
        if parsed_args.takeover and kind != ConsoleType.SERIAL:
            raise exceptions.CommandError("--takeover is for --serial.")
        if not parsed_args.show:
            check(kind, viewer)
        url = self._ask(parsed_args)
        if parsed_args.show:
            self.app.stdout.write(f"{url}\n")
        elif kind == ConsoleType.SERIAL:
            takeover = ["--takeover"] if parsed_args.takeover else []
            return serial.run([*takeover, *self._trust(), url])
        elif viewer:
            return connect.run([f"--type={kind}", f"--viewer={viewer}", *self._trust(), url])
        elif not webbrowser.open(url):
            raise exceptions.CommandError("No browser can be started here. --print shows the URL, "
                                          "--viewer starts a viewer.")
        return 0

    def _ask(self, parsed_args: argparse.Namespace) -> str:
        """→ a new URL, which has the token in it."""
        manager = self.app.client_manager
        server = manager.sdk_connection.compute.find_server(
            parsed_args.server, ignore_missing=False)
        body: dict[str, Any] = {
            "protocol": PROTOCOLS[parsed_args.type], "type": parsed_args.type.value}
        asked = {name: getattr(parsed_args, name) for name in OPTIONS}
        response = plugin.client(manager).post(
            f"/servers/{server.id}/console",
            json=body | {name: value for name, value in asked.items()
                         if value is not None and value is not False})
        sdk_exceptions.raise_from_response(response)
        return str(response.json()["url"])

    def _trust(self) -> list[str]:
        """The proxy's certificate is judged as the API's: --os-cacert, --insecure."""
        verify = self.app.client_manager.verify
        if isinstance(verify, str):
            return [f"--ca-file={verify}"]
        return [] if verify else ["--insecure"]


def _add_restrictions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ttl", metavar="<seconds>", type=int,
                        action=parseractions.NonNegativeAction,
                        help="Let the URL open the console for so long only")
    parser.add_argument("--single-use", action="store_true",
                        help="Let the URL open the console once")
    parser.add_argument("--view-only", action="store_true",
                        help="Let nothing that is typed or clicked reach the server")
    parser.add_argument("--client-cidr", metavar="<cidr>",
                        help="Let the console be opened from this address or network only")
    parser.add_argument("--line", metavar="<number>", type=int,
                        action=parseractions.NonNegativeAction,
                        help="With --serial: which of several lines, from 0")


def check(kind: ConsoleType, viewer: str | None) -> None:
    """Raises CommandError, before there is a URL, when a console cannot be opened this way."""
    if viewer is None:
        if kind not in PAGES | {ConsoleType.SERIAL}:
            raise exceptions.CommandError(
                f"No browser shows a console of type {kind}: say --viewer COMMAND, or --print.")
        return
    if kind not in console_url.VIEWERS:
        raise exceptions.CommandError(f"No viewer shows a console of type {kind}.")
    try:
        viewers.command(viewer)
    except BadUrl as exc:
        raise exceptions.CommandError(str(exc)) from None
