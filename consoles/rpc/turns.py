"""Turns at servers: one that hangs may not take all the threads that wait for answers."""

import collections
import threading
import time

from consoles.rpc.interface import Interface

#: Seconds without any answer of a server after which nobody waits for its others.
PATIENCE = 1.0


class Turns:
    """At most `per_server` calls in flight to one server (0: no bound).

    Behind a server that answers, further calls wait in line; once there was no answer for
    `PATIENCE` seconds, they fail at once.
    """

    def __init__(self, per_server: int) -> None:
        self._per_server = per_server
        self._in_flight: dict[str, list[float]] = {}  # since when, oldest first
        self._heard: dict[str, float] = {}  # when it last answered, of servers with calls in flight
        self._lines: dict[str, collections.deque[object]] = {}  # who waits, longest first
        self._turn = threading.Condition()

    def enter(self, interface: Interface, server: str | None, deadline: float) -> float:
        """Wait for a turn, until then (time.monotonic) at most; → what `leave` gets.

        Raises the error of the interface's that nobody answers.
        """
        if not (self._per_server and server):
            return 0.0
        with self._turn:
            line = self._lines.setdefault(server, collections.deque())
            line.append(me := object())
            try:
                self._wait(interface, server, me, deadline)
                self._in_flight.setdefault(server, []).append(since := time.monotonic())
                return since
            finally:
                line.remove(me)
                if not line:
                    del self._lines[server]
                self._turn.notify_all()  # another is the first in line now

    def _wait(self, interface: Interface, server: str, me: object, deadline: float) -> None:
        """Until `me` is the first in line and there is a turn to have."""
        while True:
            calls = self._in_flight.get(server, [])
            free = len(calls) < self._per_server
            if free and self._lines[server][0] is me:
                return
            until = deadline
            if not free:
                until = min(max(calls[0], self._heard.get(server, 0.0)) + PATIENCE, deadline)
            if until <= time.monotonic():
                raise interface.missing(
                    f"{server} has {len(calls)} calls of {interface.topic} unanswered")
            self._turn.wait(until - time.monotonic())

    def leave(self, server: str | None, since: float, answered: bool) -> None:
        if not (self._per_server and server):
            return
        with self._turn:
            self._in_flight[server].remove(since)
            if not self._in_flight[server]:
                del self._in_flight[server]
                self._heard.pop(server, None)
            elif answered:
                self._heard[server] = time.monotonic()
            self._turn.notify_all()
