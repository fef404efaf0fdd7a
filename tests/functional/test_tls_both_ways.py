"""Much at once in both directions over TLS. One loop speaks: two threads on one of Python's TLS
sockets break it now and then, whoever is at its other end."""

import asyncio
import ssl

import pytest

from consoles.relay.target_websocket import masked
from consoles.wire.frames import Opcode
from tests.fixtures import ws_client

SIZES = (1, 125, 126, 5000, 65_535, 65_536, 200_000, 900_000)  # bytes of the frames, in turn
AMOUNT = 4_000_000


class Browser:
    """Sends frames and takes them apart, each when it wants."""

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer
        self._payload = b""

    async def send(self, payload, opcode=Opcode.BINARY):
        self._writer.write(masked(opcode, payload))
        await self._writer.drain()

    async def frame(self):
        first, size = await self._reader.readexactly(2)
        if size > 125:
            size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8))
        return first & 15, await self._reader.readexactly(size)

    async def read(self, size):
        while len(self._payload) < size:
            opcode, payload = await self.frame()
            assert opcode == Opcode.BINARY
            self._payload += payload
        taken, self._payload = self._payload[:size], self._payload[size:]
        return taken


async def opened(port, tls):
    """A session of noVNC's with a guest that greets by `targets.rfb_server`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    writer.write(ws_client.request("/?token=good", port, headers=ws_client.upgrade_headers()))
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    browser = Browser(reader, writer)
    await browser.send(await browser.read(12))
    await browser.send((await browser.read(2))[1:])
    assert await browser.read(4) == b"\0\0\0\0"
    return browser


async def echoed(port, tls, payload):
    """→ what came back while it was sent, and what the proxy answered to a Close then."""
    async with asyncio.timeout(60):
        browser = await opened(port, tls)

        async def send():
            at = turn = 0
            while at < len(payload):
                size = SIZES[turn % len(SIZES)]
                await browser.send(payload[at:at + size])
                at, turn = at + size, turn + 1
        _, came_back = await asyncio.gather(send(), browser.read(len(payload)))
        await browser.send(b"\x03\xe8", Opcode.CLOSE)
        return came_back, await browser.frame()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_much_passes_in_both_directions_at_once(
        make_proxy, echoing_guest, certificates, version):
    proxy = make_proxy(DEFAULT__cert=str(certificates.cert), DEFAULT__key=str(certificates.key))
    tls = certificates.client()
    tls.minimum_version = tls.maximum_version = version
    payload = b"".join(n.to_bytes(4) for n in range(AMOUNT // 4))
    came_back, last = asyncio.run(echoed(proxy.port, tls, payload))
    assert came_back == payload
    assert last == (Opcode.CLOSE, b"\x03\xe8")
    tally = proxy.tally()
    assert (tally["reason"], tally["bytes_in"]) == ("client_closed", AMOUNT)
