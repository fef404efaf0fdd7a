"""Closing sessions at the proxies that hold them, without keeping the caller waiting."""

import concurrent.futures
import logging
from collections.abc import Sequence

from consoles import exception
from consoles.context import RequestContext
from consoles.context import use
from consoles.db import sessions
from consoles.rpc.proxies import Proxies

LOG = logging.getLogger(__name__)

#: Workers told at a time; one that is gone costs a thread its deadline.
THREADS = 8
#: Sessions in one call, which a worker ends within the two seconds that it has for an answer.
BATCH = 1000


class Closer:
    """Tells workers of sessions that ended; one that is not reached learns at its next report."""

    def __init__(self, proxies: Proxies) -> None:
        self._proxies = proxies
        self._pool = concurrent.futures.ThreadPoolExecutor(THREADS, "closing")

    def close(self, context: RequestContext, places: Sequence[sessions.Place], code: int,
              reason: str) -> None:
        """Have these closed with this Close code and reason, in the background."""
        for worker, ids in sessions.workers(places).items():
            self._pool.submit(self._try, context, worker, ids, code, reason)

    def close_now(self, context: RequestContext, worker: str, ids: list[str], code: int,
                  reason: str) -> list[str]:
        """Wait for the worker; → the ids it had. Raises ProxyUnavailable, BusUnavailable."""
        closed: list[str] = self._proxies.at(worker).close_sessions(context, ids, code, reason)
        return closed

    def stop(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _try(self, context: RequestContext, worker: str, ids: list[str], code: int,
             reason: str) -> None:
        use(context)
        at = 0
        try:
            for at in range(0, len(ids), BATCH):
                self.close_now(context, worker, ids[at:at + BATCH], code, reason)
        except exception.ConsolesError as exc:
            LOG.warning("%s sessions of %s stay open until its next report: %s", len(ids) - at,
                        worker, exc)
        except Exception:
            LOG.exception("Cannot close sessions of %s", worker)
