"""What an RPC interface is: its topic, version and deadline, a client of it, an endpoint of it.

Each interface is written once, in a module of its own in this room: the client class there is
the declaration, and a test compares the endpoint that serves it.
"""

import dataclasses
import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any
from typing import ClassVar
from typing import Protocol
from typing import Self

import oslo_messaging as messaging

from consoles import exception
from consoles.context import RequestContext
from consoles.context import use

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Interface:
    """`missing` is raised when nobody serves the topic; `timeout` in seconds bounds each call."""

    topic: str
    version: str
    missing: type[exception.ServiceUnavailable]
    timeout: float = 5.0


class Caller(Protocol):
    """Carries a call out: blocking (`transport.ThreadCaller`) or awaitable (`LoopCaller`)."""

    def __call__(self, interface: Interface, server: str | None, context: RequestContext,
                 method: str, arguments: dict[str, Any]) -> Any: ...


class Client:
    """Base of the client classes; methods return the caller's answer, or an awaitable of it."""

    interface: ClassVar[Interface]

    def __init__(self, caller: Caller, server: str | None = None) -> None:
        self._caller = caller
        self._server = server

    def at(self, server: str) -> Self:
        """The same interface at one named server."""
        return type(self)(self._caller, server)

    def _call(self, context: RequestContext, method: str, **arguments: Any) -> Any:
        return self._caller(self.interface, self._server, context, method, arguments)


def exposed(func: Callable[..., Any]) -> Callable[..., Any]:
    """Mark an endpoint's method as callable over the bus.

    Errors of ours are answers, logged by whoever asked; anything else is a crash, logged here and
    told to nobody. An argument that a newer peer has is named in a BadRequest.
    """
    known = inspect.signature(func).parameters.keys()

    @functools.wraps(func)  # keeps the signature, which the tests compare
    @messaging.expected_exceptions(exception.ConsolesError)
    def guarded(self: object, context: dict[str, Any], **arguments: Any) -> Any:
        if unknown := arguments.keys() - known:
            raise exception.BadRequest(
                f"{func.__qualname__} does not know {str(sorted(unknown))[1:-1]}: was it asked by "
                "a newer release?")
        try:
            return func(self, use(RequestContext.from_dict(context)), **arguments)
        except exception.ConsolesError:
            raise
        except Exception as exc:
            LOG.exception("%s failed", func.__qualname__)
            raise exception.ConsolesError(f"{func.__qualname__} failed") from exc

    return messaging.expose(guarded)


def declared(cls: type) -> dict[str, list[str]]:
    """The public methods of a client or an endpoint with their parameters, to compare the two."""
    return {name: list(inspect.signature(func).parameters)
            for name, func in vars(cls).items()
            if inspect.isfunction(func) and not name.startswith("_")}
