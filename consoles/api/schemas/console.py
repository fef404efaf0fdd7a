"""A request for a console's URL, and the answer: {"protocol": "vnc", "type": "novnc"}."""

from collections.abc import Iterable
from typing import Any

import falcon
import jsonschema

from consoles.api import microversion
from consoles.model import ConsoleType
from consoles.model import PROTOCOLS

Schema = jsonschema.Draft202012Validator


def pair(types: Iterable[ConsoleType]) -> dict[str, Any]:
    """The schema of a request for one of these types."""
    known = list(types)
    return {
        "type": "object", "additionalProperties": False, "required": ["protocol", "type"],
        "properties": {"protocol": {"enum": sorted({PROTOCOLS[kind] for kind in known})},
                       "type": {"enum": [str(kind) for kind in known]}}}


def given(types: Iterable[ConsoleType]) -> dict[str, Any]:
    """The schema of the answer: the request and the URL."""
    asked = pair(types)
    return {**asked, "required": [*asked["required"], "url"],
            "properties": {**asked["properties"], "url": {"type": "string", "format": "uri"}}}


CREATE = {microversion.FIRST: Schema(pair(ConsoleType))}
CONSOLE = Schema(given(ConsoleType))


def wanted(document: dict[str, str]) -> ConsoleType:
    """The type that is asked for by a valid request. Raises 400 for a pair that is crossed."""
    console_type = ConsoleType(document["type"])
    if document["protocol"] != PROTOCOLS[console_type]:
        raise falcon.HTTPBadRequest(
            description=f"Invalid input for type: {console_type} is not a console of protocol "
                        f"{document['protocol']}, but of {PROTOCOLS[console_type]}.")
    return console_type
