"""Instances and hosts: each function is one question, asked in the transaction handed in."""

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from oslo_db.sqlalchemy import utils
from sqlalchemy import orm

from consoles import exception
from consoles import model
from consoles.db import clock
from consoles.db import connections
from consoles.db import sessions
from consoles.db.models import Connection
from consoles.db.models import Host
from consoles.db.models import Instance
from consoles.db.models import Session

#: Rows named in one statement.
BATCH = 500
DELETED = "DELETED"
RUNNING = "ACTIVE"
MIGRATING = "MIGRATING"
QUOTED = re.compile(r"\\(\W)")
#: Why what was opened on an instance comes to its end, see exception.CLOSE_CODES.
GONE, STOPPED, MOVED = "instance_deleted", "instance_stopped", "instance_migrated"


@dataclasses.dataclass(frozen=True)
class Report:
    """What an agent says of its host; `instances` by id."""

    host: str
    boot_id: str
    sequence: int
    full: bool
    instances: dict[str, model.Instance]
    endpoints: dict[str, str]
    version: str


@dataclasses.dataclass(frozen=True)
class Claim:
    """An instance was reported by a host while another one that is up has it, too."""

    instance_id: str
    status: str
    from_host: str
    to_host: str
    granted: bool


@dataclasses.dataclass
class Outcome:
    """What a report led to: the agent's answer, sessions to close by the reason, claims to audit.
    """

    answer: str
    ended: dict[str, list[sessions.Place]] = dataclasses.field(default_factory=dict)
    claims: list[Claim] = dataclasses.field(default_factory=list)


def apply(db: orm.Session, report: Report, service_down_time: int) -> Outcome:
    """Bring the rows of a host up to its report, under the lock of the host's row."""
    host = db.get(Host, report.host, with_for_update=True)
    refusal = _refusal(host, report)
    if refusal:
        return Outcome(refusal)
    now = clock.read(db)
    if host is None:  # if another copy inserts it meanwhile, this one fails and is retried
        host = Host(name=report.host)
        db.add(host)
    host.boot_id, host.sequence, host.version = report.boot_id, report.sequence, report.version
    host.consoles, host.endpoints = sorted(report.endpoints), report.endpoints
    host.reported_at = now
    db.flush()
    up = set(db.scalars(sa.select(Host.name)
                        .where(Host.reported_at >= clock.ago(service_down_time))))
    outcome = Outcome("applied")
    over: dict[str, list[str]] = {reason: [] for reason in (GONE, STOPPED, MOVED)}
    for part in _parts(sorted(report.instances)):
        for id, reason in _place(db, report, part, up, outcome):
            over[reason].append(id)
    if report.full:
        here = db.scalars(sa.select(Instance.id).where(Instance.host == report.host))
        over[GONE] += [id for id in here if id not in report.instances]
    for reason, ids in over.items():
        outcome.ended[reason] = [place for part in _parts(sorted(ids))
                                 for place in _end(db, part, reason)]
    return outcome


def get(db: orm.Session, instance_id: str) -> dict[str, Any] | None:
    row = db.get(Instance, instance_id)
    return _value(row) if row else None


def find(db: orm.Session, filters: dict[str, Any], limit: int, marker: str | None,
         sort: list[list[str]] | None = None) -> list[dict[str, Any]]:
    """By the keys and directions of `sort`, then by id, after `marker`; `project_id` may be a
    list. Raises BadRequest for a marker that is not among the project's instances."""
    query = sa.select(Instance)
    for key, value in filters.items():
        query = query.where(_matches(key, value))
    keys = {**dict(sort or []), "id": dict(sort or []).get("id", "asc")}
    last = _marked(db, filters, marker, bool(sort))
    query = utils.paginate_query(query, Instance, limit, list(keys), marker=last,
                                 sort_dirs=list(keys.values()))
    return [_value(row) for row in db.scalars(query)]


def hosts(db: orm.Session, service_down_time: int) -> list[dict[str, Any]]:
    """→ [{name, reported_at, age, version, consoles, endpoints, up, instances}]; age in ms."""
    now = clock.read(db)
    counts = dict(db.execute(
        sa.select(Instance.host, sa.func.count()).group_by(Instance.host)).all())
    return [{"name": row.name, "reported_at": row.reported_at, "age": now - row.reported_at,
             "version": row.version, "consoles": row.consoles, "endpoints": row.endpoints,
             "up": now - row.reported_at <= service_down_time * clock.SECOND,
             "instances": counts.get(row.name, 0)}
            for row in db.scalars(sa.select(Host).order_by(Host.name))]


