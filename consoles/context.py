"""Who asks, under which request id; follows a call over the bus and into every log line."""

import contextvars
import logging
from typing import Any

from oslo_context import context as oslo_context

_current: contextvars.ContextVar["RequestContext | None"] = contextvars.ContextVar(
    "consoles_request", default=None)


class RequestContext(oslo_context.RequestContext):
    """oslo's context, kept in a context variable: one per thread, and one per asyncio task."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["overwrite"] = False
        super().__init__(**kwargs)


def use(context: RequestContext) -> RequestContext:
    """Make this the context of the code that follows in this thread or task."""
    _current.set(context)
    return context


def current() -> RequestContext | None:
    return _current.get()


class LogFilter(logging.Filter):
    """Gives oslo.log's formatter the context of the line's thread or task."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "context", None) is None:
            record.context = _current.get()
        return True
