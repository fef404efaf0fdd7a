"""The query of a list of sessions, and sessions as answers."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jsonschema

from consoles.api import microversion
from consoles.api import validation
from consoles.api.schemas import servers

Schema = jsonschema.Draft202012Validator

MAX_LIMIT = 1000
FILTERS = ("project_id", "state")

INDEX = {microversion.FIRST: Schema({
    "type": "object",
    "properties": {
        "all_tenants": {"enum": servers.TRUE},
        "limit": {"type": "string", "pattern": r"^[1-9][0-9]{0,8}" + validation.END},
        "marker": {**servers.TEXT, "minLength": 1, "maxLength": 64},
        "project_id": {**servers.TEXT, "minLength": 1},
        "state": {"enum": ["opening", "live", "ended"]},
    },
})}

_TEXT = {"type": "string"}
_MAYBE = {"type": ["string", "null"]}
_COUNT = {"type": "integer", "minimum": 0}
_SESSION = {
    "id": _TEXT, "instance_uuid": _TEXT, "project_id": _MAYBE, "type": _TEXT,
    "state": {"enum": ["opening", "live", "ended"]}, "client_address": _TEXT,
    "user_agent": _TEXT, "started_at": _TEXT, "updated_at": _TEXT, "ended_at": _MAYBE,
    "bytes_in": _COUNT, "bytes_out": _COUNT, "code": {"type": ["integer", "null"]},
    "reason": _MAYBE}
LIST = Schema({
    "type": "object", "additionalProperties": False, "required": ["console_sessions"],
    "properties": {
        "console_sessions": {"type": "array", "items": {
            "type": "object", "additionalProperties": False, "required": list(_SESSION),
            "properties": {**_SESSION, "worker": _TEXT}}},
        "console_sessions_links": servers.LINKS}})


@dataclasses.dataclass(frozen=True)
class Query:
    """`filters` are those of the sessions' interface; `all_tenants` wants every project's."""

    filters: dict[str, str]
    limit: int
    marker: str | None
    all_tenants: bool


def query(params: Mapping[str, Any]) -> Query:
    """What a valid query asks for."""
    return Query({key: params[key] for key in FILTERS if key in params},
                 min(int(params.get("limit", MAX_LIMIT)), MAX_LIMIT), params.get("marker"),
                 "all_tenants" in params)
