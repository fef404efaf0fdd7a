"""OpenStack's middleware, as this API wants it."""

import re
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

from oslo_config import cfg
from oslo_middleware import cors

from consoles.api import microversion

_VERSIONS = [microversion.HEADER, microversion.OLD_HEADER]

#: RFC 6454, 7.1, and nothing that could be more than a word in the log.
_ORIGIN = re.compile(r"[!-~]{1,256}", re.ASCII)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def share(application: Application, conf: cfg.ConfigOpts) -> Application:
    """Let pages of the origins in [cors] ask; oslo.middleware writes all others to its log."""
    set_defaults()
    shared = cors.CORS(application, conf)

    def ask(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not _ORIGIN.fullmatch(environ.get("HTTP_ORIGIN", "")):
            environ.pop("HTTP_ORIGIN", None)
        answer: Iterable[bytes] = shared(environ, start_response)
        return answer
    return ask


def set_defaults() -> None:
    """What pages of other origins may send and see, once [cors] allowed_origin names them."""
    cors.set_defaults(
        allow_headers=["X-Auth-Token", "X-Openstack-Request-Id", *_VERSIONS],
        expose_headers=["X-Openstack-Request-Id", "Retry-After", *_VERSIONS],
        allow_methods=["GET", "POST", "DELETE"])
