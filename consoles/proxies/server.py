"""A worker's connections: each is answered pages until it becomes a session or ends."""

import asyncio
import logging
import socket
import sys
import uuid

from consoles import exception
from consoles import model
from consoles.proxies import health
from consoles.proxies import peers
from consoles.proxies import static
from consoles.proxies.acceptor import Acceptor
from consoles.proxies.acceptor import Arrival
from consoles.proxies.catalog import ProxySpec
from consoles.proxies.door import Door
from consoles.proxies.frontends import request as http
from consoles.proxies.frontends.frontend import Terms
from consoles.proxies.health import Health
from consoles.proxies.opening import Opening
from consoles.proxies.session import Sessions
from consoles.proxies.settings import Settings
from consoles.stream.connection import Connection

LOG = logging.getLogger(__name__)


class Server:
    """One per worker, in its loop. `worker` and `boot_id` go into its sessions."""

    def __init__(self, spec: ProxySpec, settings: Settings, sessions: Sessions, worker: str,
                 boot_id: str) -> None:
        self._spec = spec
        self._terms = Terms(settings.limits.max_message_size, spec.text)
        self._settings = settings
        self._sessions = sessions
        self._worker = worker
        self._boot_id = boot_id
        self._timeout = settings.entry.handshake_timeout
        self._tasks: set[asyncio.Task[None]] = set()
        self._acceptor = Acceptor(settings.entry, self._arrived, Door(
            lambda reason: sessions.audit.metrics.turned_away(reason)))
        self.refuses = False  # new sessions: a balancer then goes elsewhere
        self._closed = False
        self.health: Health

    @property
    def busy(self) -> bool:
        """Whether a connection is here that is not a session yet."""
        return self._acceptor.opening > 0

    @property
    def handshakes(self) -> int:
        return self._acceptor.opening

    @property
    def pauses(self) -> int:
        """How often accepting has paused."""
        return self._acceptor.pauses

    def listen(self, sock: socket.socket) -> None:
        self._acceptor.listen(sock)

    def close(self) -> None:
        """Take no new connections; those that are here go on with what they have asked for."""
        self._closed = True
        self._acceptor.close()

    async def finish(self) -> None:
        """End what is in its handshake, TLS's first: what comes out of it is cancelled, too."""
        self.refuses = self._sessions.stops = True
        await self._acceptor.finish()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _arrived(self, arrival: Arrival) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(arrival))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: arrival.done())

    async def _serve(self, arrival: Arrival) -> None:
        """Answer requests until one becomes a session, is refused, or none comes in time."""
        connection = arrival.connection
        deadline = arrival.deadline
        try:
            while await self._answer(arrival, deadline):
                deadline = asyncio.get_running_loop().time() + self._timeout
        except TimeoutError:
            if connection.has_unread or deadline == arrival.deadline:  # else it was kept, and idle
                self._refuse(connection, exception.HandshakeTimeout())
        except exception.TooLong:
            self._refuse(connection, http.HeadTooLarge())
        except exception.WireError as exc:
            if not connection.ended:
                self._refuse(connection, exception.BadRequest(str(exc)))
        except exception.ConsolesError as exc:
            self._refuse(connection, exc)
        except Exception:
            LOG.exception("A request failed")
            self._refuse(connection, exception.ConsolesError())
        else:
            return
        connection.close()

    def _refuse(self, connection: Connection, exc: exception.ConsolesError) -> None:
        """What is no request for a session is counted, not audited: anybody may send any of it."""
        self._sessions.audit.metrics.refused(exc)
        connection.write(http.refusal(exc))

    async def _answer(self, arrival: Arrival, deadline: float) -> bool:
        """→ whether another request may follow on this connection."""
        connection = arrival.connection
        async with asyncio.timeout_at(deadline):
            request = http.Request(await connection.read_until(b"\r\n\r\n", http.MAX_HEAD))
        if self._spec.frontend.claims(request):
            await self._open(arrival, request, deadline)
            return False
        if self._closed:
            request.close_connection = True  # else a page's connection keeps this worker alive
        connection.write(await self._respond(request))
        try:
            async with asyncio.timeout(self._timeout):
                await connection.drain()
        except TimeoutError:  # half an answer is no place for another
            connection.close()
            return False
        if not request.keeps_alive:
            connection.close()
        return request.keeps_alive

    async def _respond(self, request: http.Request) -> bytes:
        if request.path.partition("?")[0] == health.PATH:
            return health.respond(self.health, request)
        return await asyncio.get_running_loop().run_in_executor(
            None, static.respond, self._settings.web, request)

    async def _open(self, arrival: Arrival, request: http.Request, deadline: float) -> None:
        connection = arrival.connection
        frontend = self._spec.frontend(connection, request, self._terms)
        trusted = self._settings.entry.trusted
        request.forwarded_host = peers.forwarded_host(arrival.address, request.headers, trusted)
        session = Opening(model.SessionRequest(
            id=str(uuid.uuid4()), worker=self._worker, boot_id=self._boot_id,
            kind=self._spec.console_type, takeover=request.takes_over,
            # Of many sessions they are alike.
            client_address=sys.intern(
                peers.client_address(arrival.address, request.headers, trusted)),
            user_agent=sys.intern(request.headers.get("User-Agent", "")[:255])))
        task = asyncio.current_task()
        connection.on_lost = task.cancel if task else None
        if connection.ended:
            connection.abort()
            return
        self._sessions.audit.metrics.took(
            "request", asyncio.get_running_loop().time() - (deadline - self._timeout))
        if self.refuses:
            self._sessions.refuse(session, frontend, exception.Draining("the proxy stops"))
        elif 0 < self._settings.max_sessions <= len(self._sessions.all):
            LOG.warning("A session is refused: [proxy] max_sessions are here")
            self._sessions.refuse(session, frontend, exception.OverLimit(
                "this worker has all the sessions it may have"))
        else:
            await self._sessions.open(session, frontend, deadline)
