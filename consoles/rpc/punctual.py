"""A server that was held up does not work for callers who have given up.

oslo.messaging takes calls off the broker as they come, and acknowledges them. They wait in the
executor of its server, where neither a message's expiration nor a prefetch count reaches them.

The wait is counted from when this process has read them: one that was itself frozen reads all that
came meanwhile when it goes on. And the patience is the interface's timeout, also for a caller that
has a shorter one.
"""

import functools
import logging
import time
from collections.abc import Callable
from typing import Any

import futurist

LOG = logging.getLogger(__name__)


class Punctual(futurist.ThreadPoolExecutor):
    """Forgets what has waited for a thread longer than its caller waits for the answer."""

    def __init__(self, patience: float, max_workers: int) -> None:
        super().__init__(max_workers=max_workers)
        self._patience = patience

    def submit(self, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        return super().submit(self._run, time.monotonic(), func, *args)

    def _run(self, since: float, func: Callable[..., Any], *args: Any) -> Any:
        waited = time.monotonic() - since
        if waited < self._patience:
            return func(*args)
        LOG.warning("A call that waited %.1f s is dropped: its caller has given up", waited)
        return None


def made(server: Any, patience: float) -> Any:
    """The same server of oslo.messaging, which drops what waited so many seconds."""
    server._executor_cls = functools.partial(Punctual, patience)
    return server
