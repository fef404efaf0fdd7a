"""What a worker tells consoleauth of its sessions: reports while they live, tallies at their end.

A tally is kept until consoleauth has taken it, so that a bus that is away loses none.
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

from consoles import exception
from consoles import model
from consoles.context import RequestContext
from consoles.context import use
from consoles.rpc.sessions import Sessions

LOG = logging.getLogger(__name__)

#: Sessions or tallies in one call, and seconds in which more tallies gather for it.
BATCH = 500
GATHER = 0.05
#: Tallies kept while nobody takes them; beyond that the oldest are lost, and said to be.
MAX_WAITING = 100_000
MAX_PAUSE = 5.0
#: Tallies for which a worker that ends has a second more, and the most of such seconds: when it
#: takes too long it is killed (the supervisor's LAST_RESORT).
A_SECONDS_TALLIES, MORE_SECONDS = 1000, 4.0
#: Seconds after which an end is told once more whose question had no answer: nobody knows whether
#: consoleauth still works at it, and its claim may be made when the first end was told.
AGAIN = 10.0
_UNANSWERED = (exception.ConsoleauthUnavailable, exception.BusUnavailable)
#: Questions under way whose clients have left; further ones are given up.
MAX_ABANDONED = 1000


class Ledger:
    """One per worker, in its loop.

    `live` gives the sessions' rows, made as they are taken; `end(ids, reason, code)` closes those
    told to end and answers the ids of those that were here; there may be many.
    """

    def __init__(self, sessions: Sessions, worker: str, boot_id: str,
                 live: Callable[[], Iterable[dict[str, Any]]],
                 end: Callable[[list[str], str, int], Awaitable[list[str]]]) -> None:
        self._sessions = sessions
        self._worker = worker
        self._boot_id = boot_id
        self._live = live
        self._end = end
        self._waiting: list[dict[str, Any]] = []
        self._doubtful: set[str] = set()  # ids of sessions whose end is to be told again
        self._abandoned: set[asyncio.Future[Any]] = set()
        self._wake = asyncio.Event()

    def close(self, tally: model.Tally, after: asyncio.Future[Any] | None = None) -> None:
        """Queue the end of a session, when `after` is done if that may still begin it.

        An end that is told before its beginning is not recorded, and the session ends as lost.
        """
        if after is not None and not after.done():
            self._abandoned.add(after)
            after.add_done_callback(self._abandoned.discard)
            after.add_done_callback(lambda _: self.close(tally, after))
            if len(self._abandoned) > MAX_ABANDONED:
                after.cancel()
            return
        if after is not None and _unanswered(after):
            self._doubtful.add(tally.session_id)
        self._queue([tally.to_dict()])

    async def report_forever(self, interval: float) -> None:
        """Report all live sessions, every `interval` seconds; an empty worker says nothing."""
        while True:
            await asyncio.sleep(interval)
            try:
                rows = iter(self._live())
                while batch := list(itertools.islice(rows, BATCH)):
                    await self._report(batch)
            except Exception:  # a worker that stops reporting is taken for dead
                LOG.exception("A report failed")

    async def close_forever(self) -> None:
        """Send tallies as they come, again and again until they are taken."""
        pause = GATHER
        while True:
            await self._wake.wait()
            await asyncio.sleep(pause)
            try:
                sent = await self._send()
            except Exception:  # else no session of this worker would end any more
                LOG.exception("Sending tallies failed")
                sent = False
            pause = GATHER if sent else min(MAX_PAUSE, pause * 4)

    async def flush(self, timeout: float) -> None:
        """Send what is left, for so long, and longer where that is much; at a worker's end.

        What was to be told once more is not: nobody is left to wait so long.
        """
        timeout += min(len(self._waiting) / A_SECONDS_TALLIES, MORE_SECONDS)
        try:
            async with asyncio.timeout(timeout):
                if self._abandoned:
                    await asyncio.wait(self._abandoned)
                while self._waiting and await self._send():
                    pass
        except TimeoutError:
            LOG.warning("%s tallies were not taken; their sessions end as lost",
                        len(self._waiting) + len(self._abandoned))

    def _queue(self, tallies: list[dict[str, Any]]) -> None:
        self._waiting += tallies
        if len(self._waiting) > MAX_WAITING:
            LOG.error("Consoleauth takes no tallies: the oldest of %s are lost", MAX_WAITING)
            lost = len(self._waiting) - MAX_WAITING
            self._doubtful.difference_update(t["session_id"] for t in self._waiting[:lost])
            del self._waiting[:lost]
        self._wake.set()

    async def _send(self) -> bool:
        batch = self._waiting[:BATCH]
        if not batch:
            return True
        context = use(RequestContext())
        try:
            await self._sessions.close(context, batch)
        except exception.ConsolesError as exc:
            LOG.warning("%s tallies wait: %s", len(self._waiting), exc)
            return False
        sent = {tally["session_id"] for tally in batch}
        self._waiting = [t for t in self._waiting if t["session_id"] not in sent]
        if again := [t for t in batch if t["session_id"] in self._doubtful]:
            self._doubtful -= sent
            asyncio.get_running_loop().call_later(AGAIN, self._queue, again)
        if not self._waiting:
            self._wake.clear()
        return True

    async def _report(self, rows: list[dict[str, Any]]) -> None:
        context = use(RequestContext())
        try:
            answer = await self._sessions.report(context, self._worker, self._boot_id, rows)
        except exception.ConsolesError as exc:
            LOG.warning("Cannot report %s sessions: %s", len(rows), exc)
            return
        await self._obey(answer["end"])

    async def _obey(self, over: Iterable[dict[str, Any]]) -> None:
        """End those that were ended elsewhere, together those for the same reason."""
        orders: dict[tuple[str, int], list[str]] = {}
        for order in over:
            orders.setdefault((order["reason"], order["code"]), []).append(order["id"])
        for (reason, code), ids in orders.items():
            for id in await self._end(ids, reason, code):
                LOG.info("Session %s was ended elsewhere: %s", id, reason)


def _unanswered(question: asyncio.Future[Any]) -> bool:
    return question.cancelled() or isinstance(question.exception(), _UNANSWERED)
