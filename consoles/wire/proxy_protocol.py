"""The PROXY protocol, versions 1 and 2: a balancer says before all else whom it speaks for.

https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, sections 2.1 and 2.2
"""

import dataclasses
import ipaddress
import re

from consoles.exception import WireError

#: How far a receiver has to look; none of what `parse` takes is longer.
MAX_SIZE = 16 + 4096

_V1_SIZE = 107
_V1_STARTS = (b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN ", b"PROXY UNKNOWN\r\n")
_PORT = re.compile(rb"0|[1-9][0-9]{0,4}")

_V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_V2_SIZE = 16
_V2_LENGTH = MAX_SIZE - _V2_SIZE
_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6 = 0x11, 0x21
#: The bytes that an address block has at least, by family and transport: IP both ways, then UNIX.
_V2_BLOCKS = {0x00: 0, _TCP4: 12, 0x12: 12, _TCP6: 36, 0x22: 36, 0x31: 216, 0x32: 216}


@dataclasses.dataclass(frozen=True)
class Header:
    """`size` bytes of header, in front of what the client says.

    `address` is None where the balancer speaks for itself (its health checks), or for a client
    that has no TCP address: then the connection's own counts.
    """

    size: int
    address: str | None = None
    port: int = 0


def parse(data: bytes) -> Header | None:
    """→ the header that `data` begins with, None while more bytes are needed.

    Raises WireError with the first byte that makes it no header, whatever may follow.
    """
    data = bytes(data[:MAX_SIZE])
    if _V2_SIGNATURE.startswith(data[:len(_V2_SIGNATURE)]):
        return _version_2(data)
    if any(start.startswith(data[:len(start)]) for start in _V1_STARTS):
        return _version_1(data)
    raise WireError("the connection does not begin with a PROXY header")


def _version_1(data: bytes) -> Header | None:
    stray = re.search(rb"[^ -~]", data[:_V1_SIZE])
    end = stray.start() if stray else len(data)
    if stray and data[end:end + 2] not in (b"\r", b"\r\n"):
        raise WireError("the PROXY line has a character that it may not have")
    if end > _V1_SIZE - 2:
        raise WireError(f"the PROXY line is longer than {_V1_SIZE} bytes")
    if data[end:end + 2] != b"\r\n":
        return None
    words = data[:end].split(b" ")
    if words[1] == b"UNKNOWN":  # what follows is to be ignored
        return Header(end + 2)
    if len(words) != 6 or not all(_PORT.fullmatch(w) and int(w) <= 65535 for w in words[4:]):
        raise WireError("the PROXY line is not two addresses and two ports")
    source, _ = (_address(words[1], word) for word in words[2:4])
    return Header(end + 2, source, int(words[4]))


def _address(family: bytes, word: bytes) -> str:
    try:
        if b"%" in word:  # ipaddress takes scopes, the protocol does not
            raise ValueError
        text = word.decode("ascii")
        return str(ipaddress.IPv4Address(text) if family == b"TCP4" else
                   ipaddress.IPv6Address(text))
    except ValueError:
        raise WireError("the PROXY line has an address that is none") from None


def _version_2(data: bytes) -> Header | None:
    if data[12:13] and data[12] not in (_LOCAL, _PROXY):
        raise WireError("the PROXY header has an unknown version or command")
    if len(data) < _V2_SIZE:
        return None
    command, family = data[12], data[13]
    length = int.from_bytes(data[14:16], "big")
    if length > _V2_LENGTH:
        raise WireError(f"the PROXY header is longer than {_V2_LENGTH} bytes")
    if command == _PROXY:  # the family of LOCAL is to be ignored
        if family not in _V2_BLOCKS:
            raise WireError("the PROXY header has an unknown address family or transport")
        if length < _V2_BLOCKS[family]:
            raise WireError("the PROXY header has not the addresses that it announces")
    if len(data) < _V2_SIZE + length:
        return None
    return Header(_V2_SIZE + length, *_v2_source(command, family, data[_V2_SIZE:]))


def _v2_source(command: int, family: int, block: bytes) -> tuple[str | None, int]:
    """→ the client's address and port. What follows the addresses (TLVs) is not looked at."""
    if command == _PROXY and family == _TCP4:
        return str(ipaddress.IPv4Address(block[:4])), int.from_bytes(block[8:10], "big")
    if command == _PROXY and family == _TCP6:
        return str(ipaddress.IPv6Address(block[:16])), int.from_bytes(block[32:34], "big")
    return None, 0
