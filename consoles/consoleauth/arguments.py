"""What callers may send, as JSON schemas; what is wrong is named, its value never shown.

Keys of objects that a newer peer added are let through, as everywhere on the bus.
"""

from typing import Any

import jsonschema
from jsonschema import exceptions as schema_errors

from consoles import exception
from consoles.model import ConsoleType
from consoles.rpc.consoleauth import NOVA_FORM

#: No control characters and no lone surrogates, which not every database takes.
PRINTABLE = r"^[^\x00-\x1f\x7f\ud800-\udfff]*\Z"
MAX_ITEMS = 10_000
MAX_LISTED = 1000


def _text(limit: int = 255, pattern: str = PRINTABLE) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": limit, "pattern": pattern}


def _integer(low: int = 0, high: int = 2**63 - 1) -> dict[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": high}


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [{"type": "null"}, schema]}


def _object(optional: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties,
            "required": [name for name in properties if name not in optional]}


def _items(schema: dict[str, Any], limit: int = MAX_ITEMS) -> dict[str, Any]:
    return {"type": "array", "items": schema, "maxItems": limit}


def _validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema)


ID = _text(64)
NAME = _text()
OWNER = _optional(NAME)
PORT = _integer(1, 65535)
HASH = _text(64, r"^[0-9a-f]{64}\Z")
URL = _text(2048, r"^(https?|wss?)://[^\x00-\x20\x7f/?#]+[^\x00-\x20\x7f\ud800-\udfff]*\Z")
#: It becomes part of a request line, where a space or a line's end would begin something new.
PATH = _optional(_text(8192, r"^[\x21-\x7e]*\Z"))
#: Only WebMKS's, a ticket in JSON, may contain spaces.
TICKET = _optional(_text(8192, r"^[\x20-\x7e]*\Z"))

NAMED = _validator(_object(("instance_id", "host"), instance_id=ID, host=NAME))
ADD = _validator(_object(
    instance_id=ID, console_type={"enum": list(ConsoleType)}, token=HASH, host=NAME, port=PORT,
    access_url_base=URL, tls_port=_optional(PORT), tls_name=OWNER, agent_host=OWNER,
    project_id=OWNER, user_id=OWNER, ttl=_optional(_integer(1)),
    options=_optional({"type": "object", "maxProperties": 64, "properties": {
        "single_use": {"type": "boolean"}, "view_only": {"type": "boolean"},
        "client_cidr": _optional(NAME), "line": _integer(0)}}))
    | {"if": {"properties": {"console_type": {"const": ConsoleType.WEBMKS}}},
       "then": {"properties": {"internal_access_path": TICKET}},
       "else": {"properties": {"internal_access_path": PATH}}})

SESSION = _validator(_object(session=_object(
    ("user_agent", "boot_id", "takeover"), id=ID, worker=NAME, kind=NAME, client_address=NAME,
    user_agent={"type": "string"}, boot_id={"type": "string", "maxLength": 64},
    takeover={"type": "boolean"})))

TOKENS = _validator(_object(
    ("ids",), tokens=_items(HASH, MAX_LISTED), ids=_optional(_items(ID, MAX_LISTED))))

NOVA_TOKENS = _validator(_object(nova_token=_optional(_text(36, NOVA_FORM))))

REPORTED_SESSION = _validator(_object(
    ("project_id", "started_at"), id=ID, connection_id=ID, instance_id=ID, project_id=OWNER,
    console_type=_text(32), client_address=NAME, state={"enum": ["opening", "live"]},
    started_at=_optional(_integer()), bytes_in=_integer(), bytes_out=_integer()))
WORKER = _validator(_object(worker=NAME, boot_id=ID, sessions=_items({"type": "object"})))

TALLY = _validator(_object(
    ("started_at", "ended_at", "opened"), session_id=ID, opened={"type": "boolean"},
    bytes_in=_integer(), bytes_out=_integer(), code=_integer(1000, 4999), reason=_text(64),
    started_at=_integer(), ended_at=_integer()))
TALLIES = _validator(_object(tallies=_items({"type": "object"})))

#: A word, since it stands in audit events and is told to the user.
END = _validator(_object(id=ID, code=_integer(1000, 4999),
                         reason=_text(64, r"^[a-z_]+\Z")))

SESSION_FILTERS = _validator(_object(
    ("filters", "marker"), limit=_integer(1, MAX_LISTED), marker=_optional(ID),
    filters={"type": "object", "additionalProperties": False, "properties": {
        "id": ID, "instance_id": ID, "project_id": NAME, "worker": NAME,
        "state": {"enum": ["opening", "live", "ended"]}}}))

HOST_REPORT = _validator(_object(
    host=NAME, boot_id=ID, sequence=_integer(), full={"type": "boolean"},
    version={"type": "string", "maxLength": 255},
    endpoints={"type": "object", "additionalProperties": URL,
               "propertyNames": {"enum": list(ConsoleType)}},
    instances=_items(_object(
        ("project_id", "user_id", "created_at"), id=ID, name={"type": "string"},
        status=_text(32), project_id=OWNER, user_id=OWNER,
        created_at=_optional(_integer())))))

INSTANCE_FILTERS = _validator(_object(
    ("filters", "marker", "sort"), limit=_integer(1, MAX_LISTED), marker=_optional(ID),
    sort=_optional(_items({"type": "array", "minItems": 2, "maxItems": 2, "prefixItems": [
        {"enum": ["id", "name", "host", "status", "created_at", "updated_at"]},
        {"enum": ["asc", "desc"]}]}, 10)),
    filters={"type": "object", "additionalProperties": False, "properties": {
        "id": ID, "user_id": NAME, "host": NAME,
        "project_id": {"anyOf": [NAME, _items(OWNER, 100)]},
        "name": {"type": "string", "maxLength": 255, "pattern": PRINTABLE}, "status": NAME}}))


def check(schema: jsonschema.Draft202012Validator, **values: Any) -> None:
    """Raises BadRequest that names the argument and the rule it breaks."""
    error = schema_errors.best_match(schema.iter_errors(values))
    if error is None:
        return
    where = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "required":  # its message holds names of ours only
        raise exception.BadRequest(f"{where}: {error.message}")
    raise exception.BadRequest(f"{where}: not of {error.validator} {error.validator_value}")


def valid(schema: jsonschema.Draft202012Validator, values: list[Any]) -> list[Any]:
    """Those that fit: a bad one among many must not keep the others from being recorded."""
    return [value for value in values if schema.is_valid(value)]


def plain(text: str, limit: int = 255) -> str:
    """Free text from outside, made fit for a column and for a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text[:limit])
