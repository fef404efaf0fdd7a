"""Sessions that may only look: what goes on of what their clients send, by the type of console."""

import dataclasses

from consoles import model
from consoles.exception import WireError
from consoles.model import ConsoleType
from consoles.relay.hooks import EndSession
from consoles.relay.hooks import Filter
from consoles.relay.hooks import Way
from consoles.wire.rfb_viewing import Viewing

_RFB = frozenset({ConsoleType.NOVNC, ConsoleType.XVPVNC})


def guard(details: model.Details, way: Way | None) -> Way | None:
    """The way towards the target of a session with these details, from `way` if it has one."""
    if not details.options.get("view_only"):
        return way
    way = way or Way()
    passes = _rfb() if details.console_type in _RFB else _nothing
    return dataclasses.replace(way, filters=(passes, *way.filters))


def _rfb() -> Filter:
    viewing = Viewing()

    def passes(view: memoryview) -> bytes:
        try:
            return viewing.feed(view)
        except WireError as exc:
            raise EndSession("client_protocol", str(exc)) from exc

    return passes


def _nothing(view: memoryview) -> bytes:
    return b""
