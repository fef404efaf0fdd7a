"""The opening of a WebSocket as its client (RFC 6455, section 4.1)."""

import base64
import hashlib
import http.client
import io
import re

from consoles.exception import WireError
from consoles.wire.ops import Handshake
from consoles.wire.ops import ReadUntil
from consoles.wire.ops import Write

MAX_HEAD = 8192
#: The one that carries bytes as they are; no other is offered.
SUBPROTOCOL = "binary"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})(?: .*)?", re.DOTALL)


def client(host: str, port: int, path: str, nonce: bytes) -> Handshake:
    """Ask for a WebSocket; done when the server has agreed. `nonce` is 16 random bytes.

    The path may be a secret, and so may be what the server says about it: neither is repeated.
    """
    key = base64.b64encode(nonce)
    name = f"[{host}]" if ":" in host else host
    yield Write(f"GET {path} HTTP/1.1\r\nHost: {name}:{port}\r\n"
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                f"Sec-WebSocket-Key: {key.decode()}\r\n"
                f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n".encode())
    head = yield ReadUntil(b"\r\n\r\n", MAX_HEAD)
    line, _, rest = head.partition(b"\r\n")
    status = _STATUS.fullmatch(line)
    if status is None:
        raise WireError("the answer to the WebSocket's request is not HTTP/1.1")
    if status[1] != b"101":
        raise WireError(f"the WebSocket is refused with {int(status[1])}")
    _check(rest, base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode())  # noqa: S324


def _check(headers: bytes, accept: str) -> None:
    """Raises WireError for an answer that a client must not believe."""
    try:
        found = http.client.parse_headers(io.BytesIO(headers))
    except http.client.HTTPException:
        raise WireError("the answer to the WebSocket's request is not HTTP/1.1") from None
    if (found.get("Upgrade", "").lower() != "websocket"
            or "upgrade" not in re.split(r"\s*,\s*", found.get("Connection", "").lower())
            or found.get("Sec-WebSocket-Accept", "").strip() != accept):
        raise WireError("the answer to the WebSocket's request does not fit it")
    if found.get("Sec-WebSocket-Protocol", SUBPROTOCOL).strip() != SUBPROTOCOL:
        raise WireError(f"the server chooses a subprotocol that is not {SUBPROTOCOL}")
    if "Sec-WebSocket-Extensions" in found:
        raise WireError("the server chooses a WebSocket extension that nobody has offered")
