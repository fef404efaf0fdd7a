"""Requests against their JSON schema, with messages that name the field."""

from typing import Any

import falcon
import jsonschema
from jsonschema import exceptions

MAX_MESSAGE = 300
#: The end of a text, for Python and for ECMA-262, whose dialect OpenAPI wants.
END = r"$(?!\n)"


def check(validator: jsonschema.Draft202012Validator, value: Any) -> None:
    """Raises 400 with the most telling of the faults found."""
    error = exceptions.best_match(validator.iter_errors(value))
    if error is None:
        return
    field = ".".join(str(key) for key in error.absolute_path) or "request"
    raise falcon.HTTPBadRequest(
        description=f"Invalid input for {field}: {error.message[:MAX_MESSAGE]}")
