"""Whose a local TCP connection is: a port on loopback is open to every user of the machine."""

import os
import pathlib
import socket
import struct

#: Linux's tables of its own connections, proc(5). Where there are none nobody is refused.
TABLES = {socket.AF_INET: "/proc/net/tcp", socket.AF_INET6: "/proc/net/tcp6"}
PEER, OTHER, USER, INODE = 1, 2, 7, 9       # columns


def is_ours(accepted: socket.socket) -> bool:
    """Whether a connection comes from this user, or from root, who can do anything anyway.

    One whose other end was closed already has no owner any more, and is not: what was sent blindly
    before would still reach the console.
    """
    table = pathlib.Path(TABLES[accepted.family])
    if not table.exists():
        return True
    try:
        ends = (accepted.getpeername(), accepted.getsockname())
    except OSError:
        return False
    return _owner(table, [_entry(accepted.family, end) for end in ends]) in (os.getuid(), 0)


def _owner(table: pathlib.Path, ends: list[str]) -> int | None:
    with table.open() as lines:
        for line in lines:
            words = line.split()
            if words[PEER:OTHER + 1] == ends and words[INODE] != "0":
                return int(words[USER])
    return None


def _entry(family: int, address: tuple) -> str:
    """An address as the kernel prints it: words of 32 bits in the machine's order, in hex."""
    packed = socket.inet_pton(family, address[0].partition("%")[0])
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{address[1]:04X}"
