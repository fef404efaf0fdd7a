"""WebSocket frames as RFC 6455 (section 5) writes them: headers, Close payloads, their limits."""

import enum

from consoles.exception import ConsolesError

MAX_CONTROL = 125


class Opcode(enum.IntEnum):
    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class FrameError(ConsolesError):
    """The peer broke the protocol; it is told with this Close code."""

    def __init__(self, text: str, code: int = 1002) -> None:
        super().__init__(text)
        self.close_code = code


def header(opcode: int, size: int) -> bytes:
    """The header of a whole, unmasked message (a server's)."""
    first = 0x80 | opcode
    if size < 126:
        return bytes((first, size))
    if size < 65536:
        return bytes((first, 126)) + size.to_bytes(2, "big")
    return bytes((first, 127)) + size.to_bytes(8, "big")


def masked_header(opcode: int, size: int, mask: bytes) -> bytes:
    """The same of a client's message; its payload is to be XORed with the four bytes of `mask`."""
    plain = header(opcode, size)
    return bytes((plain[0], 0x80 | plain[1])) + plain[2:] + mask


def close(code: int, reason: str = "") -> bytes:
    """A whole Close frame; the reason is cut at a character's edge where it does not fit."""
    text = reason.encode()[:MAX_CONTROL - 2].decode(errors="ignore").encode()
    payload = code.to_bytes(2, "big") + text
    return header(Opcode.CLOSE, len(payload)) + payload


def parse_close(payload: bytes) -> tuple[int, str]:
    """→ code and reason of a peer's Close; 1005 when it gave none. Raises FrameError."""
    if not payload:
        return 1005, ""
    if len(payload) == 1:
        raise FrameError("a Close payload of one byte")
    code = int.from_bytes(payload[:2], "big")
    if not (1000 <= code <= 4999) or code in (1004, 1005, 1006) or 1015 <= code < 3000:
        raise FrameError(f"Close code {code}")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError:
        raise FrameError("a Close reason that is not UTF-8", 1007) from None
