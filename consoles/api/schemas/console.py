"""A request for a console's URL: {"protocol": "vnc", "type": "novnc"}."""

from typing import Any

import falcon
import jsonschema

from consoles.api import validation
from consoles.model import ConsoleType
from consoles.model import PROTOCOLS

CREATE = jsonschema.Draft202012Validator({
    "type": "object",
    "properties": {
        "protocol": {"enum": sorted(set(PROTOCOLS.values()))},
        "type": {"enum": [str(name) for name in ConsoleType]},
    },
    "required": ["protocol", "type"],
    "additionalProperties": False,
})


def wanted(document: Any) -> ConsoleType:
    """The type that is asked for. Raises 400 for what is not valid, not known or crossed."""
    validation.check(CREATE, document)
    console_type = ConsoleType(document["type"])
    if document["protocol"] != PROTOCOLS[console_type]:
        raise falcon.HTTPBadRequest(
            description=f"Invalid input for type: {console_type} is not a console of protocol "
                        f"{document['protocol']}, but of {PROTOCOLS[console_type]}.")
    return console_type
