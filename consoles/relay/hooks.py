"""What looks at a session's payload on its way, or changes it: for most sessions nothing does.

A connection with hooks has a side of another class, so that those without pay nothing for them,
not even a question whether there are any.
"""

import dataclasses
import logging
import time
from collections.abc import Callable

from consoles.relay.link import Side
from consoles.relay.sides import RawSide
from consoles.relay.sides import WebsocketSide
from consoles.relay.target_websocket import TargetWebsocketSide

LOG = logging.getLogger(__name__)

NOTHING = memoryview(b"")

#: Gets payload, which is good only during the call; → what goes on in its place. It may keep some
#: back and answer it later. Raises EndSession; a session does not survive its other errors.
Filter = Callable[[memoryview], bytes | memoryview]
#: Gets the time (seconds, monotonic) and payload that goes on, good only during the call. Raises
#: EndSession; with any other error it is not called again, and the session goes on.
Tap = Callable[[float, memoryview], None]


class EndSession(Exception):
    """Raised by a hook: `reason` is a word for the record, `text` is told to the client."""

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.text = text


@dataclasses.dataclass(frozen=True)
class Way:
    """The hooks of one direction, in their order: filters, then taps."""

    filters: tuple[Filter, ...] = ()
    taps: tuple[Tap, ...] = ()


class HookedSide(Side):
    """Goes in front of a kind of side; all payload that is sent to that side takes its way."""

    takes = 1  # a buffer full of tiny messages is long work
    way: Way

    def send(self, view: memoryview) -> None:
        view = self._passed(view)
        if view:
            super().send(view)

    def _passed(self, view: memoryview) -> memoryview:
        """What goes on of it; nothing where a hook ends the session."""
        if self.link.ended:
            return NOTHING
        try:
            for passes in self.way.filters:
                passed = passes(view)
                view = passed if isinstance(passed, memoryview) else memoryview(passed)
        except EndSession as exc:
            self.link.end(exc.reason, text=exc.text)
        except Exception:
            LOG.exception("Session %s: a filter failed", self.link.session_id)
            self.link.end("filter_failed")
        if view and not self.link.ended:
            self._show(view)
        return NOTHING if self.link.ended else view

    def _show(self, view: memoryview) -> None:
        now = time.monotonic()
        for tap in self.way.taps:
            try:
                tap(now, view)
            except EndSession as exc:
                self.link.end(exc.reason, text=exc.text)
            except Exception:
                LOG.exception("Session %s: a tap failed", self.link.session_id)
                self.way = dataclasses.replace(
                    self.way, taps=tuple(t for t in self.way.taps if t is not tap))


class HookedRawSide(HookedSide, RawSide):
    """Towards a VM, or a viewer that came by HTTP CONNECT."""


class HookedWebsocketSide(HookedSide, WebsocketSide):
    """Towards a browser."""

    def send_body(self, size: int) -> None:
        body = self._buffer.body[:size]
        view = self._passed(body)
        if view is body:  # it may go out from where it stands
            WebsocketSide.send_body(self, size)
        elif view:
            WebsocketSide.send(self, view)


class HookedTargetWebsocketSide(HookedSide, TargetWebsocketSide):
    """Towards a hypervisor that speaks WebSocket itself."""
