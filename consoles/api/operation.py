"""What an operation of the API is, as data: it is served, checked and documented by this alone."""

import dataclasses
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import falcon
import jsonschema

from consoles.api import microversion
from consoles.api import validation
from consoles.api.microversion import Version

Schema = jsonschema.Draft202012Validator
#: A schema by the microversion that it came with.
Versioned = Mapping[Version, Schema]
Handler = Callable[..., None]

#: What every operation may answer that looks at the user, at microversions and at other services.
COMMON = (400, 401, 403, 406, 500, 503)
#: What one may that looks for a server and asks its agent, and if that is for a console.
OF_A_SERVER = (404, 409)
OF_A_CONSOLE = (429, 501)
#: What one may that reads a body.
WITH_BODY = (413, 415)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Operation:
    """`rules` are the policies that it asks, `first` and `last` the microversions that have it.

    `answers` are the schemas of what it gives by status, `faults` the statuses of its refusals.
    """

    run: Handler
    summary: str
    rules: tuple[str, ...] = ()
    body: Versioned = dataclasses.field(default_factory=dict)
    query: Versioned = dataclasses.field(default_factory=dict)
    answers: Mapping[int, Schema | None] = dataclasses.field(default_factory=dict)
    faults: tuple[int, ...] = COMMON
    first: Version = microversion.FIRST
    last: Version = microversion.LAST

    def serve(self, services: Any, req: falcon.Request, resp: falcon.Response,
              **parts: str) -> None:
        """Run it, if this microversion has it and the request is one of it.

        Raises 404 and 400 otherwise. A client that has no context asks for a public document.
        """
        version = getattr(req.context, "version", microversion.FIRST)
        if not self.first <= version <= self.last:
            raise falcon.HTTPNotFound(description=f"API version {microversion.text(version)} "
                                                  "is not supported on this method.")
        if query := pick(self.query, version):
            validation.check(query, dict(req.params))
        if body := pick(self.body, version):
            validation.check(body, req.get_media())
        self.run(services, req, resp, **parts)


def operation(summary: str, **data: Any) -> Callable[[Handler], Operation]:
    """Make an operation of the handler that follows."""
    return lambda run: Operation(run=run, summary=summary, **data)


def pick(schemas: Versioned, version: Version) -> Schema | None:
    """The newest that is not newer than this microversion."""
    return max(((since, schema) for since, schema in schemas.items() if since <= version),
               default=(None, None), key=lambda pair: pair[0])[1]
