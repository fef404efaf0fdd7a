"""A session's life, in the one place that knows its order."""

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import AsyncIterator
from collections.abc import Iterator
from typing import Any

from consoles import context as request_context
from consoles import exception
from consoles import model
from consoles.proxies import view_only
from consoles.proxies.audit import Audit
from consoles.proxies.authorizer import Authorizer
from consoles.proxies.backoff import Backoff
from consoles.proxies.catalog import ProxySpec
from consoles.proxies.frontends.frontend import Frontend
from consoles.proxies.ledger import Ledger
from consoles.proxies.opening import Opening
from consoles.proxies.reached import Plain
from consoles.proxies.reached import Reached
from consoles.proxies.recorder import Recorder
from consoles.proxies.recorder import Recording
from consoles.proxies.settings import Settings
from consoles.relay.link import Link
from consoles.relay.link import now_ms
from consoles.relay.relay import End
from consoles.relay.relay import Relay
from consoles.rpc.compute import Compute
from consoles.stream.dial import dial

LOG = logging.getLogger(__name__)

#: Seconds in which the agent may say why the target ended, and until it is asked once more: the
#: hypervisor itself may not know yet.
WHY_TIMEOUT, WHY_PAUSE = 1.5, 0.25

#: Why a target ended, by what its agent says of the console now.
_WHY: dict[type[exception.ConsolesError], str] = {
    exception.InstanceNotFound: "instance_deleted",
    exception.InstanceNotReady: "instance_stopped",
    exception.PortChanged: "instance_migrated",
    exception.InstanceMoving: "instance_migrated",
}


