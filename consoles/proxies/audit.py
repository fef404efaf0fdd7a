"""Who was let in, who was refused, how long it lasted: one JSON line each on `consoles.audit`."""

import json
import logging
from typing import Any

from consoles import exception
from consoles import model
from consoles.proxies.opening import Opening

LOG = logging.getLogger("consoles.audit")


def authorised(session: Opening) -> None:
    _write("authorise", session)


def refused(session: Opening, exc: exception.ConsolesError) -> None:
    _write("refuse", session, reason=exc.reason, code=exc.close_code)


def opened(session: Opening) -> None:
    _write("open", session)


def closed(session: Opening, tally: model.Tally) -> None:
    _write("close", session, reason=tally.reason, code=tally.code, bytes_in=tally.bytes_in,
           bytes_out=tally.bytes_out,
           duration=round((tally.ended_at - session.started_at) / 1000, 3))


def _write(event: str, session: Opening, **fields: Any) -> None:
    """What is not known yet is null."""
    request, details = session.request, session.details
    LOG.info("%s", json.dumps({
        "event": event, "request_id": session.request_id, "session_id": request.id,
        "type": request.kind, "worker": request.worker, "peer": request.client_address,
        "user_id": details.user_id if details else None,
        "project_id": details.project_id if details else None,
        "instance_id": details.instance_id if details else None, **fields}))
