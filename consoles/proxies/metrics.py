"""What a worker counts. No label takes values that a user, a tenant or a peer can choose."""

import contextlib
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Literal

import prometheus_client
from prometheus_client import exposition

from consoles import exception
from consoles import model
from consoles.relay.link import Link
from consoles.rpc import timed

#: The parts of an opening, in their order.
STAGES = ("request", "authorise", "dial", "target", "accept")
STAGE_BUCKETS = (.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10)
RPC_BUCKETS = (.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5)
#: What stands for reasons that came over the bus and are none of ours.
OTHER = "other"


class Metrics:
    """Of one worker, with a registry of its own; `monitor.pool` makes the page of several.

    What each means stands in doc/source/admin/monitoring.rst.
    """

    def __init__(self, kind: str) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        #: Called when the worker ends: it serves the page no more.
        self.close: Callable[[], object] = bool
        self._kind = kind
        self._past = [0, 0]  # bytes in and out of sessions that have ended
        self._counted: dict[prometheus_client.Counter, int] = {}
        self._count_sessions()
        self._count_openings()
        self._count_the_worker()

    # -- told as it happens ----------------------------------------------------------------------

    def stage(self, name: str) -> contextlib.AbstractContextManager[object]:
        """Times a part of an opening, whether it ends well or not."""
        return self._stages[name].time()

    def took(self, stage: str, seconds: float) -> None:
        self._stages[stage].observe(seconds)

    def session_opened(self) -> None:
        self._opened.inc()

    def session_ended(self, tally: model.Tally) -> None:
        self._ended.labels(self._kind, _label(tally.reason)).inc()
        self._past[0] += tally.bytes_in
        self._past[1] += tally.bytes_out

    def refused(self, exc: exception.ConsolesError) -> None:
        self._refusals.labels(self._kind, _label(exc.reason, type(exc).reason)).inc()

    def turned_away(self, reason: str) -> None:
        """A connection was not let in, for one of the door's REASONS."""
        self._refusals.labels(self._kind, reason).inc()

    def called(self, call: timed.Call) -> None:
        self._rpc.labels(self._kind, call.topic, call.method, call.outcome).observe(call.seconds)

    def notification_lost(self) -> None:
        self._lost.inc()

    def look(self, gauges: Mapping[str, float], links: Iterable[Link], pauses: int) -> None:
        """How things stand: live, handshakes, draining, loop_lag; and what others count."""
        for name, value in gauges.items():
            self._gauges[name].set(value)
        bytes_in, bytes_out = self._past
        for link in links:
            bytes_in += link.client.carried
            bytes_out += link.target.carried
        for counter, total in zip((self._bytes_in, self._bytes_out, self._pauses),
                                  (bytes_in, bytes_out, pauses), strict=True):
            counter.inc(total - self._counted.get(counter, 0))
            self._counted[counter] = total

    # -- made once -------------------------------------------------------------------------------

    def _count_sessions(self) -> None:
        self._opened = self._counter(
            "consoles_sessions_opened", "Sessions that were opened.").labels(self._kind)
        self._ended = self._counter(
            "consoles_sessions_ended", "Sessions that were open and ended.", "reason")
        self._refusals = self._counter(
            "consoles_refusals", "Requests for a session that were refused.", "reason")
        carried = self._counter(
            "consoles_carried_bytes", "Payload carried: in is from the client.", "direction")
        self._bytes_in = carried.labels(self._kind, "in")
        self._bytes_out = carried.labels(self._kind, "out")

    def _count_openings(self) -> None:
        stages = prometheus_client.Histogram(
            "consoles_opening_seconds", "Time of an opening, by its stage.", ("type", "stage"),
            buckets=STAGE_BUCKETS, registry=self.registry)
        self._stages = {name: stages.labels(self._kind, name) for name in STAGES}
        self._rpc = prometheus_client.Histogram(
            "consoles_rpc_seconds", "Time of calls to other services.",
            ("type", "interface", "method", "outcome"), buckets=RPC_BUCKETS,
            registry=self.registry)

    def _count_the_worker(self) -> None:
        self._pauses = self._counter(
            "consoles_accept_pauses",
            "Times when nothing was accepted for lack of descriptors.").labels(self._kind)
        self._lost = self._counter(
            "consoles_notifications_lost", "Notifications that were not sent.").labels(self._kind)
        gauges: dict[str, tuple[str, str, Literal["livesum", "livemax"]]] = {
            "live": ("consoles_sessions", "Live sessions.", "livesum"),
            "handshakes": ("consoles_handshakes", "Connections in their handshake.", "livesum"),
            "draining": ("consoles_draining_workers",
                         "Workers that wait for their last sessions.", "livesum"),
            "workers": ("consoles_workers", "Worker processes.", "livesum"),
            "loop_lag": ("consoles_loop_lag_seconds",
                         "How much too late the slowest worker's loop is.", "livemax")}
        self._gauges = {
            key: prometheus_client.Gauge(name, text, ("type",), registry=self.registry,
                                         multiprocess_mode=mode).labels(self._kind)
            for key, (name, text, mode) in gauges.items()}
        self._gauges["workers"].set(1)

    def _counter(self, name: str, text: str, *labels: str) -> prometheus_client.Counter:
        return prometheus_client.Counter(name, text, ("type", *labels), registry=self.registry)


def _label(reason: str, *ours: str) -> str:
    return reason if reason in exception.CLOSE_CODES or reason in ours else OTHER


MEDIA_TYPE = exposition.CONTENT_TYPE_LATEST
