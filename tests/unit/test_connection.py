"""What a connection of a handshake hands on, and what it does not."""

import asyncio

import pytest

from consoles.exception import WireError
from consoles.stream.connection import Connection


class Transport:
    reads = True

    def is_closing(self):
        return False

    def pause_reading(self):
        self.reads = False

    def resume_reading(self):
        self.reads = True


def test_a_peer_that_takes_nothing_becomes_no_session():
    """Its transport has told the handshake that it is full, and would tell nobody else."""
    async def handshake():
        connection = Connection()
        connection.connection_made(Transport())
        connection.data_received(b"early")
        connection.pause_writing()
        with pytest.raises(WireError, match="takes nothing"):
            connection.detach()
        connection.resume_writing()
        return connection.detach()
    transport, early = asyncio.run(handshake())
    assert early == b"early"
    assert not transport.reads
