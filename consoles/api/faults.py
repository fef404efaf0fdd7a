"""Every error as Nova's clients expect it: {"itemNotFound": {"code": 404, "message": "..."}}."""

import http
import json
import logging
from typing import Any

import falcon
import webob
import webob.dec

from consoles import exception

LOG = logging.getLogger(__name__)

#: The fault's name by HTTP status; any other is a computeFault.
NAMES = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}
CRASHED = "The console service failed. Its operators find the reason under the request id."


def body(status: int, message: str | None = None,
         retry_after: str | None = None) -> dict[str, dict[str, Any]]:
    """The fault's document; without a message the status explains itself.

    A client's own words in it may have surrogates, of which no UTF-8 can be made.
    """
    known = http.HTTPStatus(status)
    name = NAMES.get(status, "computeFault")
    said = (message or known.description or known.phrase).encode(errors="replace").decode()
    fault = {"code": status, "message": said}
    return {name: fault | ({"retryAfter": retry_after}
                           if retry_after and name == "overLimit" else {})}


def answer(status: int, message: str | None = None) -> webob.Response:
    """The fault as a response, for WSGI middleware."""
    return webob.Response(status=status, content_type=falcon.MEDIA_JSON, charset=None,
                          body=json.dumps(body(status, message)).encode())


def refusal(exc: exception.ConsolesError) -> webob.Response:
    """The same of an error of ours, in its class's words."""
    response = answer(exc.http_status, exc.public)
    if exc.retry_after is not None:
        response.headers["Retry-After"] = str(exc.retry_after)
    return response


def install(app: falcon.App[Any, Any]) -> None:
    """Give every error that a handler or Falcon raises this form."""
    app.set_error_serializer(_serialize)
    app.add_error_handler(exception.ConsolesError, _refuse)
    app.add_error_handler(Exception, _crash)


def rewrite(application: Any) -> Any:
    """WSGI middleware: the same form for the errors of the middleware inside of it."""
    return webob.dec.wsgify.middleware(_rewrite, application)


def _rewrite(request: webob.Request, application: Any) -> webob.Response:
    try:
        response = request.get_response(application)
    except Exception:
        LOG.exception("%s failed", request.method)
        response = webob.Response(status=500, content_type="text/plain")
    if response.status_int >= 400 and response.content_type != falcon.MEDIA_JSON:
        message = CRASHED if response.status_int == 500 else None
        response.content_type = falcon.MEDIA_JSON
        response.body = json.dumps(body(response.status_int, message)).encode()
    return response


def _serialize(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError) -> None:
    resp.content_type = falcon.MEDIA_JSON
    headers = dict(error.headers or {})
    resp.media = body(error.status_code, error.description, headers.get("Retry-After"))


def _refuse(req: falcon.Request, resp: falcon.Response, exc: exception.ConsolesError,
            params: dict[str, Any]) -> None:
    """An error of ours: its class's sentence for the user, its own text for the log."""
    level = logging.WARNING if exc.http_status >= 500 else logging.INFO
    LOG.log(level, "Refused, %s: %s", exc.reason, exc)
    headers = {} if exc.retry_after is None else {"Retry-After": str(exc.retry_after)}
    raise falcon.HTTPError(exc.http_status, description=exc.public, headers=headers)


def _crash(req: falcon.Request, resp: falcon.Response, exc: Exception,
           params: dict[str, Any]) -> None:
    LOG.error("%s failed", req.method, exc_info=exc)
    raise falcon.HTTPInternalServerError(description=CRASHED)
