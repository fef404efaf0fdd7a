"""Whether this copy of consoleauth can do its work, looked at in a thread, told at once."""

import logging
import threading
import time
from collections.abc import Callable
from collections.abc import Mapping
from http import HTTPStatus

from consoles import exception
from consoles.consoleauth.janitor import Janitor
from consoles.db import sessions
from consoles.db.engine import Database

LOG = logging.getLogger(__name__)

#: Seconds between two looks, and where something is wrong.
INTERVAL, RETRY = 5.0, 1.0
#: Seconds after which a look that has not come back counts as a database that hangs.
PATIENCE = 15.0


class Health:
    """`counted` gets the sessions that have not ended, by their state, at each look."""

    def __init__(self, bus_works: Callable[[], bool], database: Database, janitor: Janitor,
                 counted: Callable[[Mapping[str, int]], None]) -> None:
        self._bus_works = bus_works
        self._database = database
        self._janitor = janitor
        self._counted = counted
        self._bus = False
        self._reached = 0.0  # when the database last answered
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def problems(self) -> list[str]:
        """What is wrong: bus, database, janitor; empty when all is well."""
        late = time.monotonic() - self._reached > PATIENCE
        states = {"bus": self._bus, "database": not late, "janitor": self._janitor.is_well()}
        return [name for name, well in states.items() if not well]

    def page(self) -> tuple[HTTPStatus, str, bytes]:
        """200 and OK, or 503 and what is wrong, a line each."""
        problems = self.problems()
        status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
        return status, "text/plain", "".join(f"{p}\n" for p in problems or ["OK"]).encode()

    def look(self) -> None:
        """Ask bus and database; may take as long as they do."""
        self._bus = self._bus_works()
        try:
            self._counted(self._database.read(sessions.count_living))
            self._reached = time.monotonic()
        except Exception as exc:
            self._reached = 0.0
            LOG.warning("The database does not answer: %s", exc,
                        exc_info=not isinstance(exc, exception.ConsolesError))

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.look()
            self._stopped.wait(RETRY if self.problems() else INTERVAL)
