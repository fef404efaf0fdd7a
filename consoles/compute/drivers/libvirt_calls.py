"""Calls on libvirt that do not wait for each other.

While libvirt puts a domain away, which can take it seconds, it answers nobody who asks of that one
or of all; of the others it tells at once. So who asks has a connection to himself: where several
threads waited on one that ended, libvirt up to 10.3 used memory after it was freed
(CVE-2024-4418), and crashed here.
"""

import threading
from collections.abc import Callable
from typing import Any
from typing import TypeVar

from consoles import exception
from consoles.compute.drivers.libvirt_opened import close
from consoles.compute.drivers.libvirt_opened import is_alive

T = TypeVar("T")
Work = Callable[[Any], T]

#: Connections for calls, opened as they are needed. A call that waits holds one of the daemon's
#: threads up, of which it has 20 for everybody (max_workers).
MOST = 8


class Calls:
    """`open` gives one more connection. Methods may be called from any thread."""

    def __init__(self, open: Callable[[], Any]) -> None:
        self._open = open
        self._changed = threading.Condition()
        self._free: list[Any] = []
        self._count = 0  # of the free, the used and those that are being opened
        self._asked: set[str] = set()
        self._closed = False

    def run(self, work: Work[T], about: str, timeout: float) -> T:
        """What `work` makes of a connection that nobody else uses; one at a time about the same,
        so that a domain that is put away takes one of them and not all.

        Raises AgentUnavailable when it is not its turn in time, libvirtError.
        """
        connection = self._take(about, timeout)
        try:
            if connection is not None and not is_alive(connection):
                close(connection)
                connection = None
            if connection is None:
                connection = self._open()
            return work(connection)
        finally:
            self._give_back(connection, about)

    def close(self) -> None:
        """For ever. What is used is closed by who uses it."""
        with self._changed:
            self._closed = True
            free, self._free = self._free, []
            self._changed.notify_all()
        for connection in free:
            close(connection)

    def _take(self, about: str, timeout: float) -> Any:
        """→ a free one, or None where one more is to be opened."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed or self._may(about), timeout):
                raise exception.AgentUnavailable("libvirt still owes an answer")
            if self._closed:
                raise exception.AgentUnavailable("the connection to libvirt is lost")
            self._asked.add(about)
            if self._free:
                return self._free.pop()
            self._count += 1
            return None

    def _may(self, about: str) -> bool:
        return about not in self._asked and bool(self._free or self._count < MOST)

    def _give_back(self, connection: Any, about: str) -> None:
        """That it died is seen by who takes it next."""
        with self._changed:
            kept = connection is not None and not self._closed
            if kept:
                self._free.append(connection)
            else:
                self._count -= 1
            self._asked.discard(about)
            self._changed.notify_all()
        if connection is not None and not kept:
            close(connection)
