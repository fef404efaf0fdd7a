"""What other services may ask a worker over the bus."""

import asyncio
from collections.abc import Callable
from collections.abc import Coroutine
from typing import Any

from consoles.context import RequestContext
from consoles.rpc.interface import exposed

ANSWER_TIMEOUT = 2.0


class ProxiesEndpoint:
    """Runs in the bus's threads; asks the worker's loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop,
                 end: Callable[[list[str], str, int | None], Coroutine[Any, Any, list[str]]],
                 describe: Callable[[], dict[str, Any]],
                 reload: Callable[[], bool]) -> None:
        self._loop = loop
        self._end = end
        self._describe = describe
        self._reload = reload

    @exposed
    def close_sessions(self, context: RequestContext, ids: list[str], code: int,
                       reason: str) -> list[str]:
        return self._in_loop(self._end(ids, reason, code))

    @exposed
    def status(self, context: RequestContext) -> dict[str, Any]:
        async def describe() -> dict[str, Any]:
            return self._describe()
        return self._in_loop(describe())

    @exposed
    def reload(self, context: RequestContext) -> bool:
        return self._reload()

    def _in_loop(self, call: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result(ANSWER_TIMEOUT)
