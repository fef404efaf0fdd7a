"""The parent of a proxy's workers: starts, replaces, renews and ends them.

cotyledon forks and watches; here is what it does not do: at SIGHUP a new generation of workers
takes over the listening socket while the old one stays until its last session has ended.

Signals of the parent: SIGHUP renews, the first SIGTERM drains, a second one and SIGINT end at
once. Signals of a worker: SIGHUP leaves new sessions to others, SIGTERM drains, SIGQUIT ends at
once. Only the parent counts SIGTERMs: an init system may send one to parent and workers alike.
"""

import contextlib
import ctypes
import dataclasses
import gc
import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

import cotyledon

from consoles import exception
from consoles.proxies.worker import Worker

LOG = logging.getLogger(__name__)

#: Seconds after the end of draining when what is still there is killed.
LAST_RESORT = 10
#: Seconds for a fresh process to install its handlers.
STARTING = 5
#: Seconds between two looks of a draining worker whether its parent is still there.
ORPHANED = 0.5
#: Bytes: glibc's own value at the start. The option's number is malloc.h's.
MMAP_THRESHOLD = 128 * 1024
M_MMAP_THRESHOLD = -3
AT_ONCE = signal.SIGQUIT


@dataclasses.dataclass(frozen=True)
class Generation:
    """Workers of one configuration; `make` makes the worker of a number, in its process."""

    workers: int
    drain_timeout: int  # seconds
    make: Callable[[int], Worker]


class _Process(cotyledon.Service):
    """A worker in a process of its own."""

    name = "worker"

    def __init__(self, worker_id: Any, generation: Generation, first: int,
                 sock: socket.socket) -> None:
        super().__init__(worker_id)
        self._sock = sock
        self._timeout = generation.drain_timeout
        self._parent = os.getppid()
        self._ended = threading.Event()
        self._worker = generation.make(first + worker_id)
        self._worker.reload = self._renew_all
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's; the parent passes it on
        signal.signal(AT_ONCE, lambda *_: self._worker.stop())

    def run(self) -> None:
        try:
            self._worker.run(self._sock)
        finally:
            self._ended.set()
        raise SystemExit(0)

    def reload(self) -> None:
        self._worker.drain()

    def terminate(self) -> None:
        self._worker.drain(self._timeout)
        while not self._ended.wait(ORPHANED):
            if self._orphaned():
                self._worker.stop()  # it would keep the port from whoever is started next

    def _orphaned(self) -> bool:
        return os.getppid() != self._parent

    def _renew_all(self) -> bool:
        if self._orphaned():
            return False
        os.kill(self._parent, signal.SIGHUP)
        return True


def _keep_memory_small() -> None:
    """Have glibc give the buffers of ended sessions back to the system (mallopt(3)).

    It would not after the first of them: it takes their size for a common one, and keeps them.
    And a worker's collector writes to all it looks at, which copies what it shares with others.
    """
    with contextlib.suppress(AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD)
    gc.freeze()


def _send(process: multiprocessing.Process, number: int) -> None:
    """Nothing happens when it has ended."""
    with contextlib.suppress(ValueError, ProcessLookupError):
        if process.pid is not None:
            os.kill(process.pid, number)


class Supervisor(cotyledon.ServiceManager):
    """`run` returns never: it ends the process, with 0 after a signal.

    `renew` reads the configuration anew and raises ConfigError when it is wrong; then everything
    stays as it is. All but the end happens in cotyledon's own thread.
    """

    def __init__(self, sock: socket.socket, generation: Generation,
                 renew: Callable[[], Generation]) -> None:
        super().__init__(graceful_shutdown_timeout=LAST_RESORT)
        self._sock = sock
        self._renew = renew
        self._next_number = 0
        self._hung_up = threading.Event()
        self._at_once = False
        self.register_hooks(on_terminate=self._terminating, on_dead_worker=self._ended)
        _keep_memory_small()
        self._add(generation)

    def _add(self, generation: Generation) -> None:
        """Numbers are not used again: old workers keep their names on the bus while they drain."""
        self.add(_Process, generation.workers, (generation, self._next_number, self._sock))
        self._next_number += generation.workers
        self._graceful_shutdown_timeout = max(self._graceful_shutdown_timeout,
                                              generation.drain_timeout + LAST_RESORT)

    # -- SIGHUP ----------------------------------------------------------------------------------

    def _reload(self) -> None:
        self._hung_up.set()
        self._got_sig_chld.set()

    def _adjust_workers(self) -> None:
        if self._hung_up.is_set():
            self._hung_up.clear()
            self._renew_workers()
        super()._adjust_workers()
        for service_id, service in list(self._services.items()):
            if not service.workers and not self._running_services[service_id]:
                del self._services[service_id], self._running_services[service_id]

    def _renew_workers(self) -> None:
        try:
            generation = self._renew()
        except exception.ConsolesError as exc:
            LOG.error("The configuration is not taken, all goes on as before: %s", exc)
            return
        except Exception:
            LOG.exception("The configuration cannot be read, all goes on as before")
            return
        old = list(self._services)
        self._add(generation)
        super()._adjust_workers()  # starts the new ones, and only then the old ones are retired
        for service_id in old:
            if self._services[service_id].workers:
                self.reconfigure(service_id, 0)
        LOG.info("The configuration is read anew: %s new workers; old ones stay for their "
                 "sessions", generation.workers)

    def _start_worker(self, service_id: Any, worker_id: Any) -> None:
        if worker_id < self._services[service_id].workers:  # else it is retired
            super()._start_worker(service_id, worker_id)

    def _stop_worker(self, service_id: Any, worker_id: Any) -> None:
        for process, worker in self._running_services[service_id].items():
            if worker.worker_id == worker_id and worker.started_event.wait(STARTING):
                _send(process, signal.SIGHUP)

    def _ended(self, service_id: Any, worker_id: int, code: int) -> None:
        if worker_id < self._services[service_id].workers:
            LOG.error("A worker has ended with %s and is replaced", code)
        else:
            LOG.info("An old worker has ended with %s", code)

    # -- SIGTERM and SIGINT ----------------------------------------------------------------------

    def _on_signal_received(self, sig: int) -> None:
        if sig == signal.SIGINT:
            self._at_once = True
            sig = signal.SIGTERM
        super()._on_signal_received(sig)

    def _terminating(self) -> None:
        """Before the workers get their SIGTERM; the main thread then waits for their end."""
        self._sock.close()  # when no worker takes connections any more, they are refused
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._hasten(AT_ONCE))
        signal.signal(signal.SIGALRM, lambda *_: self._hasten(signal.SIGKILL))
        if self._at_once:
            self._hasten(AT_ONCE)

    def _hasten(self, number: int) -> None:
        for process in self._child_processes:
            _send(process, number)
