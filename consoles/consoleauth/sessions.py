"""The endpoint of `rpc.sessions`: what proxies tell of the sessions they carry."""

import logging
from typing import Any

from oslo_config import cfg

from consoles import exception
from consoles import model
from consoles.consoleauth import arguments
from consoles.consoleauth.closing import Closer
from consoles.context import RequestContext
from consoles.db import claims
from consoles.db import connections
from consoles.db import sessions
from consoles.db.engine import Database
from consoles.rpc.interface import exposed

LOG = logging.getLogger(__name__)

Rows = list[dict[str, Any]]  # the class below has a method named `list`
#: Sessions of a report in one transaction, so that checks of tokens come in between.
BATCH = 500


class SessionsEndpoint:
    """Keeps the rows of sessions, and ends sessions on demand."""

    def __init__(self, conf: cfg.ConfigOpts, database: Database, closer: Closer) -> None:
        self._ends_expired = conf.consoleauth.enforce_session_timeout
        self._database = database
        self._closer = closer
        self._lives: dict[str, str] = {}  # boot ids of the workers that reported here

    @exposed
    def report(self, context: RequestContext, worker: str, boot_id: str,
               sessions: Rows) -> dict[str, Any]:
        arguments.check(arguments.WORKER, worker=worker, boot_id=boot_id, sessions=sessions)
        rows = _fitting(arguments.REPORTED_SESSION, sessions, "id", worker)
        over: Rows = []
        for part in _parts(rows):
            over += self._database.write(_apply, worker, boot_id, part, self._ends_expired)
        self._end_former_lives(worker, boot_id)
        return {"end": over}

    @exposed
    def close(self, context: RequestContext, tallies: Rows) -> Rows:
        """Whatever can never be recorded is acknowledged, too, or it would come for ever."""
        arguments.check(arguments.TALLIES, tallies=tallies)
        rows = _fitting(arguments.TALLY, tallies, "session_id", "a proxy")
        for part in _parts(rows):
            ended = self._database.write(
                claims.close, [model.Tally.from_dict(row) for row in part])
            self._closer.close(context, ended, exception.CLOSE_CODES[claims.SIBLINGS_END],
                               claims.SIBLINGS_END)
        return [tally["session_id"] for tally in tallies if "session_id" in tally]

    @exposed
    def list(self, context: RequestContext, filters: dict[str, Any] | None = None,
             limit: int = 100, marker: str | None = None) -> Rows:
        arguments.check(arguments.SESSION_FILTERS, filters=filters or {}, limit=limit,
                        marker=marker)
        return self._database.read(sessions.find, filters or {}, limit, marker)

    @exposed
    def end(self, context: RequestContext, id: str, code: int = 4441,
            reason: str = "ended_by_admin") -> bool:
        arguments.check(arguments.END, id=id, code=code, reason=reason)
        found = self._database.write(sessions.end, id, code, reason)
        if found is None:
            return False
        worker, ended = found
        LOG.info("Session %s of %s is to end: %s", id, worker, reason)
        try:
            closed = self._closer.close_now(context, worker, [id], code, reason)
        except exception.ServiceUnavailable:
            if ended:
                raise
            closed = []
        return ended or id in closed

    def _end_former_lives(self, worker: str, boot_id: str) -> None:
        if self._lives.get(worker) == boot_id:
            return
        lost = self._database.write(sessions.end_former_lives, worker, boot_id)
        self._lives[worker] = boot_id
        if lost:
            LOG.warning("%s sessions of the former life of %s are lost", lost, worker)


def _apply(db: Any, worker: str, boot_id: str, rows: Rows, ends_expired: bool) -> Rows:
    """One transaction of a report; details before sessions, the order of all locks."""
    connection_ids = sorted({row["connection_id"] for row in rows})
    connections.touch_ids(db, connection_ids)
    if ends_expired:
        sessions.end_expired(db, [row["id"] for row in rows], connection_ids)
    return sessions.report(db, worker, boot_id, rows)


def _fitting(schema: Any, rows: Rows, key: str, sender: str) -> Rows:
    """The well-formed rows, each id once."""
    fitting = arguments.valid(schema, rows)
    if len(fitting) < len(rows):
        LOG.error("%s of %s rows from %s are malformed and left out", len(rows) - len(fitting),
                  len(rows), sender)
    return list({row[key]: row for row in fitting}.values())


def _parts(rows: Rows) -> list[Rows]:
    return [rows[start:start + BATCH] for start in range(0, len(rows), BATCH)]
