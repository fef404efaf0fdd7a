"""One line in the log for each request, and the request's id on every other line."""

import logging
import re
import time
import urllib.parse
from typing import Any

import webob
import webob.dec
from oslo_middleware import request_id

from consoles.context import RequestContext
from consoles.context import use

LOG = logging.getLogger(__name__)

MAX_PATH = 256
#: The one path that holds a secret: the token of a console.
TOKEN = re.compile(r"(/os-console-auth-tokens/+)[^/]+")


def write(application: Any) -> Any:
    """WSGI middleware, inside of oslo.middleware's RequestId. The query is never logged.

    Threads serve one request after the other, so that each begins with a context of its own; it
    is replaced as soon as the user is known.
    """
    return webob.dec.wsgify.middleware(_write, application)


def _write(request: webob.Request, application: Any) -> webob.Response:
    started = time.monotonic()
    use(RequestContext(request_id=request.environ[request_id.ENV_REQUEST_ID],
                       global_request_id=request.environ.get(request_id.GLOBAL_REQ_ID)))
    response = request.get_response(application)
    LOG.info("%s %s from %s: %d, %d bytes in %d ms",
             printable(request.method),
             printable(without_token(request.environ.get("PATH_INFO", ""))),
             printable(request.environ.get("REMOTE_ADDR", "-")), response.status_int,
             response.content_length or 0, (time.monotonic() - started) * 1000)
    return response


def without_token(path: str) -> str:
    return TOKEN.sub(r"\1TOKEN", path)


def printable(text: str) -> str:
    """What a client sent, without what could forge or hide a line of the log."""
    return urllib.parse.quote(text[:MAX_PATH], safe="/:@-._~", encoding="latin-1",
                              errors="replace")
