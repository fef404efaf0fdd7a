"""One session as its worker knows it: who asked, what for, how far it got."""

import asyncio
import dataclasses
from typing import Any

from consoles import exception
from consoles import model
from consoles.context import RequestContext
from consoles.proxies.recorder import Recording
from consoles.relay.link import Link
from consoles.relay.link import now_ms

NO_OPTIONS: dict[str, Any] = {}


class Ended(exception.ConsolesError):
    """The session was ended while it opened, for that reason and with that Close code."""

    def __init__(self, reason: str, code: int | None) -> None:
        super().__init__(f"ended while it opened: {reason}")
        self.reason = reason
        self.close_code = exception.CLOSE_CODES.get(reason, 1000) if code is None else code
        self.public = reason.replace("_", " ")


class Opening:
    """From request to tally. `request` is what consoleauth is told when the token is used."""

    __slots__ = ("_request_id", "awaits_target", "details", "ended", "link", "opened", "question",
                 "recording", "request", "started_at")

    def __init__(self, request: model.SessionRequest) -> None:
        self.request = request
        self._request_id = RequestContext().request_id
        self.started_at = now_ms()
        self.awaits_target = False
        self.opened = False  # the target is reached, and a token for one use is used
        #: While consoleauth is asked: it may claim the token after the client has gone.
        self.question: asyncio.Task[model.Details] | None = None
        self.details: model.Details | None = None
        self.recording: Recording | None = None
        self.link: Link | None = None
        self.ended: tuple[str, int | None] | None = None

    @property
    def request_id(self) -> str:
        """That of the request for the URL once it is known, so that one id finds everything."""
        return (self.details and self.details.request_id) or self._request_id

    def context(self) -> RequestContext:
        details = self.details
        return RequestContext(request_id=self.request_id,
                              user_id=details.user_id if details else None,
                              project_id=details.project_id if details else None)

    def slim(self) -> None:
        """Forget what only the opening needed: there are thousands of these."""
        if self.details is not None:
            self._request_id = self.request_id
            self.details = dataclasses.replace(
                self.details, session_id="", internal_access_path=None, options=NO_OPTIONS,
                created_at=0, expires_at=0)

    def end(self, reason: str, code: int | None = None) -> None:
        """End it now if it is carried, else as soon as its target is ready."""
        self.ended = (reason, code)
        if self.link is not None:
            self.link.end(reason, code)

    def end_recording(self, reason: str) -> None:
        if self.recording is not None:
            self.recording.end(reason)

    def check_ended(self) -> None:
        """Raises Ended."""
        if self.ended is not None:
            raise Ended(*self.ended)

    def refused(self, exc: exception.ConsolesError) -> model.Tally:
        return model.Tally(session_id=self.request.id, bytes_in=0, bytes_out=0,
                           code=exc.close_code, reason=exc.reason, started_at=self.started_at,
                           ended_at=now_ms(), opened=self.opened)

    def row(self) -> dict[str, Any]:
        """What a report says of it."""
        tally = self.link.tally() if self.link else None
        row = {"id": self.request.id, "client_address": self.request.client_address,
               "user_agent": self.request.user_agent, "started_at": self.started_at,
               "state": "live" if self.link else "opening",
               "bytes_in": tally.bytes_in if tally else 0,
               "bytes_out": tally.bytes_out if tally else 0}
        if self.details is not None:
            row |= {"connection_id": self.details.id, "instance_id": self.details.instance_id,
                    "project_id": self.details.project_id,
                    "console_type": self.details.console_type}
        return row
