"""The query of a list of servers; keys that are not known are ignored, as Nova does."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jsonschema

from consoles.api import validation

MAX_LIMIT = 1000
TRUE = ["", "1", "true", "True"]
FALSE = ["0", "false", "False"]
_TEXT = {"type": "string", "maxLength": 255}

INDEX = jsonschema.Draft202012Validator({
    "type": "object",
    "properties": {
        "all_tenants": {"enum": TRUE + FALSE},
        "host": _TEXT,
        "limit": {"type": "string", "pattern": "^[0-9]{1,9}$"},
        "marker": {"type": "string", "maxLength": 64},
        "name": _TEXT,
        "status": _TEXT,
    },
})


@dataclasses.dataclass(frozen=True)
class Query:
    """`filters` are the inventory's."""

    filters: dict[str, str]
    limit: int
    marker: str | None
    all_tenants: bool


def query(params: Mapping[str, Any]) -> Query:
    """Raises 400 for a value that is not valid."""
    validation.check(INDEX, dict(params))
    filters = {key: params[key] for key in ("host", "name", "status") if params.get(key)}
    if "status" in filters:
        filters["status"] = filters["status"].upper()
    return Query(filters, min(int(params.get("limit", MAX_LIMIT)), MAX_LIMIT),
                 params.get("marker") or None, params.get("all_tenants") in TRUE)
