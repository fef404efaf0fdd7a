"""Who was let in, who was refused, how long it lasted: one JSON line each on `consoles.audit`."""

import json
import logging
from typing import Any

from consoles import exception
from consoles import model

LOG = logging.getLogger("consoles.audit")


class Trail:
    """The records of one session; what is not known yet is null."""

    def __init__(self, session: model.SessionRequest, request_id: str) -> None:
        self.request_id = request_id
        self._fields: dict[str, Any] = {
            "request_id": request_id, "session_id": session.id, "type": session.kind,
            "worker": session.worker, "peer": session.client_address,
            "user_id": None, "project_id": None, "instance_id": None}

    def authorised(self, details: model.Details) -> None:
        self._fields.update(
            request_id=details.request_id or self._fields["request_id"],
            user_id=details.user_id, project_id=details.project_id,
            instance_id=details.instance_id)
        self._write("authorise")

    def refused(self, exc: exception.ConsolesError) -> None:
        self._write("refuse", reason=exc.reason, code=exc.close_code)

    def opened(self) -> None:
        self._write("open")

    def closed(self, tally: model.Tally) -> None:
        self._write("close", reason=tally.reason, code=tally.code, bytes_in=tally.bytes_in,
                    bytes_out=tally.bytes_out,
                    duration=round((tally.ended_at - tally.started_at) / 1000, 3))

    def _write(self, event: str, **fields: Any) -> None:
        LOG.info("%s", json.dumps({"event": event, **self._fields, **fields}))
