"""Whose a local TCP connection is: a port on loopback is open to every user of the machine."""

import asyncio
import os
import pathlib
import socket
import struct
import sys

#: Linux's tables of its own connections: proc(5). Other systems have none, and nobody is refused.
TABLES = {socket.AF_INET: "/proc/net/tcp", socket.AF_INET6: "/proc/net/tcp6"}


def is_ours(writer: asyncio.StreamWriter) -> bool:
    """Whether a connection comes from this user, or from root, who can do anything anyway."""
    sock = writer.get_extra_info("socket")
    if not sys.platform.startswith("linux"):
        return True
    return _owner(sock.family, sock.getpeername(), sock.getsockname()) in (os.getuid(), 0)


def _owner(family: socket.AddressFamily, end: tuple, other: tuple) -> int | None:
    """→ the user id of the socket at `end` that is connected with `other`; None: there is none."""
    wanted = [_entry(family, end), _entry(family, other)]
    with pathlib.Path(TABLES[family]).open() as table:
        for line in table:
            words = line.split()
            if words[1:3] == wanted:
                return int(words[7])
    return None


def _entry(family: socket.AddressFamily, address: tuple) -> str:
    """An address as the kernel prints it: words of 32 bits in the machine's order, in hex."""
    packed = socket.inet_pton(family, address[0].partition("%")[0])
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{address[1]:04X}"
