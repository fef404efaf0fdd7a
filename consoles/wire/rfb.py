"""The opening of the RFB protocol, version 3.8 (RFC 6143, section 7.1), both halves.

The two halves do not wait for each other: `client` finishes with the VM's server just before its
SecurityResult, `server` greets the viewer, and from SecurityResult on the bytes flow through.
"""

import enum
from collections.abc import Sequence

from consoles.exception import WireError
from consoles.wire import vencrypt
from consoles.wire.ops import Handshake
from consoles.wire.ops import Read
from consoles.wire.ops import StartTls
from consoles.wire.ops import Write

VERSION = b"RFB 003.008\n"
MAX_REASON = 4096


class SecurityType(enum.IntEnum):
    """Those we can speak; a server may offer any other number."""

    NONE = 1
    VENCRYPT = 19


def client(accepted: Sequence[SecurityType] = (SecurityType.NONE,),
           tls: StartTls | None = None) -> Handshake:
    """Talk to the VM's VNC server; stop just before its SecurityResult. → the type chosen.

    `accepted` is in our order of preference, which decides, never the server's. `tls` is what
    VeNCrypt leads to. What was chosen and fails is not followed by the next.
    """
    version = yield Read(len(VERSION))
    if version != VERSION:
        raise WireError(f"the server speaks {version!r}, not RFB 3.8")
    yield Write(VERSION)
    (count,) = yield Read(1)
    if count == 0:
        reason = yield from _reason()
        raise WireError(f"the server refuses: {reason!r}")
    offered = yield Read(count)
    for wanted in accepted:
        if wanted in offered:
            yield Write(bytes([wanted]))
            if tls is not None and wanted == SecurityType.VENCRYPT:
                yield from vencrypt.client(tls)
            return wanted
    raise WireError(f"the server offers security types {list(offered)}, "
                    f"accepted are {[int(t) for t in accepted]}")


def server() -> Handshake:
    """Greet the viewer: it is authorised already, so None is all there is to choose."""
    yield Write(VERSION)
    version = yield Read(len(VERSION))
    if version != VERSION:
        yield Write(_failure("Only RFB 3.8 is spoken here", count=b"\0"))
        raise WireError(f"the viewer speaks {version!r}, not RFB 3.8")
    yield Write(bytes([1, SecurityType.NONE]))
    (chosen,) = yield Read(1)
    if chosen != SecurityType.NONE:
        yield Write(_failure("Only security type None is spoken here", count=b"\0\0\0\1"))
        raise WireError(f"the viewer chose security type {chosen}")


def _failure(text: str, count: bytes) -> bytes:
    """A refusal: no security types (one zero byte) or a failed SecurityResult (u32 1), why."""
    return count + len(text).to_bytes(4, "big") + text.encode()


def _reason() -> Handshake:
    length = int.from_bytes((yield Read(4)), "big")
    text = yield Read(min(length, MAX_REASON))  # a hostile server may announce 4 GiB
    return text.decode("latin-1")
