"""A worker of a proxy: one process, one loop, one listening socket that it may share."""

import asyncio
import contextlib
import logging
import socket
import uuid
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

import uvloop

from consoles.proxies.audit import Audit
from consoles.proxies.authorizer import Authorizer
from consoles.proxies.catalog import ProxySpec
from consoles.proxies.endpoint import ProxiesEndpoint
from consoles.proxies.health import Health
from consoles.proxies.ledger import Ledger
from consoles.proxies.metrics import Metrics
from consoles.proxies.recorder import Recorder
from consoles.proxies.server import Server
from consoles.proxies.session import Sessions
from consoles.proxies.session import WHY_TIMEOUT
from consoles.proxies.settings import Settings
from consoles.relay.link import Link
from consoles.relay.relay import Relay
from consoles.rpc import timed
from consoles.rpc.compute import Compute
from consoles.rpc.consoleauth import ConsoleAuth
from consoles.rpc.notifications import Notifications
from consoles.rpc.proxies import Proxies
from consoles.rpc.sessions import Sessions as SessionsClient
from consoles.rpc.transport import Bus
from consoles.rpc.transport import LoopCaller

LOG = logging.getLogger(__name__)

FLUSH_TIMEOUT = 2.0
WHY_THREADS = 8
STOP_TIMEOUT = 0.2
#: Sessions that end before whatever else the loop has to do: each is a Close, a line of the log
#: and an event, a fifth of a millisecond.
AT_ONCE = 200
#: Seconds that clients have to answer the Close of a restart, and between two looks at it.
GOODBYE = 1.0
LOOK = 0.05


