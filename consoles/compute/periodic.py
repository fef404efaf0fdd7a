"""A thread that does one thing again and again, and can be stopped at once."""

import logging
import threading
from collections.abc import Callable

LOG = logging.getLogger(__name__)


class Periodic:
    """Calls `work` at once, then every `interval` seconds, and whenever it is poked."""

    def __init__(self, name: str, interval: float, work: Callable[[], None]) -> None:
        self.stopped = threading.Event()
        self._interval = interval
        self._work = work
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def poke(self) -> None:
        """Do it now, or once more if it is being done."""
        self._wake.set()

    def pause(self, seconds: float) -> None:
        """Wait, in `work`, or until it is poked."""
        if not self.stopped.is_set():  # else its poke may have been taken already
            self._wake.wait(seconds)
            self._wake.clear()

    def stop(self) -> None:
        """Ask for the end; `join` waits for it."""
        self.stopped.set()
        self._wake.set()

    def join(self, timeout: float) -> bool:
        """True when the thread has ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self.stopped.is_set():
            try:
                self._work()
            except Exception:
                LOG.exception("%s failed and is tried again", self._thread.name)
            self.pause(self._interval)
