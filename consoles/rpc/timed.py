"""What calls cost and how they end, told to whoever counts: around callers and endpoints."""

import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any

from consoles import exception
from consoles.context import RequestContext
from consoles.rpc.interface import Caller
from consoles.rpc.interface import Interface

OK = "ok"


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """A call that has ended: `outcome` is `ok`, `none` for no answer, or the error's reason."""

    topic: str
    method: str
    arguments: dict[str, Any]
    outcome: str
    seconds: float


Observer = Callable[[Call], None]


def threads(caller: Caller, observer: Observer) -> Caller:
    """A blocking caller whose calls are told."""
    def call(interface: Interface, server: str | None, context: RequestContext, method: str,
             arguments: dict[str, Any]) -> Any:
        with _Watch(observer, interface, method, arguments) as watch:
            watch.answer = caller(interface, server, context, method, arguments)
            return watch.answer
    return call


def loop(caller: Caller, observer: Observer) -> Caller:
    """An awaitable caller whose calls are told."""
    async def call(interface: Interface, server: str | None, context: RequestContext, method: str,
                   arguments: dict[str, Any]) -> Any:
        with _Watch(observer, interface, method, arguments) as watch:
            watch.answer = await caller(interface, server, context, method, arguments)
            return watch.answer
    return call


class Endpoint:
    """Stands for an endpoint whose calls are told; the rest is the endpoint's own."""

    def __init__(self, endpoint: object, interface: Interface, observer: Observer) -> None:
        self._endpoint = endpoint
        self._interface = interface
        self._observer = observer

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._endpoint, name)
        if not hasattr(found, "exposed"):
            return found

        @functools.wraps(found)
        def timed(context: Any, **arguments: Any) -> Any:
            with _Watch(self._observer, self._interface, name, arguments) as watch:
                watch.answer = found(context, **arguments)
                return watch.answer
        return timed


class _Watch:
    """Times one call."""

    __slots__ = ("_arguments", "_begun", "_interface", "_method", "_observer", "answer")

    def __init__(self, observer: Observer, interface: Interface, method: str,
                 arguments: dict[str, Any]) -> None:
        self._observer = observer
        self._interface = interface
        self._method = method
        self._arguments = arguments
        self.answer: Any = None

    def __enter__(self) -> "_Watch":
        self._begun = time.monotonic()
        return self

    def __exit__(self, cls: Any, exc: BaseException | None, traceback: Any) -> None:
        outcome = OK if self.answer is not None else "none"
        if exc is not None:
            # oslo.messaging's ExpectedException has the endpoint's own in it.
            inner = getattr(exc, "exc_info", (None, exc))[1]
            outcome = (inner.reason if isinstance(inner, exception.ConsolesError)
                       else "cancelled" if not isinstance(inner, Exception) else "failed")
        self._observer(Call(self._interface.topic.removeprefix("consoles-"), self._method,
                            self._arguments, outcome, time.monotonic() - self._begun))
