"""Who was let in, who was refused, how long it lasted: one JSON line each on `consoles.audit`.

The same events go out as notifications, where these are switched on. What an event consists of
is said by doc/source/admin/audit-event.schema.json.
"""

import datetime
import json
import logging
from collections.abc import Callable
from typing import Any

from consoles import exception
from consoles import model
from consoles.proxies.metrics import Metrics
from consoles.proxies.opening import Opening
from consoles.relay.link import now_ms

LOG = logging.getLogger("consoles.audit")

EVENT_TYPE = "consoles.session."

#: Gets an event's type and payload; must not block.
Notify = Callable[[str, dict[str, Any]], None]


class Audit:
    """One per worker, in its loop. Counts as well, so that lines and metrics agree."""

    def __init__(self, metrics: Metrics, notify: Notify) -> None:
        self.metrics = metrics
        self._notify = notify

    def authorised(self, session: Opening) -> None:
        self._tell("authorise", session)

    def refused(self, session: Opening, exc: exception.ConsolesError) -> None:
        self.metrics.refused(exc)
        self._tell("refuse", session, reason=exc.reason, code=exc.close_code,
                   duration=_seconds(session.started_at, now_ms()))

    def opened(self, session: Opening) -> None:
        self.metrics.session_opened()
        self._tell("open", session)

    def closed(self, session: Opening, tally: model.Tally) -> None:
        self.metrics.session_ended(tally)
        self._tell("close", session, reason=tally.reason, code=tally.code,
                   bytes_in=tally.bytes_in, bytes_out=tally.bytes_out,
                   duration=_seconds(session.started_at, tally.ended_at))

    def _tell(self, event: str, session: Opening, **fields: Any) -> None:
        payload = _payload(event, session) | fields
        # ASCII only: control characters and line ends of whatever origin come out escaped.
        LOG.info("%s", json.dumps(payload).replace("\x7f", "\\u007f"))
        self._notify(EVENT_TYPE + event, payload)


def _payload(event: str, session: Opening) -> dict[str, Any]:
    """What is not known, or not yet, is null."""
    request, details = session.request, session.details
    return {
        "event": event, "time": datetime.datetime.now(datetime.UTC).isoformat(),
        "request_id": session.request_id, "session_id": request.id, "type": request.kind,
        "worker": request.worker, "peer": request.client_address,
        "user_id": details.user_id if details else None,
        "project_id": details.project_id if details else None,
        "instance_id": details.instance_id if details else None,
        "reason": None, "code": None, "bytes_in": None, "bytes_out": None, "duration": None}


def _seconds(begun: int, ended: int) -> float:
    """Of two times in milliseconds; the clock may have been set back between them."""
    return max(0, ended - begun) / 1000
