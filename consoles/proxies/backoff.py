"""Wrong tokens make their sender wait: an address that guesses is heard less and less often."""

import asyncio
import collections
import dataclasses
import logging
import math
import time
from collections.abc import Callable

from consoles import exception
from consoles.proxies import peers

LOG = logging.getLogger(__name__)

#: Seconds. The longest wait is short, because others may be behind the same address.
LONGEST_WAIT = 30.0
FORGOTTEN_AFTER = 60.0
#: Addresses remembered; whoever has more of them than that is not held up by waiting anyway.
ADDRESSES = 10_000
#: Questions under way for an address that has not failed: a class behind one NAT asks at once.
TOGETHER = 32


@dataclasses.dataclass(slots=True)
class _Failures:
    count: int = 0
    last: float = 0.0
    until: float = 0.0


class Backoff:
    """Wrong tokens by address (an IPv6 one by its /64), in one worker; `allowed` 0: never wait.

    After `allowed` of them the address waits for one second, after each further one for twice as
    long, up to LONGEST_WAIT. Attempts while it waits count nothing. Who guesses in parallel gets
    no further: so many tokens are asked about at once as may still be wrong, and the others wait
    for what becomes of these. An address that has not failed may ask about TOGETHER at once.
    """

    def __init__(self, allowed: int, clock: Callable[[], float] = time.monotonic,
                 addresses: int = ADDRESSES) -> None:
        self._allowed = allowed
        self._clock = clock
        self._addresses = addresses
        self._failures: collections.OrderedDict[str, _Failures] = collections.OrderedDict()
        self._under_way: collections.Counter[str] = collections.Counter()
        self._waiting: dict[str, collections.deque[asyncio.Future[None]]] = {}

    async def enter(self, address: str) -> None:
        """Wait for a turn to ask about a token; `leave` gives it back. Raises OverLimit."""
        group = peers.group(address)
        self.check(group)
        while self._allowed and self._under_way[group] >= self._room(group):
            turn = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(group, collections.deque()).append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._wake(group)  # the turn may have been given already
                raise
            self.check(group)
        self._under_way[group] += 1

    def leave(self, address: str) -> None:
        """A question is answered, or given up; `failed` or `succeeded` was told before."""
        group = peers.group(address)
        self._under_way[group] -= 1
        if not self._under_way[group]:
            del self._under_way[group]
        self._wake(group)

    def check(self, address: str) -> None:
        """Raises OverLimit, with the seconds that are left, while the address has to wait."""
        known = self._failures.get(peers.group(address)) if self._failures else None
        left = known.until - self._clock() if known else 0.0
        if left > 0:
            raise exception.OverLimit("too many wrong tokens came from this address",
                                      retry_after=math.ceil(left))

    def _room(self, group: str) -> int:
        known = self._failures.get(group)
        if known is None or self._clock() - known.last >= FORGOTTEN_AFTER:
            return TOGETHER
        return max(1, self._allowed - known.count)

    def _wake(self, group: str) -> None:
        """Those that have a place now, or all when all are refused."""
        waiting = self._waiting.get(group)
        if waiting is None:
            return
        known = self._failures.get(group)
        refused = known is not None and known.until > self._clock()
        free = len(waiting) if refused else self._room(group) - self._under_way.get(group, 0)
        while waiting and free > 0:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1
        if not waiting:
            del self._waiting[group]

    def failed(self, address: str) -> None:
        """A wrong token came from there."""
        if not self._allowed:
            return
        group, now = peers.group(address), self._clock()
        known = self._failures.pop(group, None)
        if known is None or now - known.last >= FORGOTTEN_AFTER:
            known = _Failures()
        self._failures[group] = known  # the latest stands last
        known.count += 1
        known.last = now
        beyond = known.count - self._allowed
        if beyond >= 0:
            known.until = now + min(LONGEST_WAIT, math.ldexp(1.0, min(beyond, 10)))
        if beyond == 0:
            LOG.warning("%s sent %s wrong tokens: it has to wait now, up to %d seconds", group,
                        known.count, LONGEST_WAIT)
        if len(self._failures) > self._addresses:
            self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """A good token forgives."""
        if self._failures:
            self._failures.pop(peers.group(address), None)
