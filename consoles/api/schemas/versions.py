"""The version documents."""

import jsonschema

Schema = jsonschema.Draft202012Validator

_TEXT = {"type": "string"}
_NUMBER = {"type": "string", "pattern": r"^[0-9]+\.[0-9]+$"}
_VERSION = {
    "type": "object",
    "required": ["id", "status", "version", "min_version", "updated", "links"],
    "properties": {
        "id": _TEXT, "status": {"enum": ["CURRENT"]}, "version": _NUMBER, "min_version": _NUMBER,
        "updated": _TEXT, "links": {"type": "array"}, "media-types": {"type": "array"}},
}
VERSIONS = Schema({"type": "object", "required": ["versions"], "additionalProperties": False,
                   "properties": {"versions": {"type": "array", "items": _VERSION}}})
VERSION = Schema({"type": "object", "required": ["version"], "additionalProperties": False,
                  "properties": {"version": _VERSION}})
