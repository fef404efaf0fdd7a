"""HTTP CONNECT as hypervisors understand it: XenServer's way into a console (XVP).

The path carries the hypervisor's own credentials; it is sent as it is and never printed.
"""

from consoles.exception import WireError
from consoles.wire.ops import Handshake
from consoles.wire.ops import ReadUntil
from consoles.wire.ops import Write

MAX_HEAD = 8192


def client(path: str) -> Handshake:
    """Ask for the console behind `path`; done when the hypervisor has answered 200."""
    if not is_safe(path):
        raise WireError("the internal access path has characters that cannot be sent")
    yield Write(b"CONNECT " + path.encode("ascii") + b" HTTP/1.1\r\n\r\n")
    head = yield ReadUntil(b"\r\n\r\n", MAX_HEAD)
    words = head.split(b"\r\n", 1)[0].split(None, 2)
    if (len(words) < 2 or not words[0].startswith(b"HTTP/1.") or len(words[1]) != 3
            or not words[1].isdigit()):
        raise WireError("the hypervisor's answer to CONNECT is not HTTP")
    if words[1] != b"200":
        raise WireError(f"the hypervisor answers CONNECT with {int(words[1])}")


def is_safe(path: str) -> bool:
    """Whether a path can stand in a request line and nothing can be hidden behind it."""
    return path.isascii() and path.isprintable() and " " not in path and bool(path)
