"""Bodies of /servers/{server_id}/action, as Nova's: an action's name and its arguments."""

from typing import Any

import jsonschema

from consoles.api import validation

Schema = jsonschema.Draft202012Validator

ONE_KEY = Schema({"type": "object", "minProperties": 1, "maxProperties": 1})
#: The types of console that each action of old gives.
TYPES = {
    "os-getVNCConsole": ["novnc", "xvpvnc"],
    "os-getSPICEConsole": ["spice-html5"],
    "os-getSerialConsole": ["serial"],
    "os-getRDPConsole": ["rdp-html5"],
}


def _action(name: str, required: list[str], **arguments: Any) -> Schema:
    return Schema({
        "type": "object", "additionalProperties": False, "required": [name],
        "properties": {name: {"type": "object", "additionalProperties": False,
                              "required": required, "properties": arguments}}})


CONSOLE = {name: _action(name, ["type"], type={"enum": types}) for name, types in TYPES.items()}
OUTPUT = _action("os-getConsoleOutput", [], length={"anyOf": [
    {"type": "integer", "minimum": -1, "maximum": 999_999_999},
    {"type": "string", "pattern": r"^(-1|[0-9]{1,9})" + validation.END},
    {"type": "null"}]})

GIVEN = Schema({
    "type": "object", "additionalProperties": False, "required": ["console"],
    "properties": {"console": {
        "type": "object", "additionalProperties": False, "required": ["type", "url"],
        "properties": {"type": {"enum": [kind for kinds in TYPES.values() for kind in kinds]},
                       "url": {"type": "string", "format": "uri"}}}}})
LOG = Schema({"type": "object", "additionalProperties": False, "required": ["output"],
              "properties": {"output": {"type": "string"}}})
