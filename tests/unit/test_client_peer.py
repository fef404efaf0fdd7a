"""Whose a local connection is, as the kernel says it."""

import contextlib
import pathlib
import socket
import struct

import pytest

from consoles.client import peer


@contextlib.contextmanager
def connected(host):
    """→ both ends of a connection."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (socket.create_server((host, 0), family=family) as server,
          socket.create_connection(server.getsockname()[:2]) as dialled,
          server.accept()[0] as accepted):
        yield dialled, accepted


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.77", "::1"])
def test_a_connection_of_our_own(host):
    with connected(host) as (_, accepted):
        assert peer.is_ours(accepted)


@pytest.mark.parametrize("lingers", [0, 1])
def test_one_that_was_closed_has_no_owner(lingers):
    """Who sends keys and is gone before it is looked at must not be taken for root."""
    with connected("127.0.0.1") as (dialled, accepted):
        dialled.sendall(b"keys")
        if not lingers:
            dialled.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        dialled.close()
        assert not peer.is_ours(accepted)


@pytest.mark.parametrize(("user", "ours"), [("65534", False), ("0", True)])
def test_the_kernels_table_decides(tmp_path, monkeypatch, user, ours):
    with connected("127.0.0.1") as (_, accepted):
        head, *lines = pathlib.Path(peer.TABLES[socket.AF_INET]).read_text().splitlines()
        table = tmp_path / "tcp"
        table.write_text("\n".join([head, *(
            " ".join([*(words := line.split())[:peer.USER], user, *words[peer.USER + 1:]])
            for line in lines)]))
        monkeypatch.setitem(peer.TABLES, socket.AF_INET, str(table))
        assert peer.is_ours(accepted) == ours
