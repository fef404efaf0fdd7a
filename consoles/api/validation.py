"""Requests against their JSON schema, with messages that name the field."""

import contextlib
from collections.abc import Iterator
from typing import Any

import falcon
import jsonschema
from jsonschema import exceptions

from consoles import exception

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


@contextlib.contextmanager
def marked(marker: str | None) -> Iterator[None]:
    """Around a call for a page: what is checked here can be refused there for the marker alone."""
    try:
        yield
    except exception.BadRequest as exc:
        if marker is None:
            raise
        raise falcon.HTTPBadRequest(description="The marker was not found.") from exc
