"""A request for a console's URL, and the answer: {"protocol": "vnc", "type": "novnc"}."""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import falcon
import jsonschema

from consoles import exception
from consoles.api import microversion
from consoles.model import ConsoleType
from consoles.model import PROTOCOLS
from consoles.wire import restrictions

Schema = jsonschema.Draft202012Validator

#: What only our own request may ask for, beside the pair.
OPTIONS: dict[str, Any] = {
    "ttl": {"type": "integer", "minimum": 1, "description":
            "Seconds in which the URL can be opened, at most those of every URL."},
    "single_use": {"type": "boolean", "description": "The URL opens the console once."},
    "view_only": {"type": "boolean", "description":
                  "No key, click or text reaches the server: novnc, xvpvnc, serial."},
    "client_cidr": {"type": "string", "minLength": 1, "maxLength": 64, "description":
                    "The address or network that the console may be opened from."},
    "line": {"type": "integer", "minimum": 0, "maximum": 63, "description":
             "Which of the server's serial lines, counted from 0; the first unless told."}}


class Wanted(NamedTuple):
    """A type of console, how many seconds its URL is to be good, `wire.restrictions`, and which of
    several the hypervisor is asked for."""

    console_type: ConsoleType
    ttl: int | None = None
    restrictions: Mapping[str, Any] = {}
    choice: Mapping[str, Any] = {}


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


def with_options(asked: dict[str, Any]) -> dict[str, Any]:
    return {**asked, "properties": {**asked["properties"], **OPTIONS}}


CREATE = {microversion.FIRST: Schema(with_options(pair(ConsoleType)))}
CONSOLE = Schema(given(ConsoleType))


def wanted(document: dict[str, Any]) -> Wanted:
    """What a valid request asks for.

    Raises 400 for a pair that is crossed, and for what the type cannot keep.
    """
    console_type = ConsoleType(document["type"])
    if document["protocol"] != PROTOCOLS[console_type]:
        raise falcon.HTTPBadRequest(
            description=f"Invalid input for type: {console_type} is not a console of protocol "
                        f"{document['protocol']}, but of {PROTOCOLS[console_type]}.")
    asked = {key: document[key] for key in restrictions.KEPT_BY if document.get(key)}
    try:
        restrictions.check(console_type, asked)
    except exception.BadRequest as exc:
        raise falcon.HTTPBadRequest(description=f"Invalid input for {exc}") from exc
    if "line" in document and console_type != ConsoleType.SERIAL:
        raise falcon.HTTPBadRequest(
            description=f"Invalid input for line: not possible with {console_type}")
    ttl = document.get("ttl")  # 60.0 is an integer in JSON
    choice = {"line": int(document["line"])} if document.get("line") else {}
    return Wanted(console_type, ttl and int(ttl), asked, choice)
