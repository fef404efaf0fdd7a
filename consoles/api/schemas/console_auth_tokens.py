"""The answer to who looks up a token: where its console is."""

import jsonschema

from consoles.api import microversion

Schema = jsonschema.Draft202012Validator

QUERY = {microversion.SPICE_DIRECT: Schema({"type": "object", "additionalProperties": False})}
_PORT = {"type": "integer", "minimum": 1, "maximum": 65535}
_DETAILS = ["instance_uuid", "host", "port", "internal_access_path"]
CONSOLE = Schema({
    "type": "object", "additionalProperties": False, "required": ["console"],
    "properties": {"console": {
        "type": "object", "additionalProperties": False, "required": _DETAILS,
        "properties": {
            "instance_uuid": {"type": "string"}, "host": {"type": "string"}, "port": _PORT,
            "internal_access_path": {"type": ["string", "null"]},
            "tls_port": {"anyOf": [_PORT, {"type": "null"}]}}}}})