class Sessions:
    """All sessions of a worker, from their request to their tally."""

    def __init__(self, spec: ProxySpec, authorizer: Authorizer, compute: Compute, relay: Relay,
                 settings: Settings) -> None:
        self.all: dict[str, Opening] = {}
        self.ledger: Ledger
        self.audit: Audit
        self.recorder: Recorder | None = None
        self.stops = False  # the worker cuts off what is still being opened
        self._spec = spec
        self._authorizer = authorizer
        self._compute = compute
        self._relay = relay
        self._settings = settings
        self._backoff = Backoff(settings.max_failed_tokens)
        self._asking: set[asyncio.Task[None]] = set()
        self._callbacks = (self._ended, self._ask_why)  # bound once, not for each session

    async def open(self, session: Opening, frontend: Frontend, deadline: float) -> None:
        """Open a session, or say why not. Ends when it is carried or refused."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._open(session, frontend)
        except (Exception, asyncio.CancelledError) as exc:
            self.refuse(session, frontend, _refusal(exc, session, self.stops))

    def rows(self) -> Iterator[dict[str, Any]]:
        """What reports say of those that are authorised, made as they are taken."""
        for session in list(self.all.values()):
            if session.details and session.request.id in self.all:
                yield session.row()

    def refuse(self, session: Opening, frontend: Frontend,
               exc: exception.ConsolesError) -> None:
        """Say why it is not opened; it may have been begun."""
        self.audit.refused(session, exc)
        LOG.info("Session %s refused: %s", session.request.id, exc)
        session.end_recording(exc.reason)
        known = self.all.pop(session.request.id, None)
        if known and not isinstance(exc, exception.InvalidToken):  # claimed, or may be
            self.ledger.close(session.refused(exc), after=session.question)
        frontend.reject(exc)

    async def _open(self, session: Opening, frontend: Frontend) -> None:
        context = request_context.use(session.context())
        self._authorizer.check(frontend)
        address = session.request.client_address
        await self._backoff.enter(address)
        self.all[session.request.id] = session
        session.question = asyncio.get_running_loop().create_task(
            self._ask(context, session, frontend.token))
        session.question.add_done_callback(lambda _: self._backoff.leave(address))
        session.question.add_done_callback(_heard)
        with self.audit.metrics.stage("authorise"):
            details = session.details = await asyncio.shield(session.question)
        session.question = None
        request_context.use(session.context())
        self._authorizer.check_scheme(frontend.request, details)
        self.audit.authorised(session)
        async with self._reached(session, details) as target:
            await self._record(session, details)
            session.opened = True
            with self.audit.metrics.stage("accept"):
                frontend.accept()
                for step in self._spec.to_client:
                    await step(frontend, details, self._settings.means)
            session.check_ended()
            client = frontend.detach()
            session.awaits_target = True  # if it takes nothing, that is not the client's fault
            session.link = self._carry(session, details, client, target.detach())
            session.slim()
        LOG.info("Session %s opened: instance %s at %s:%s", session.request.id,
                 details.instance_id, details.host, details.port)
        request_context.forget()

    async def _ask(self, context: request_context.RequestContext, session: Opening,
                   token: str) -> model.Details:
        """Claim the token. A client that does not wait for the answer is judged by it, too."""
        address = session.request.client_address
        try:
            details = await self._authorizer.authorize(context, token, session.request)
        except exception.InvalidToken:
            self._backoff.failed(address)
            raise
        self._backoff.succeeded(address)
        return details

    @contextlib.asynccontextmanager
    async def _reached(self, session: Opening,
                       details: model.Details) -> AsyncIterator[Reached]:
        """Dial the target and say what this kind needs; cut it off if the rest goes wrong."""
        session.awaits_target = True
        with self.audit.metrics.stage("dial"):
            target: Reached = Plain(await dial(
                details.host, details.port, self._settings.connect_timeout,
                self._settings.targets.allows))
        try:
            with self.audit.metrics.stage("target"):
                for step in self._spec.to_target:
                    target = await step(target, details, self._settings.means)
            session.awaits_target = False
            yield target
        except BaseException:
            target.abort()
            raise

    def _carry(self, session: Opening, details: model.Details, client: End,
               target: End) -> Link:
        self.audit.opened(session)
        to_client, to_target = session.recording.ways() if session.recording else (None, None)
        client = dataclasses.replace(client, way=to_client)
        target = dataclasses.replace(target, way=view_only.guard(details, to_target))
        return self._relay.carry(session.request.id, client, target, *self._callbacks)

    async def _record(self, session: Opening, details: model.Details) -> None:
        """Begin to record it, where that is configured. Raises RecordingUnavailable."""
        if self.recorder is None:
            return
        kind = model.ConsoleType(details.console_type)
        session.recording = Recording(self.recorder, {
            "session_id": session.request.id, "instance_id": details.instance_id, "type": kind,
            "protocol": model.PROTOCOLS[kind], "started_at": now_ms()}, session.end)
        await session.recording.ready()

    def _ended(self, tally: model.Tally) -> None:
        session = self.all.pop(tally.session_id, None)
        if session is None:
            return
        self.ledger.close(tally)
        session.end_recording(tally.reason)
        request_context.use(session.context())
        self.audit.closed(session, tally)
        LOG.info("Session %s ended: %s", tally.session_id, tally.reason)
        request_context.forget()

    def _ask_why(self, link: Link, reason: str) -> None:
        """The target ended before anybody told us why; its agent may know."""
        task = asyncio.get_running_loop().create_task(
            self._why(self.all[link.session_id], link, reason))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _why(self, session: Opening, link: Link, reason: str) -> None:
        details = session.details
        if details is not None and details.agent_host:
            try:
                async with asyncio.timeout(WHY_TIMEOUT):
                    reason = (await self._told(session, details)
                              or await asyncio.sleep(WHY_PAUSE, "")
                              or await self._told(session, details) or reason)
            except TimeoutError:
                LOG.debug("The agent does not say why the target ended")
            except Exception:  # the session ends all the same
                LOG.exception("Asking why the target ended failed")
        link.end(reason)

    async def _told(self, session: Opening, details: model.Details) -> str:
        """→ why the console is not where it was, as its agent says it; empty when it does not."""
        try:
            await self._compute.at(details.agent_host or "").validate_console(
                session.context(), details.instance_id, details.console_type, details.host,
                details.port)
        except exception.ConsolesError as exc:
            return _WHY.get(type(exc), "")
        return ""


def _heard(question: asyncio.Task[model.Details]) -> None:
    """A refusal that nobody waits for any more is no error of the loop's."""
    if not question.cancelled():
        question.exception()


def _refusal(exc: BaseException, session: Opening, stops: bool) -> exception.ConsolesError:
    """Whose fault it was, as an entry of the table of refusals."""
    match exc:
        case TimeoutError() if session.awaits_target:
            return exception.TargetTimeout("the target did not finish its handshake in time")
        case TimeoutError():
            return exception.HandshakeTimeout("the client did not finish its handshake in time")
        case exception.WireError() if session.awaits_target:
            return exception.TargetProtocolError(f"target: {exc}")
        case exception.WireError():
            return exception.BadRequest(f"client: {exc}")
        case exception.ConsolesError():
            return exc
        case asyncio.CancelledError() if stops:
            return exception.Draining("the proxy stops")
        case asyncio.CancelledError():
            return exception.BadRequest("the client went away")
    LOG.error("Opening a session failed", exc_info=exc)
    return exception.ConsolesError("opening failed")
