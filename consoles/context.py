"""Who asks, under which request id; follows a call over the bus and into every log line."""

import contextvars
import logging
from typing import Any

from oslo_context import context as oslo_context


class RequestContext(oslo_context.RequestContext):
    """oslo's context; `use` makes it that of a thread or an asyncio task."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["overwrite"] = False  # oslo's own store is per thread, which tasks share
        super().__init__(**kwargs)


class _Place:
    """What the variable holds: transports made in a task keep it, so that it can be emptied."""

    __slots__ = ("context",)

    def __init__(self, context: RequestContext) -> None:
        self.context: RequestContext | None = context


_current: contextvars.ContextVar[_Place | None] = contextvars.ContextVar(
    "consoles_request", default=None)


def use(context: RequestContext) -> RequestContext:
    """Make this the context of the code that follows in this thread or task."""
    _current.set(_Place(context))
    return context


def current() -> RequestContext | None:
    place = _current.get()
    return place.context if place else None


def forget() -> None:
    """Let go of the context of this thread or task, also where it has been copied to."""
    place = _current.get()
    if place:
        place.context = None


class LogFilter(logging.Filter):
    """Gives oslo.log's formatter the context of the line's thread or task."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "context", None) is None:
            record.context = current()
        return True