class Worker:
    """Serves pages and sessions until `stop` or `drain`. `name` is its address on the bus."""

    def __init__(self, spec: ProxySpec, settings: Settings, name: str,
                 make_bus: Callable[[], Bus], metrics: Metrics) -> None:
        self.name = name
        self._spec = spec
        self._settings = settings
        self._make_bus = make_bus
        self._metrics = metrics
        self._boot_id = str(uuid.uuid4())
        #: Has the whole proxy read its configuration anew; → whether there is anybody to do it.
        self.reload: Callable[[], bool] = bool
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told: list[Callable[[], None]] = []
        self._draining = False
        self._stopped = asyncio.Event()
        self._relay = Relay(settings.limits)
        self._sessions: Sessions
        self._server: Server

    # -- from any thread, at any time, repeatedly ------------------------------------------------

    def stop(self) -> None:
        """End now: live sessions get Close 1012."""
        self._tell(self._stopped.set)

    def drain(self, timeout: float | None = None) -> None:
        """End with the last session.

        With a timeout (seconds; the service stops): new ones are refused, so that a balancer goes
        elsewhere. Without (others take over): new connections are left to them.
        """
        self._tell(lambda: self._drain(timeout))

    def _tell(self, func: Callable[[], None]) -> None:
        self._told.append(func)  # before looking at the loop, which looks at this
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it is closed already
                self._loop.call_soon_threadsafe(self._obey)

    def _obey(self) -> None:
        while self._told:
            self._told.pop(0)()

    def _drain(self, timeout: float | None) -> None:
        loop = asyncio.get_running_loop()
        if timeout is None:
            self._server.close()
        else:
            self._server.refuses = self._server.health.draining = True
            loop.call_later(timeout, self._stopped.set)
        if not self._draining:
            self._draining = True
            LOG.info("%s drains: %s sessions are left", self.name, len(self._sessions.all))
            self._end_when_empty(loop)

    def _end_when_empty(self, loop: asyncio.AbstractEventLoop,
                        until: float = float("inf")) -> None:
        """`until`: how long connections that are no sessions are waited for (the loop's time)."""
        if self._server.refuses and not self._sessions.all:
            self._server.close()
            until = min(until, loop.time() + GOODBYE)
        if self._sessions.all or (self._server.busy and loop.time() < until):
            loop.call_later(LOOK, self._end_when_empty, loop, until)
        else:
            self._stopped.set()

    # -- its life --------------------------------------------------------------------------------

    def run(self, sock: socket.socket) -> None:
        """Block until stopped. Makes loop and bus, so call it after forking."""
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._run(sock))
        finally:
            self._metrics.close()

    async def _run(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        bus = self._make_bus()
        notifications = Notifications(bus.conf, self.name, self._metrics.notification_lost)
        self._build(bus, notifications)
        ledger, health = self._sessions.ledger, self._server.health
        background = [loop.create_task(task) for task in (
            ledger.report_forever(self._settings.touch_interval), ledger.close_forever(),
            health.ask_forever(), health.look_forever())]
        rpc = bus.serve(self.name, {Proxies.interface: ProxiesEndpoint(
            loop, self._end_all, self._describe, self.reload)})
        self._server.listen(sock)
        LOG.info("%s serves as %s", self._spec.command, self.name)
        self._loop = loop
        self._obey()
        await self._stopped.wait()
        self._draining = True
        self._server.close()
        for task in background:
            task.cancel()
        await self._server.finish()  # first: none is opened any more while the others end
        links = list(self._relay.links.values())
        await self._end_all(list(self._sessions.all), "restart")
        await _parted(links)
        await ledger.flush(FLUSH_TIMEOUT)
        if self._sessions.recorder is not None:
            await loop.run_in_executor(None, self._sessions.recorder.close, FLUSH_TIMEOUT)
        self._look(0)
        await loop.run_in_executor(None, notifications.close, STOP_TIMEOUT)
        await loop.run_in_executor(None, rpc.stop, STOP_TIMEOUT)
        await loop.run_in_executor(None, bus.close)

    def _build(self, bus: Bus, notifications: Notifications) -> None:
        caller = timed.loop(LoopCaller(bus), self._metrics.called)
        authorizer = Authorizer(ConsoleAuth(caller), self._settings.allowed_origins,
                                self._settings.base_url, self._settings.nova_tokens)
        # Apart, so that a hung agent that is asked why a console ended delays no opening.
        agents = Compute(timed.loop(LoopCaller(bus, threads=WHY_THREADS, timeout=WHY_TIMEOUT),
                                    self._metrics.called))
        self._sessions = Sessions(self._spec, authorizer, agents, self._relay,
                                  self._settings)
        if self._settings.record is not None:
            self._sessions.recorder = Recorder(self._settings.record)
        self._sessions.audit = Audit(self._metrics, notifications.send)
        self._sessions.ledger = Ledger(
            SessionsClient(caller), self.name, self._boot_id,
            live=self._sessions.rows,
            end=self._end_all)
        self._server = Server(self._spec, self._settings, self._sessions, self.name,
                              self._boot_id)
        self._server.health = Health(bus.works, self._look)

    async def _end_all(self, ids: list[str], reason: str, code: int | None = None) -> list[str]:
        """However many, some at a time; → those that were here."""
        ended = []
        for at in range(0, len(ids), AT_ONCE):
            ended += self._end(ids[at:at + AT_ONCE], reason, code)
            await asyncio.sleep(0)
        return ended

    def _end(self, ids: Iterable[str], reason: str, code: int | None = None) -> list[str]:
        here = [self._sessions.all[i] for i in ids if i in self._sessions.all]
        for session in here:
            session.end(reason, code)
        return [session.request.id for session in here]

    def _look(self, lag: float) -> None:
        self._metrics.look({"live": len(self._relay.links), "handshakes": self._server.handshakes,
                            "draining": self._draining, "loop_lag": lag},
                           self._relay.links.values(), self._server.pauses)

    def _describe(self) -> dict[str, Any]:
        live = len(self._relay.links)
        return {"worker": self.name, "kind": self._spec.console_type, "boot_id": self._boot_id,
                "opening": len(self._sessions.all) - live, "live": live,
                "draining": self._draining}


async def _parted(links: list[Link]) -> None:
    """Wait until the clients have read their Close, for a while."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GOODBYE):
            while any(not link.client.transport.is_closing() for link in links):
                await asyncio.sleep(LOOK)
