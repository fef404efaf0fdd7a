"""Clears what is over, in a thread of its own; any number of copies may do so at once."""

import logging
import threading
import time
from collections.abc import Callable
from collections.abc import Mapping

from oslo_config import cfg

from consoles.db import expiry
from consoles.db.engine import Database
from consoles.db.expiry import Over

LOG = logging.getLogger(__name__)

#: Reports of a worker that may be missing before its sessions count as lost.
MISSING_REPORTS = 3
#: Rows looked for at a time: looking passes by many that have expired and are in use.
FOUND = 20_000
#: Intervals, and seconds beside them, without a round that went well.
LATE_INTERVALS, LATE_SECONDS = 3, 60

#: Gets the rows cleared by task, None for a round that failed, and the seconds it took.
OnRound = Callable[[Mapping[str, int] | None, float], None]


class Janitor:
    """Rounds of small transactions, `janitor_interval` seconds apart."""

    def __init__(self, conf: cfg.ConfigOpts, database: Database,
                 on_round: OnRound = lambda cleared, seconds: None) -> None:
        self._database = database
        self._interval = conf.consoleauth.janitor_interval
        self._batch = conf.consoleauth.janitor_batch
        self._tasks = tasks(conf)
        self._on_round = on_round
        self._well_at = time.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="janitor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def round(self) -> dict[str, int]:
        """One round; → rows cleared by task."""
        return {name: self._clear(over) for name, over in self._tasks.items()}

    def is_well(self) -> bool:
        """Whether it has not failed for long; a long round that goes on is no failure."""
        allowed = LATE_INTERVALS * self._interval + LATE_SECONDS
        return time.monotonic() - self._well_at < allowed

    def _run(self) -> None:
        # The first round waits as well: after an outage workers need time to report.
        while not self._stopped.wait(self._interval):
            begun = time.monotonic()
            cleared = None
            try:
                cleared = {name: count for name, count in self.round().items() if count}
                self._well_at = time.monotonic()
            except Exception:
                LOG.exception("The janitor's round failed")
            self._on_round(cleared, time.monotonic() - begun)
            if cleared:
                LOG.info("Cleared: %s", cleared)

    def _clear(self, over: Over) -> int:
        """Works half of its time, so that others have the other half of the database."""
        total = 0
        while not self._stopped.is_set():
            found = self._database.read(expiry.find, over, FOUND)
            before = total
            for start in range(0, len(found), self._batch):
                begun = time.monotonic()
                total += self._database.write(expiry.clear, over,
                                              found[start:start + self._batch])
                self._well_at = time.monotonic()
                if self._stopped.wait(time.monotonic() - begun):
                    break
            if len(found) < FOUND or total == before:
                break
        return total


def tasks(conf: cfg.ConfigOpts) -> dict[str, Over]:
    """What a round clears, by name."""
    section = conf.consoleauth
    return {
        "sessions lost": expiry.lost_sessions(MISSING_REPORTS * conf.proxy.touch_interval),
        "connection details": expiry.old_connections(section.idle_timeout,
                                                     conf.inventory.service_down_time),
        "sessions forgotten": expiry.old_sessions(section.session_retention),
    }
