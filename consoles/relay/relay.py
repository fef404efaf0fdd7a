"""All sessions of one loop: takes them over from their handshake, watches them, lists them."""

import asyncio
import dataclasses
import logging
from collections.abc import Callable

from consoles import model
from consoles.relay.frame_reader import FrameReader
from consoles.relay.hooks import HookedRawSide
from consoles.relay.hooks import HookedSide
from consoles.relay.hooks import HookedTargetWebsocketSide
from consoles.relay.hooks import HookedWebsocketSide
from consoles.relay.hooks import Way
from consoles.relay.link import Buffer
from consoles.relay.link import Limits
from consoles.relay.link import Link
from consoles.relay.link import Side
from consoles.relay.sides import RawSide
from consoles.relay.sides import WebsocketSide
from consoles.relay.target_websocket import TargetWebsocketSide
from consoles.relay.watch import keep_alive
from consoles.relay.watch import Watch

LOG = logging.getLogger(__name__)

SWEEP_INTERVAL = 1.0
#: Unsent bytes of a connection above which its peer has to wait; TLS would keep half a MiB.
MAX_UNSENT = 64 * 1024


@dataclasses.dataclass(frozen=True)
class End:
    """One connection as its handshake leaves it: reading is paused, `early` is unused payload.

    A WebSocket brings the reader that may be in the middle of a frame. A peer that has `ended`
    may still have left payload. What is sent to this end takes its `way`, where it has one.
    """

    transport: asyncio.Transport
    early: bytes = b""
    reader: FrameReader | None = None
    ended: bool = False
    way: Way | None = None


class Relay:
    """One per loop; call it in the loop's thread only."""

    def __init__(self, limits: Limits) -> None:
        self.links: dict[str, Link] = {}
        self.limits = limits
        self.buffer = Buffer()
        self._watches: list[Watch] = []
        self._sweeper: asyncio.TimerHandle | None = None

    def carry(self, session_id: str, client: End, target: End,
              on_ended: Callable[[model.Tally], None],
              on_target_closed: Callable[[Link, str], None] | None = None) -> Link:
        """Carry bytes between the two until one ends or the link's `end` is called.

        `on_ended` gets the tally, once. `on_target_closed` is told when the target ends cleanly
        and has the link's `end` called soon; without it the session ends as `target_closed`.
        """
        link = Link(session_id, self, on_ended, on_target_closed)
        self.links[session_id] = link
        try:
            for end in (client, target):
                keep_alive(end.transport, self.limits)
                if not end.transport.is_closing():  # a closed one of uvloop's raises
                    end.transport.set_write_buffer_limits(MAX_UNSENT)
            link.join(self._side(link, client), self._side(link, target), client.early,
                      target.early)
        except BaseException:
            self.links.pop(session_id, None)
            raise
        for end, side in ((target, link.target), (client, link.client)):
            if end.ended:
                side.eof_received()
        self._watches.append(Watch(link, asyncio.get_running_loop().time()))
        if self._sweeper is None:
            self._schedule()
        return link

    def _side(self, link: Link, end: End) -> Side:
        if end.way is not None:
            return _hooked(link, end, end.way)
        if end.reader is None:
            return RawSide(link, end.transport)
        if end.reader.masked:
            return WebsocketSide(link, end.transport, end.reader)
        return TargetWebsocketSide(link, end.transport, end.reader)

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(SWEEP_INTERVAL, self._sweep_on, loop)

    def _sweep_on(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweeper = None
        self.sweep(loop.time())
        if self._watches:
            self._schedule()

    def sweep(self, now: float) -> None:
        """Once a second, one look at every session, instead of timers for each."""
        self._watches = [watch for watch in self._watches if not watch.link.ended]
        for watch in self._watches:
            try:
                watch.look(self.limits, now)
            except Exception:  # one session's trouble must not end the watch over the others
                LOG.exception("Looking after session %s failed", watch.link.session_id)


def _hooked(link: Link, end: End, way: Way) -> Side:
    side: HookedSide
    if end.reader is None:
        side = HookedRawSide(link, end.transport)
    elif end.reader.masked:
        side = HookedWebsocketSide(link, end.transport, end.reader)
    else:
        side = HookedTargetWebsocketSide(link, end.transport, end.reader)
    side.way = way
    return side
