"""WebMKS, the console of VMware's hypervisors: three ways to the same screen.

`wss`: a WebSocket of the hypervisor's with RFB 3.8 in it. `authd`: a daemon at port 902 that
talks in lines, as SMTP does, and then in a stream that begins at RFB's ServerInit. `vcenter`: a
WebSocket of vCenter's with that same stream. None of them is specified in public; what is written
here follows descriptions, and `vcenter` has never been seen to work.
"""

import base64
import dataclasses
import enum
import hashlib
import json
import re
from typing import Any
from urllib.parse import quote
from urllib.parse import urlencode

from consoles.exception import WireError
from consoles.wire import rfb
from consoles.wire.http_connect import is_safe
from consoles.wire.ops import EndTls
from consoles.wire.ops import Handshake
from consoles.wire.ops import Peek
from consoles.wire.ops import Read
from consoles.wire.ops import ReadUntil
from consoles.wire.ops import StartTls
from consoles.wire.ops import Write

MAX_LINE = 1024
#: Of one answer.
MAX_LINES = 32
#: vCenter's port without TLS; the other one is 7343.
PLAIN_PORT = 7331
#: Bytes of ServerInit before the name (RFC 6143, section 7.3.2), and the longest name we believe.
SERVER_INIT = 24
MAX_NAME = 65536
#: Hash by the number of its hexadecimal digits.
_HASHES = {40: "sha1", 64: "sha256"}


class Mode(enum.StrEnum):
    """How a hypervisor shows its consoles."""

    WSS = "wss"
    AUTHD = "authd"
    VCENTER = "vcenter"


@dataclasses.dataclass(frozen=True)
class Ticket:
    """An `internal_access_path`; `values` are the secrets in it, by their names there."""

    mode: Mode
    thumbprint: str
    values: dict[str, str] = dataclasses.field(repr=False)


#: What a ticket needs, beside its thumbprint.
_FIELDS = {
    Mode.WSS: ("ticket",),
    Mode.AUTHD: ("ticket", "cfgFile"),
    Mode.VCENTER: ("vmId", "vmName", "vcFQDN", "sessionTicket"),
}


def parse(text: str | None) -> Ticket:
    """Raises WireError, which quotes no value. Without a mode it is `authd`, as Nova writes it."""
    try:
        data = json.loads(text or "")
    except (ValueError, RecursionError):
        raise WireError("the agent's ticket is not JSON") from None
    if not isinstance(data, dict) or data.get("mode", Mode.AUTHD) not in list(Mode):
        raise WireError(f"the agent's ticket has no mode of {', '.join(Mode)}")
    mode = Mode(data.get("mode", Mode.AUTHD))
    values: dict[str, Any] = {name: data.get(name) for name in (*_FIELDS[mode], "thumbprint")}
    wrong = [name for name, value in values.items() if not _is_text(value)]
    if wrong:
        raise WireError(f"the agent's ticket for {mode} has no {', '.join(wrong)}")
    if mode == Mode.AUTHD and not is_safe(values["ticket"]):
        raise WireError("the agent's ticket has characters that cannot be sent")
    return Ticket(mode, normal(values.pop("thumbprint")), values)


def normal(thumbprint: str) -> str:
    """A certificate's hash in hexadecimal digits alone. Raises WireError for what is none."""
    digits = re.sub(r"[:\s]", "", thumbprint).lower()
    if len(digits) not in _HASHES or not re.fullmatch(r"[0-9a-f]+", digits):
        raise WireError("a thumbprint that is neither SHA-1 nor SHA-256")
    return digits


def check_certificate(der: bytes, thumbprint: str) -> None:
    """Raises WireError for a certificate that is not the one with this (normal) hash."""
    found = hashlib.new(_HASHES[len(thumbprint)], der, usedforsecurity=False).hexdigest()
    if found != thumbprint:
        raise WireError(f"the certificate's thumbprint is {found}, not {thumbprint}")


def path(ticket: Ticket) -> str:
    """Where the WebSocket is."""
    values = ticket.values
    if ticket.mode == Mode.WSS:
        return "/ticket/" + quote(values["ticket"], safe="!$&'()*+,;=:@")
    return "/console/authd?" + urlencode({
        "vmId": values["vmId"], "vmName": values["vmName"], "host": values["vcFQDN"],
        "sessionTicket": values["sessionTicket"], "thumbprint": ticket.thumbprint})


def authd(ticket: Ticket, tls: StartTls, nonce: bytes) -> Handshake:
    """From the daemon's first line to ServerInit, which is left unread. `nonce`: 12 random bytes.

    The second TLS starts on the bare connection, not inside of the first.
    """
    word = base64.b64encode(nonce).decode()
    yield from _reply("at first", b"220")
    check_certificate((yield tls), ticket.thumbprint)
    yield from _say("USER", ticket.values["ticket"], b"331")
    yield from _say("PASS", ticket.values["ticket"], b"230")
    second = normal((yield from _say("THUMBPRINT", word, b"200")))
    yield from _say("CONNECT", f"{ticket.values['cfgFile']} mks", b"200")
    yield EndTls()
    check_certificate((yield tls), second)
    yield Write(word.encode())
    yield from server_init()


def rfb_version() -> Handshake:
    """Wait for the first words of an RFB server, which are left unread."""
    if (yield Peek(4)) != rfb.VERSION[:4]:
        raise WireError("the hypervisor does not speak RFB")


def server_init() -> Handshake:
    """Wait for a ServerInit that can be one, which is left unread (RFC 6143, section 7.3.2)."""
    head = yield Peek(SERVER_INIT)
    name = int.from_bytes(head[20:24])
    if head[4] not in (8, 16, 32) or name > MAX_NAME:
        raise WireError(f"no ServerInit: {head[4]} bits a pixel, a name of {name} bytes")


def viewer() -> Handshake:
    """All that a viewer says and hears before ServerInit: the hypervisor knows nothing of it."""
    yield from rfb.server()
    yield Write(b"\0\0\0\0")  # SecurityResult
    yield Read(1)             # ClientInit


def _say(command: str, argument: str, code: bytes) -> Handshake:
    """→ the text of the daemon's answer."""
    yield Write(f"{command} {argument}\r\n".encode())
    return (yield from _reply(command, code))


def _reply(to: str, code: bytes) -> Handshake:
    """→ the last line's text, which is never repeated: there may be a ticket in it.

    As in SMTP (RFC 5321, section 4.2.1), a hyphen behind the code says that another line comes.
    """
    for _ in range(MAX_LINES):
        line = yield ReadUntil(b"\n", MAX_LINE)
        if not re.match(rb"\d{3}[ -]?", line):
            raise WireError(f"the hypervisor's answer ({to}) is not authd's")
        if not line.startswith(code):
            raise WireError(f"the hypervisor answers {int(line[:3])} ({to}), not {int(code)}")
        if line[3:4] != b"-":
            return line[4:].decode("latin-1").strip()
    raise WireError(f"the hypervisor answers ({to}) with more lines than {MAX_LINES}")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and value != ""
