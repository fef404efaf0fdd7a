"""An RFB 3.8 server that shows a test card to any number of viewers (RFC 6143).

Security type None only: whoever reaches the port is in, as at a hypervisor without VNC security.
"""

import asyncio
import contextlib
import datetime
import logging
import struct
from collections.abc import Callable

import numpy as np

from consoles.compute.guests import encodings
from consoles.compute.guests.canvas import Box
from consoles.compute.guests.testcard import TestCard
from consoles.exception import WireError

LOG = logging.getLogger(__name__)

VERSION = b"RFB 003.008\n"
SECURITY_NONE = 1
HANDSHAKE_TIMEOUT = 10.0
#: Bytes of clipboard that are taken from a viewer.
MAX_CUT_TEXT = 1 << 20

SET_PIXEL_FORMAT, SET_ENCODINGS, UPDATE_REQUEST = 0, 2, 3
KEY_EVENT, POINTER_EVENT, CLIENT_CUT_TEXT = 4, 5, 6
#: Bytes that follow a message's type, those of variable length not counted.
FIXED = {SET_PIXEL_FORMAT: 19, SET_ENCODINGS: 3, UPDATE_REQUEST: 9, KEY_EVENT: 7,
         POINTER_EVENT: 5, CLIENT_CUT_TEXT: 7}


def utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class Screen:
    """The guest's side: one test card, its clock and its viewers. Lives in one asyncio loop."""

    def __init__(self, name: str, card: TestCard,
                 now: Callable[[], datetime.datetime] = utc_now) -> None:
        self.name = name
        self.card = card
        self._now = now
        self._viewers: set[Viewer] = set()
        self._clock: asyncio.Task[None] | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one viewer's connection to its end; what it does wrong ends only this one."""
        viewer = Viewer(self, reader, writer)
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT):
                await viewer.handshake()
            self._add(viewer)
            await viewer.run()
        except WireError as exc:
            LOG.info("A viewer of %s is closed: %s", self.name, exc)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            LOG.debug("A viewer of %s is gone", self.name)
        finally:
            self._remove(viewer)

    def changed(self) -> None:
        """The card changed: viewers that wait for that are served."""
        for viewer in self._viewers:
            viewer.wake()

    def _add(self, viewer: "Viewer") -> None:
        self._viewers.add(viewer)
        self.card.tick(self._now())
        if self._clock is None:  # ticks only while somebody looks
            self._clock = asyncio.create_task(self._run_clock())

    def _remove(self, viewer: "Viewer") -> None:
        if viewer not in self._viewers:
            return
        self._viewers.discard(viewer)
        self.card.release_keys()
        if not self._viewers and self._clock:
            self._clock.cancel()
            self._clock = None

    async def _run_clock(self) -> None:
        while True:
            await asyncio.sleep(1 - self._now().microsecond / 1e6)
            self.card.tick(self._now())
            self.changed()


class Viewer:
    """One connection. Reading and sending are apart: who does not read delays only himself."""

    def __init__(self, screen: Screen, reader: asyncio.StreamReader,
                 writer: asyncio.StreamWriter) -> None:
        self._screen = screen
        self._card = screen.card
        self._reader = reader
        self._writer = writer
        self._format = encodings.PixelFormat()
        self._zrle: encodings.Zrle | None = None
        self._encoder: encodings.Raw | encodings.Zrle = encodings.Raw()
        #: For each tile the change that the viewer has; 0 is none.
        self._seen = np.zeros_like(self._card.canvas.changes)
        #: The tiles that the viewer asked for and was not sent.
        self._wanted = np.zeros(self._seen.shape, bool)
        self._wake = asyncio.Event()

    def wake(self) -> None:
        self._wake.set()

    async def handshake(self) -> None:
        """Up to ServerInit. Raises WireError."""
        self._writer.write(VERSION)
        version = await self._reader.readexactly(len(VERSION))
        if version != VERSION:
            raise WireError(f"viewer speaks {version!r}")
        self._writer.write(bytes([1, SECURITY_NONE]))
        chosen = await self._reader.readexactly(1)
        if chosen[0] != SECURITY_NONE:
            reason = b"This server has no security but None."
            self._writer.write(struct.pack(">II", 1, len(reason)) + reason)
            await self._writer.drain()
            raise WireError(f"viewer chose security type {chosen[0]}")
        self._writer.write(struct.pack(">I", 0))
        await self._reader.readexactly(1)  # shared or not: all viewers share
        canvas, name = self._card.canvas, self._screen.name.encode()
        self._writer.write(struct.pack(">HH", canvas.width, canvas.height) + self._format.pack()
                           + struct.pack(">I", len(name)) + name)
        await self._writer.drain()

    async def run(self) -> None:
        """Serve until the viewer leaves (IncompleteReadError) or speaks wrongly (WireError)."""
        sender = asyncio.create_task(self._send_updates())
        try:
            while True:
                await self._read_message()
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await sender

    async def _read_message(self) -> None:
        kind = (await self._reader.readexactly(1))[0]
        if kind not in FIXED:
            raise WireError(f"viewer sends message {kind}")
        data = await self._reader.readexactly(FIXED[kind])
        if kind == SET_PIXEL_FORMAT:
            self._format = encodings.PixelFormat.parse(data[3:])
        elif kind == SET_ENCODINGS:
            await self._set_encodings(*struct.unpack(">xH", data))
        elif kind == UPDATE_REQUEST:
            self._request(*struct.unpack(">B4H", data))
        else:
            await self._input(kind, data)
            self._screen.changed()
            await asyncio.sleep(0)  # others' turn, however fast this one types

    async def _input(self, kind: int, data: bytes) -> None:
        if kind == KEY_EVENT:
            down, keysym = struct.unpack(">BxxI", data)
            self._card.key(keysym, bool(down))
        elif kind == POINTER_EVENT:
            buttons, x, y = struct.unpack(">BHH", data)
            self._card.point(x, y, buttons)
        else:
            length, = struct.unpack(">3xI", data)
            if length > MAX_CUT_TEXT:
                raise WireError(f"viewer sends a clipboard of {length} bytes")
            self._card.paste((await self._reader.readexactly(length)).decode("latin-1"))

    async def _set_encodings(self, count: int) -> None:
        """The viewer's order decides between those that we have."""
        listed = struct.unpack(f">{count}i", await self._reader.readexactly(4 * count))
        known = [n for n in listed if n in (encodings.RAW, encodings.ZRLE)]
        if known and known[0] == encodings.ZRLE:
            self._zrle = self._zrle or encodings.Zrle()  # its stream lasts as long as the viewer
            self._encoder = self._zrle
        else:
            self._encoder = encodings.Raw()

    def _request(self, incremental: int, x: int, y: int, width: int, height: int) -> None:
        area = self._card.canvas.tiles(Box(x, y, width, height)).slices
        self._wanted[area] = True
        if not incremental:
            self._seen[area] = 0
        self.wake()

    async def _send_updates(self) -> None:
        canvas = self._card.canvas
        while True:
            await self._wake.wait()
            self._wake.clear()
            stale = self._wanted & (self._seen != canvas.changes)
            if not stale.any():
                continue
            self._wanted[:] = False
            self._seen[stale] = canvas.changes[stale]
            self._writer.write(encodings.update(canvas.cover(stale), canvas.pixels,
                                                self._encoder, self._format))
            await self._writer.drain()
