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

from consoles import exception
from consoles.proxies import static
from consoles.proxies.authorizer import Authorizer
from consoles.proxies.catalog import ProxySpec
from consoles.proxies.endpoint import ProxiesEndpoint
from consoles.proxies.frontends import request as http
from consoles.proxies.frontends.websocket import WebsocketFrontend
from consoles.proxies.ledger import Ledger
from consoles.proxies.opening import Opening
from consoles.proxies.session import Sessions
from consoles.proxies.session import WHY_TIMEOUT
from consoles.proxies.settings import Settings
from consoles.relay.relay import Relay
from consoles.rpc.compute import Compute
from consoles.rpc.consoleauth import ConsoleAuth
from consoles.rpc.proxies import Proxies
from consoles.rpc.sessions import Sessions as SessionsClient
from consoles.rpc.transport import Bus
from consoles.rpc.transport import LoopCaller
from consoles.stream.connection import Connection

LOG = logging.getLogger(__name__)

BACKLOG = 1024
FLUSH_TIMEOUT = 2.0
WHY_THREADS = 8
STOP_TIMEOUT = 0.2


def listen(host: str, port: int) -> socket.socket:
    """A listening socket for all workers. Raises ConfigError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM,
                                    flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as exc:
        raise exception.ConfigError(
            f"cannot listen on {host}:{port}: {exc.strerror or exc}. Is another service there? "
            f"Change the *_host and *_port options of this proxy.") from exc


class Worker:
    """Serves pages and sessions until `stop`. `name` is its address on the bus."""

    def __init__(self, spec: ProxySpec, settings: Settings, name: str,
                 make_bus: Callable[[], Bus]) -> None:
        self.name = name
        self._spec = spec
        self._settings = settings
        self._make_bus = make_bus
        self._boot_id = str(uuid.uuid4())
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told_to_stop = False
        self._stopped = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._relay = Relay(settings.limits)
        self._sessions: Sessions

    def run(self, sock: socket.socket) -> None:
        """Block until stopped. Makes loop and bus, so call it after forking."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._run(sock))

    def stop(self) -> None:
        """End, from any thread, at any time, repeatedly: live sessions get Close 1012."""
        self._told_to_stop = True  # before looking at the loop, which looks at this
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it is closed already
                self._loop.call_soon_threadsafe(self._stopped.set)

    async def _run(self, sock: socket.socket) -> None:
        loop = self._loop = asyncio.get_running_loop()
        if self._told_to_stop:
            self._stopped.set()
        bus = self._make_bus()
        caller = LoopCaller(bus)
        authorizer = Authorizer(ConsoleAuth(caller), self._settings.allowed_origins,
                                self._settings.base_url)
        # Apart, so that a hung agent that is asked why a console ended delays no opening.
        agents = Compute(LoopCaller(bus, threads=WHY_THREADS, timeout=WHY_TIMEOUT))
        self._sessions = Sessions(self._spec, authorizer, agents, self._relay,
                                  self._settings.connect_timeout)
        ledger = self._sessions.ledger = Ledger(
            SessionsClient(caller), self.name, self._boot_id,
            live=lambda: [s.row() for s in self._sessions.all.values() if s.details],
            end=lambda ids: self._end(ids, "ended_by_admin"))
        background = [loop.create_task(ledger.report_forever(self._settings.touch_interval)),
                      loop.create_task(ledger.close_forever())]
        rpc = bus.serve(self.name, {Proxies.interface: ProxiesEndpoint(
            loop, self._end, self._describe)})
        server = await loop.create_server(lambda: Connection(self._accepted), sock=sock,
                                          backlog=BACKLOG)
        LOG.info("%s serves as %s", self._spec.command, self.name)
        await self._stopped.wait()
        server.close()
        self._end(list(self._sessions.all), "restart")
        for task in (*background, *self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await ledger.flush(FLUSH_TIMEOUT)
        await loop.run_in_executor(None, rpc.stop, STOP_TIMEOUT)
        await loop.run_in_executor(None, bus.close)

    def _end(self, ids: Iterable[str], reason: str, code: int | None = None) -> list[str]:
        here = [self._sessions.all[i] for i in ids if i in self._sessions.all]
        for session in here:
            session.end(reason, code)
        return [session.request.id for session in here]

    def _describe(self) -> dict[str, Any]:
        live = len(self._relay.links)
        return {"worker": self.name, "kind": self._spec.console_type, "boot_id": self._boot_id,
                "opening": len(self._sessions.all) - live, "live": live,
                "draining": self._stopped.is_set()}

    # -- connections -----------------------------------------------------------------------------

    def _accepted(self, connection: Connection) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: Connection) -> None:
        """Answer requests until one becomes a session, is refused, or none comes in time."""
        try:
            if len(self._tasks) > self._settings.max_opening:
                raise exception.Draining("too many connections are in their handshake")
            while await self._answer(connection):
                pass
        except TimeoutError:
            connection.write(http.refusal(exception.HandshakeTimeout()))
        except exception.WireError as exc:
            if not connection.ended:
                connection.write(http.refusal(exception.BadRequest(str(exc))))
        except exception.ConsolesError as exc:
            connection.write(http.refusal(exc))
        except Exception:
            LOG.exception("A request failed")
            connection.write(http.refusal(exception.ConsolesError()))
        else:
            return
        connection.close()

    async def _answer(self, connection: Connection) -> bool:
        """→ whether another request may follow on this connection."""
        deadline = asyncio.get_running_loop().time() + self._settings.handshake_timeout
        async with asyncio.timeout_at(deadline):
            request = http.Request(await connection.read_until(b"\r\n\r\n", http.MAX_HEAD))
        if request.is_upgrade:
            await self._open(connection, request, deadline)
            return False
        loop = asyncio.get_running_loop()
        connection.write(await loop.run_in_executor(
            None, static.respond, self._settings.web, request))
        async with asyncio.timeout(self._settings.handshake_timeout):
            await connection.drain()
        if not request.keeps_alive:
            connection.close()
        return request.keeps_alive

    async def _open(self, connection: Connection, request: http.Request,
                    deadline: float) -> None:
        frontend = WebsocketFrontend(connection, request, self._settings.limits.max_message_size)
        peer = connection.transport.get_extra_info("peername") or ("",)
        session = Opening(self._spec.console_type, self.name, self._boot_id, peer[0],
                          request.headers.get("User-Agent", ""))
        task = asyncio.current_task()
        connection.on_lost = task.cancel if task else None
        if connection.ended:
            connection.abort()
            return
        await self._sessions.open(session, frontend, deadline)
