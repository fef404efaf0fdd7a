"""The answer to who asks for the state of the services."""

from typing import Any

import jsonschema

STATES = ("up", "down", "degraded", "unknown")


def _part(**more: Any) -> dict[str, Any]:
    properties = {"status": {"enum": list(STATES)}, "message": {"type": "string"}, **more}
    return {"type": "object", "additionalProperties": False, "required": list(properties),
            "properties": properties}


_COUNT = {"type": ["integer", "null"], "minimum": 0}
_PARTS = {"bus": _part(), "consoleauth": _part(),
          "agents": _part(up=_COUNT, down=_COUNT,
                          hosts_down={"type": "array", "items": {"type": "string"}})}
HEALTH = jsonschema.Draft202012Validator({
    "type": "object", "additionalProperties": False, "required": ["healthcheck"],
    "properties": {"healthcheck": {
        "type": "object", "additionalProperties": False, "required": list(_PARTS),
        "properties": _PARTS}}})