def _matches(key: str, value: Any) -> sa.ColumnElement[bool]:
    column = getattr(Instance, key)
    if key == "name":
        return _named(value)
    return column.in_(value) if isinstance(value, list) else column == value


def _named(pattern: str) -> sa.ColumnElement[bool]:
    """A part of the name, in any case, tied to its ends by `^` and `$`; nothing else is special,
    so that clients may quote what a regular expression would want quoted."""
    text = QUOTED.sub(r"\1", pattern.removeprefix("^").removesuffix("$"))
    match pattern[:1] == "^", pattern[-1:] == "$":
        case True, True:
            return sa.func.lower(Instance.name) == text.lower()
        case True, False:
            return Instance.name.istartswith(text, autoescape=True)
        case False, True:
            return Instance.name.iendswith(text, autoescape=True)
    return Instance.name.icontains(text, autoescape=True)


def _marked(db: orm.Session, filters: dict[str, Any], marker: str | None,
            sorted_: bool) -> Instance | None:
    """Where the last page ended; by id alone that is so, whether or not the instance is gone."""
    if marker is None or not sorted_:
        return Instance(id=marker) if marker else None
    query = sa.select(Instance).where(Instance.id == marker)
    if "project_id" in filters:
        query = query.where(_matches("project_id", filters["project_id"]))
    found = db.scalar(query)
    if found is None:
        raise exception.BadRequest("marker: no such instance")
    return found


def _refusal(host: Host | None, report: Report) -> str:
    """The answer to a report that cannot be applied, empty for one that can."""
    if host is None or host.boot_id != report.boot_id:
        return "" if report.full else "resync"
    if report.sequence <= host.sequence:
        return "old"
    return "" if report.full or report.sequence == host.sequence + 1 else "resync"


def _place(db: orm.Session, report: Report, ids: list[str], up: set[str],
           outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Insert, update or take over these instances; → (id, why) of those whose consoles end."""
    rows = {row.id: row for row in db.scalars(
        sa.select(Instance).where(Instance.id.in_(ids)).order_by(Instance.id)
        .with_for_update())}
    now = clock.read(db)
    for value in (report.instances[id] for id in ids):
        row = rows.get(value.id)
        if value.status == DELETED:
            if row and row.host == report.host:
                yield value.id, GONE
        elif row is None:
            db.add(Instance(id=value.id, generation=1, created_at=value.created_at or now,
                            updated_at=now, **_reported(value, report.host, now)))
        elif row.host == report.host or _taken_over(row, value, report.host, up, outcome):
            if row.host != report.host:
                yield value.id, MOVED
            elif value.status != row.status and value.status not in model.RUNNING:
                yield value.id, STOPPED
            _update(row, _reported(value, report.host, now), now)
    db.flush()


def _taken_over(row: Instance, value: model.Instance, host: str, up: set[str],
                outcome: Outcome) -> bool:
    """Whether the instance goes from its host to this one: when that is down, or it runs here, or
    that is where it migrated to, paused or not."""
    if row.host in up:
        arrived = row.status == MIGRATING and value.status in model.RUNNING - {MIGRATING}
        claim = Claim(row.id, value.status, row.host, host,
                      granted=value.status == RUNNING or arrived)
        outcome.claims.append(claim)
        if not claim.granted:
            return False
    row.generation += 1
    return True


def _reported(value: model.Instance, host: str, now: int) -> dict[str, Any]:
    return {"host": host, "name": value.name, "project_id": value.project_id,
            "user_id": value.user_id, "status": value.status, "seen_at": now}


def _update(row: Instance, values: dict[str, Any], now: int) -> None:
    if any(getattr(row, key) != value for key, value in values.items() if key != "seen_at"):
        row.updated_at = now
    for key, value in values.items():
        setattr(row, key, value)


def _end(db: orm.Session, ids: list[str], reason: str) -> list[sessions.Place]:
    """Their connection details and sessions end; what is gone is forgotten itself, too."""
    if reason == GONE:
        db.execute(sa.delete(Instance).where(Instance.id.in_(ids)),
                   execution_options={"synchronize_session": False})
    code = exception.CLOSE_CODES[reason]
    _, ended = connections.remove(db, Connection.instance_id.in_(ids), code, reason)
    # Lost sessions may have outlived their details.
    return ended + sessions.end_where(db, Session.instance_id.in_(ids), code, reason)


def _value(row: Instance) -> dict[str, Any]:
    return model.Instance(
        id=row.id, name=row.name, host=row.host, project_id=row.project_id,
        user_id=row.user_id, status=row.status, created_at=row.created_at,
        updated_at=row.updated_at).to_dict()


def _parts(ids: list[str]) -> list[list[str]]:
    return [ids[start:start + BATCH] for start in range(0, len(ids), BATCH)]
