"""Whether a worker can be given new sessions, and what it counts of itself once a second."""

import asyncio
import collections
import dataclasses
import logging
from collections.abc import Callable
from http import HTTPStatus

from consoles.proxies.frontends.request import Request

LOG = logging.getLogger(__name__)

PATH = "/healthcheck"
METHODS = ("GET", "HEAD")


@dataclasses.dataclass(frozen=True)
class Times:
    """Seconds: between looks at the loop (and at a bus that is away) and at the bus; how late the
    loop may be in its last `looks` looks."""

    look: float = 1.0
    bus: float = 5.0
    max_lag: float = 1.0
    looks: int = 5


_TIMES = Times()


class Health:
    """One per worker, in its loop. `bus_works` may block; `look` gets the loop's lag, in seconds.

    A missing consoleauth is not told here: no other proxy could help, and this one says so to
    its clients.
    """

    def __init__(self, bus_works: Callable[[], bool], look: Callable[[float], None],
                 times: Times = _TIMES) -> None:
        self.draining = False
        self._bus_works = bus_works
        self._bus = False
        self._look = look
        self._times = times
        self._lags: collections.deque[float] = collections.deque(maxlen=times.looks)

    def problem(self) -> str | None:
        """One word for a balancer, which needs no more; None when all is well."""
        if self.draining:
            return "draining"
        if not self._bus:
            return "bus"
        return "overloaded" if max(self._lags, default=0.0) > self._times.max_lag else None

    async def ask_forever(self) -> None:
        """Ask after the bus, in a thread, so that no request has to."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                works = await loop.run_in_executor(None, self._bus_works)
            except Exception:  # else the last answer would stand for ever
                LOG.exception("Asking after the bus failed")
                works = False
            if works != self._bus:
                LOG.log(logging.INFO if works else logging.WARNING,
                        "The message bus %s", "works" if works else "does not answer")
            self._bus = works
            await asyncio.sleep(self._times.bus if works else self._times.look)

    async def look_forever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self._times.look
            await asyncio.sleep(self._times.look)
            lag = max(0.0, loop.time() - due)
            self._lags.append(lag)
            try:
                self._look(lag)
            except Exception:
                LOG.exception("Counting failed")


def respond(health: Health, request: Request) -> bytes:
    """→ the whole response to a request for PATH: 200 or 503, and no more than a word of why."""
    headers = {"Content-Type": "text/plain", "Cache-Control": "no-store",
               "X-Content-Type-Options": "nosniff"}
    if request.command not in METHODS:
        return request.answer(HTTPStatus.METHOD_NOT_ALLOWED,
                              headers | {"Allow": ", ".join(METHODS)})
    problem = health.problem()
    status = HTTPStatus.SERVICE_UNAVAILABLE if problem else HTTPStatus.OK
    return request.answer(status, headers, f"{problem or 'OK'}\n".encode())
