"""{"remote_console": {"protocol": "vnc", "type": "novnc"}}, and the types by microversion."""

from collections.abc import Iterable
from typing import Any

import jsonschema

from consoles.api import microversion
from consoles.api.schemas import console
from consoles.model import ConsoleType

#: The microversion that a type came with; all others came with the resource.
SINCE = {ConsoleType.WEBMKS: microversion.WEBMKS,
         ConsoleType.SPICE_DIRECT: microversion.SPICE_DIRECT}


def _in_envelope(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({
        "type": "object", "additionalProperties": False, "required": ["remote_console"],
        "properties": {"remote_console": schema}})


def _types(version: microversion.Version) -> Iterable[ConsoleType]:
    return (kind for kind in ConsoleType
            if SINCE.get(kind, microversion.REMOTE_CONSOLES) <= version)


CREATE = {version: _in_envelope(console.pair(_types(version)))
          for version in (microversion.REMOTE_CONSOLES, *SINCE.values())}
REMOTE_CONSOLE = _in_envelope(console.given(ConsoleType))
