"""Who asks: Keystone's word, or for trials the user's own."""

import ipaddress
import re
from collections.abc import Callable
from typing import Any

import falcon
from oslo_config import cfg

from consoles import exception
from consoles.api import audit
from consoles.api import keystone
from consoles.context import RequestContext
from consoles.context import use

Identify = Callable[[dict[str, Any]], RequestContext | None]

#: What clients ask for before they have a token: the versions and the description of the API.
PUBLIC = frozenset({"/", "/v2.1", "/openapi.json"})
NOAUTH_TOKEN = re.compile(r"([\w.@-]{1,64}):([\w.@-]{1,64})", re.ASCII)


class Identity:
    """Falcon middleware: the context of each request, or 401."""

    def __init__(self, identify: Identify, challenge: str) -> None:
        self._identify = identify
        self._challenge = challenge

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        if req.path in PUBLIC:
            return
        who = self._identify(req.env)
        if who is None:
            raise falcon.HTTPUnauthorized(
                description="The request needs a valid X-Auth-Token.",
                challenges=[self._challenge])
        req.context.request_context = use(who)


def strategy(conf: cfg.ConfigOpts) -> tuple[Identity, Callable[[Any], Any]]:
    """What [api] auth_strategy says: the identity, and the WSGI middleware that it needs.

    Raises ConfigError when noauth would listen on an address that others reach, and when
    keystone is not told how to reach it, or audit has nobody to tell of or to.
    """
    if conf.api.auth_strategy == "noauth":
        refuse_open_noauth(conf, conf.api.host)
        if conf.api.audit_map_file:
            raise exception.ConfigError(
                "[api] audit_map_file needs auth_strategy=keystone, which tells who asks.")
        return Identity(by_word, 'Noauth realm="user:project"'), lambda application: application
    return Identity(by_keystone, 'Keystone realm="consoles"'), lambda application: (
        _beside_documents(application, keystone.guard(conf, audit.watch(conf, application))))


def _beside_documents(application: Any, guarded: Any) -> Any:
    """Only the version documents pass the guard by; they look at nothing a client could forge."""
    def dispatch(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        path = environ.get("PATH_INFO") or "/"
        public = path in PUBLIC or path.removesuffix("/") in PUBLIC
        return (application if public else guarded)(environ, start_response)
    return dispatch


def by_word(environ: dict[str, Any]) -> RequestContext | None:
    """noauth: 'X-Auth-Token: user:project' is believed; `admin` as either is an administrator."""
    match = NOAUTH_TOKEN.fullmatch(environ.get("HTTP_X_AUTH_TOKEN", ""))
    if match is None:
        return None
    roles = ["admin"] if "admin" in match.groups() else []
    user, project = match.groups()
    return _context(environ, user_id=user, project_id=project,
                    roles=[*roles, "member", "reader"])


def by_keystone(environ: dict[str, Any]) -> RequestContext | None:
    """What keystonemiddleware has written into the request.

    A token must name a project, or the system, with which administrators look after what is there.
    """
    if environ.get("HTTP_X_IDENTITY_STATUS") != "Confirmed":
        return None
    if not environ.get("HTTP_X_PROJECT_ID") and not environ.get("HTTP_OPENSTACK_SYSTEM_SCOPE"):
        raise falcon.HTTPForbidden(
            description="The token must be scoped to a project or to the system.")
    return _context(environ)


def refuse_open_noauth(conf: cfg.ConfigOpts, host: str | None) -> None:
    """Raise ConfigError unless `host` is a loopback address, or anybody's access is wanted.

    None stands for an address that is not known here.
    """
    if conf.api.noauth_allow_any_address or _is_loopback(host):
        return
    where = f"{host} is not a loopback address" if host else "the web server's address is unknown"
    raise exception.ConfigError(
        f"[api] auth_strategy=noauth lets everybody open every console, and {where}. Use "
        "auth_strategy=keystone, or [api] host=127.0.0.1 with consoles-api, or set [api] "
        "noauth_allow_any_address=true if that is what you want.")


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _context(environ: dict[str, Any], **who: Any) -> RequestContext:
    """The user's token stays behind: contexts travel on the bus."""
    return RequestContext.from_environ(environ, auth_token=None, service_token=None, **who)
