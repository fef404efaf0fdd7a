"""What became of domains, by libvirt's events: known before libvirt says so to who asks.

While a domain ends, which can take it seconds, libvirt calls it running or says nothing of it.
"""

import itertools
import threading
import time
from collections.abc import Iterable
from collections.abc import Mapping

import libvirt

from consoles import exception
from consoles.compute.drivers.libvirt_xml import Domain

#: Seconds in which the host that a domain went to should say that it has it.
MOVE_TIME = 60.0
#: After these it runs no more, or not for long.
_ENDS = (libvirt.VIR_DOMAIN_EVENT_SHUTDOWN, libvirt.VIR_DOMAIN_EVENT_STOPPED)
#: These say nothing of whether it runs.
_DEFINITIONS = (libvirt.VIR_DOMAIN_EVENT_DEFINED, libvirt.VIR_DOMAIN_EVENT_UNDEFINED)
#: Its memory is at another host, whose QEMU goes on with it.
_LEAVING = (libvirt.VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED,
            libvirt.VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY)


class Fates:
    """Methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stale: set[str] = set()      # definitions that changed since the last look
        #: Guests that stopped, each time with another number, until the inventory was told.
        self._stopped: dict[str, int] = {}
        self._numbers = itertools.count()
        self._lives: Mapping[str, int] = {}  # as the inventory was told last
        self._telling: tuple[dict[str, int], Mapping[str, int]] | None = None
        self._over: set[str] = set()       # it ended and has not begun anew
        self._transient: set[str] = set()  # its end is also the end of its definition
        self._leaving: set[str] = set()    # it goes to another host, unless it begins again here
        self._moved: dict[str, float] = {}  # when it went to another host

    def happened(self, id: str, event: int, detail: int) -> None:
        with self._lock:
            self._stale.add(id)
            if event in _ENDS:
                self._over.add(id)
            elif event not in _DEFINITIONS:
                self._over.discard(id)
            if event not in (*_DEFINITIONS, libvirt.VIR_DOMAIN_EVENT_SHUTDOWN):
                self._leaving.discard(id)
            if event == libvirt.VIR_DOMAIN_EVENT_SUSPENDED and detail in _LEAVING:
                self._leaving.add(id)
            if event == libvirt.VIR_DOMAIN_EVENT_STOPPED:
                self._stopped[id] = next(self._numbers)
                if detail == libvirt.VIR_DOMAIN_EVENT_STOPPED_MIGRATED:
                    self._moved[id] = time.monotonic()
            elif event == libvirt.VIR_DOMAIN_EVENT_STARTED:
                self._moved.pop(id, None)
            elif event == libvirt.VIR_DOMAIN_EVENT_UNDEFINED:
                self._transient.add(id)

    def missed(self, ids: Iterable[str]) -> None:
        """Nobody told what happened to these in the last time."""
        with self._lock:
            self._stale.update(ids)
            self._over.clear()
            self._leaving.clear()

    def take(self) -> set[str]:
        """→ whose definitions are stale, since it was taken last."""
        with self._lock:
            taken, self._stale, self._telling = self._stale, set(), None
        return taken

    def put_back(self, stale: set[str]) -> None:
        with self._lock:
            self._stale |= stale

    def stopped(self, lives: Mapping[str, int]) -> set[str]:
        """Who stopped since what the inventory was told last: libvirt said so, or a guest that ran
        then has another life among these, of all that run now."""
        with self._lock:
            for id, life in lives.items():
                if self._lives.get(id, life) != life:
                    self._stopped.setdefault(id, next(self._numbers))
            self._telling = dict(self._stopped), lives
            return set(self._stopped)

    def told(self) -> None:
        """The inventory has been told what was asked for last."""
        with self._lock:
            if self._telling is not None:
                told, self._lives = self._telling
                self._stopped = {id: number for id, number in self._stopped.items()
                                 if told.get(id) != number}

    def seen(self, domains: Iterable[Domain]) -> None:
        """All that libvirt has now; of others it says itself that they are gone."""
        by_id = {domain.id: domain.persistent for domain in domains}
        with self._lock:
            self._over &= by_id.keys()
            self._transient = {id for id, persistent in by_id.items() if not persistent} | (
                self._transient & self._stale)  # what came since is newer

    def left(self, ids: Iterable[str]) -> None:
        """libvirt lists that these went to another host, of which no event may have told yet."""
        with self._lock:
            self._moved |= dict.fromkeys(ids, time.monotonic())

    def moving(self) -> set[str]:
        """Those that go to another host, or went, until that should have told of them."""
        now = time.monotonic()
        with self._lock:
            self._moved = {id: at for id, at in self._moved.items() if now - at < MOVE_TIME}
            return set(self._moved) | self._leaving

    def over(self, id: str) -> bool:
        return id in self._over

    def untold(self, id: str) -> bool:
        """Whether it stopped, and the inventory was not told."""
        return id in self._stopped

    def end(self, id: str, transient: bool = False) -> exception.ConsolesError:
        """What to raise for one that does not run: it moved, is gone, or is off."""
        if id in self.moving():
            return exception.InstanceMoving(f"{id} went to another host")
        if transient or id in self._transient:
            return exception.InstanceNotFound(f"{id} ended, and was not defined any more")
        return exception.InstanceNotReady(f"{id} does not run")
