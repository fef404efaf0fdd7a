"""Turns at servers: one that hangs may not take all the threads that wait for answers."""

import threading
import time

from consoles.rpc.interface import Interface

#: Seconds without any answer of a server after which nobody waits for its others.
PATIENCE = 1.0


class Turns:
    """At most `per_server` calls in flight to one server (0: no bound).

    Behind a server that answers, a further call waits for its turn; once there was no answer for
    `PATIENCE` seconds, further ones fail at once.
    """

    def __init__(self, per_server: int) -> None:
        self._per_server = per_server
        self._in_flight: dict[str, list[float]] = {}  # since when, oldest first
        self._heard: dict[str, float] = {}  # when it last answered, of servers with calls in flight
        self._turn = threading.Condition()

    def enter(self, interface: Interface, server: str | None, deadline: float) -> float:
        """Wait for a turn, until then (time.monotonic) at most; → what `leave` gets.

        Raises the error of the interface's that nobody answers.
        """
        if not (self._per_server and server):
            return 0.0
        with self._turn:
            while len(waiting := self._in_flight.setdefault(server, [])) >= self._per_server:
                heard = max(waiting[0], self._heard.get(server, 0.0))
                patience = min(heard + PATIENCE, deadline) - time.monotonic()
                if patience <= 0:
                    raise interface.missing(
                        f"{server} has {len(waiting)} calls of {interface.topic} unanswered")
                self._turn.wait(patience)
            waiting.append(since := time.monotonic())
            return since

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
