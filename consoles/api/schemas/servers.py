"""The query of a list of servers, and servers as answers."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import falcon
import jsonschema

from consoles.api import microversion
from consoles.api import validation

Schema = jsonschema.Draft202012Validator

MAX_LIMIT = 1000
TRUE = ["", "1", "true", "True"]
FALSE = ["0", "false", "False"]
#: Clients' words for what the inventory can sort by; all others are a 400.
SORT_KEYS = {"uuid": "id", "id": "id", "display_name": "name", "name": "name",
             "created_at": "created_at", "updated_at": "updated_at", "vm_state": "status",
             "status": "status", "host": "host"}
#: Clients' words for the inventory's filters.
FILTERS = {"host": "host", "display_name": "name", "name": "name", "status": "status",
           "user_id": "user_id", "uuid": "id"}
#: What Nova can filter by and the inventory does not know: to ignore one would show too much.
UNKNOWN_HERE = (
    "access_ip_v4", "access_ip_v6", "auto_disk_config", "availability_zone", "changes-before",
    "changes-since", "config_drive", "created_at", "description", "display_description", "flavor",
    "hostname", "image", "image_ref", "ip", "ip6", "kernel_id", "key_name", "launch_index",
    "launched_at", "locked", "locked_by", "node", "not-tags", "not-tags-any", "power_state",
    "progress", "ramdisk_id", "reservation_id", "root_device_name", "tags", "tags-any",
    "task_state", "terminated_at", "vm_state")


def _one_or_many(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "array", "items": schema, "maxItems": len(SORT_KEYS)}]}


TEXT = {"type": "string", "maxLength": 255,
        "pattern": r"^[^\x00-\x1f\x7f\ud800-\udfff]*" + validation.END}
INDEX = {microversion.FIRST: Schema({
    "type": "object",
    "properties": {
        "all_tenants": {"enum": TRUE + FALSE},
        **dict.fromkeys(("deleted", "soft_deleted"), {"enum": ["", *FALSE]}),
        "limit": {"type": "string", "pattern": r"^[0-9]{1,9}" + validation.END},
        "marker": {**TEXT, "maxLength": 64},
        "project_id": TEXT,
        "sort_dir": _one_or_many({"enum": ["asc", "desc"]}),
        "sort_key": _one_or_many({"enum": sorted(SORT_KEYS)}),
        "tenant_id": TEXT,
        **dict.fromkeys(FILTERS, TEXT),
        "status": {**TEXT, "maxLength": 32},
        "uuid": {**TEXT, "maxLength": 64},
    },
})}

LINKS = {"type": "array", "items": {
    "type": "object", "required": ["rel", "href"], "additionalProperties": False,
    "properties": {"rel": {"type": "string"}, "href": {"type": "string"}}}}
#: What Nova tells of a server and the inventory does not know, by the microversion that brought it:
#: there for clients that look at it, with the value that says nothing.
UNTOLD: Mapping[microversion.Version, Mapping[str, Any]] = {
    microversion.FIRST: {"image": "", "flavor": {"id": "", "links": []}, "metadata": {},
                         "addresses": {}},
    (2, 9): {"locked": False},
    (2, 19): {"description": None},
    (2, 26): {"tags": []},
    (2, 47): {"flavor": {"original_name": "", "vcpus": 0, "ram": 0, "disk": 0, "ephemeral": 0,
                         "swap": 0}},
    (2, 63): {"trusted_image_certificates": None},
    (2, 73): {"locked_reason": None},
    (2, 96): {"pinned_availability_zone": None},
}
#: The same of a server that is shown, and in no list.
UNTOLD_ALONE: Mapping[microversion.Version, Mapping[str, Any]] = {(2, 71): {"server_groups": []}}


def untold(version: microversion.Version,
           news: Mapping[microversion.Version, Mapping[str, Any]] = UNTOLD) -> dict[str, Any]:
    """What of the news stands in a document of this microversion."""
    return {key: value for since, new in news.items() if since <= version
            for key, value in new.items()}


_UNTOLD = {key: {"enum": [other[key] for other in UNTOLD.values() if key in other]}
           for news in UNTOLD.values() for key in news}
_MAYBE = {"type": ["string", "null"]}
_BRIEF = {"id": {"type": "string"}, "name": {"type": "string"}, "links": LINKS}
_WHOLE = {
    **_BRIEF, **dict.fromkeys(("status", "tenant_id", "user_id"), {"type": "string"}),
    "created": _MAYBE, "updated": _MAYBE, "hostId": {"type": "string"},
    **{key: _UNTOLD[key] for key in UNTOLD[microversion.FIRST]}}


def _server(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": list(properties),
            "properties": {**properties, **more}}


def _list(server: dict[str, Any]) -> Schema:
    return Schema({
        "type": "object", "additionalProperties": False, "required": ["servers"],
        "properties": {"servers": {"type": "array", "items": server}, "servers_links": LINKS}})


_MORE = {**_UNTOLD, "OS-EXT-SRV-ATTR:host": _MAYBE}
BRIEF_LIST = _list(_server(_BRIEF))
LIST = _list(_server(_WHOLE, **_MORE))
SERVER = Schema({
    "type": "object", "additionalProperties": False, "required": ["server"],
    "properties": {"server": _server(_WHOLE, **_MORE, server_groups={"enum": [[]]})}})


@dataclasses.dataclass(frozen=True)
class Query:
    """`filters` and `sort` (keys and directions) are the inventory's."""

    filters: dict[str, str]
    limit: int
    marker: str | None
    all_tenants: bool
    sort: list[list[str]] | None = None


def query(params: Mapping[str, Any]) -> Query:
    """What a valid query asks for. Raises 400 for a filter that would have to be ignored."""
    for key in UNKNOWN_HERE:
        if key in params:
            raise falcon.HTTPBadRequest(description=f"Servers cannot be filtered by {key} here.")
    all_tenants = params.get("all_tenants") in TRUE
    filters = {ours: params[theirs] for theirs, ours in FILTERS.items() if params.get(theirs)}
    if "status" in filters:
        filters["status"] = filters["status"].upper()
    if all_tenants and (project := params.get("project_id") or params.get("tenant_id")):
        filters["project_id"] = project  # without all_tenants it is one's own, whatever is said
    return Query(filters, min(int(params.get("limit", MAX_LIMIT)), MAX_LIMIT),
                 params.get("marker") or None, all_tenants, _sort(params))


def _sort(params: Mapping[str, Any]) -> list[list[str]] | None:
    """Keys with their directions; one that has none takes the last's, and the first is `desc`."""
    keys, directions = _many(params, "sort_key"), _many(params, "sort_dir")
    if not keys and not directions:
        return None
    keys = keys or ["created_at"]
    directions = directions or ["desc"]
    directions += directions[-1:] * (len(keys) - len(directions))
    return [[SORT_KEYS[key], direction] for key, direction in zip(keys, directions, strict=False)]


def _many(params: Mapping[str, Any], key: str) -> list[str]:
    value = params.get(key, [])
    return [value] if isinstance(value, str) else list(value)
