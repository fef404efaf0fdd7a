"""What a copy of consoleauth counts. No label takes values that a user or a peer can choose."""

from collections.abc import Mapping

import prometheus_client
from prometheus_client import exposition

from consoles.rpc import timed

MEDIA_TYPE = exposition.CONTENT_TYPE_LATEST
RPC_BUCKETS = (.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5)
ROUND_BUCKETS = (.01, .05, .1, .5, 1, 5, 10, 60, 300)
STATES = ("opening", "live")


class Metrics:
    """Of one process, with a registry of its own; see doc/source/admin/monitoring.rst."""

    def __init__(self) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        self._served = self._calls("consoles_rpc_served_seconds",
                                   "Time of calls that were answered here.")
        self._called = self._calls("consoles_rpc_seconds", "Time of calls to other services.")
        self._tokens = prometheus_client.Counter(
            "consoles_tokens", "Tokens minted, claimed and refused.", ("event",),
            registry=self.registry)
        self._rounds = prometheus_client.Counter(
            "consoles_janitor_rounds", "Rounds of the janitor.", ("outcome",),
            registry=self.registry)
        self._rows = prometheus_client.Counter(
            "consoles_janitor_rows", "Rows that the janitor has cleared.", ("task",),
            registry=self.registry)
        self._round = prometheus_client.Histogram(
            "consoles_janitor_round_seconds", "Time of the janitor's rounds.",
            buckets=ROUND_BUCKETS, registry=self.registry)
        self._stored = prometheus_client.Gauge(
            "consoles_stored_sessions", "Sessions in the database that have not ended.",
            ("state",), registry=self.registry)

    def page(self) -> bytes:
        """In Prometheus' text format."""
        return prometheus_client.generate_latest(self.registry)

    def served(self, call: timed.Call) -> None:
        self._served.labels(call.topic, call.method, call.outcome).observe(call.seconds)
        if call.method == "add_connection_details" and call.outcome == timed.OK:
            self._tokens.labels("minted").inc()
        elif call.method == "get_connection_details" and call.arguments.get("session"):
            self._tokens.labels("claimed" if call.outcome == timed.OK else "refused").inc()

    def called(self, call: timed.Call) -> None:
        self._called.labels(call.topic, call.method, call.outcome).observe(call.seconds)

    def round(self, cleared: Mapping[str, int] | None, seconds: float) -> None:
        """The janitor has been round: rows by task, None when it failed."""
        self._rounds.labels("ok" if cleared is not None else "failed").inc()
        self._round.observe(seconds)
        for task, rows in (cleared or {}).items():
            self._rows.labels(task).inc(rows)

    def stored(self, sessions: Mapping[str, int]) -> None:
        for state in STATES:
            self._stored.labels(state).set(sessions.get(state, 0))

    def _calls(self, name: str, text: str) -> prometheus_client.Histogram:
        return prometheus_client.Histogram(
            name, text, ("interface", "method", "outcome"), buckets=RPC_BUCKETS,
            registry=self.registry)
