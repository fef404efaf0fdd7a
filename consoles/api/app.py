"""The REST API as one WSGI application, composed here and nowhere else."""

import json
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

import falcon
from falcon import media
from oslo_config import cfg
from oslo_middleware import healthcheck
from oslo_middleware import http_proxy_to_wsgi
from oslo_middleware import request_id
from oslo_middleware import sizelimit
from oslo_policy import policy

from consoles.api import auth
from consoles.api import faults
from consoles.api import microversion
from consoles.api import middleware
from consoles.api import policies
from consoles.api import requestlog
from consoles.api import routes
from consoles.api.rates import Rates
from consoles.api.services import Services
from consoles.rpc import brokers
from consoles.rpc.compute import Compute
from consoles.rpc.consoleauth import ConsoleAuth
from consoles.rpc.interface import Caller
from consoles.rpc.inventory import Inventory
from consoles.rpc.sessions import Sessions

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

#: Levels of a body's JSON; no schema of ours has more than five.
MAX_NESTING = 16
HEALTHCHECK = frozenset({"/healthcheck", "/v2.1/healthcheck"})


def build(conf: cfg.ConfigOpts, caller: Caller) -> Application:
    """The application, asking the other services by `caller` (blocking, bounded per server).

    Raises ConfigError for a configuration that must not be served.
    """
    identity, authenticated = auth.strategy(conf)
    application = authenticated(_falcon(assemble(conf, caller), identity))
    # From the inside out. What is refused before the user is known still has a fault's body, a
    # line in the log and a request id. Load balancers ask for the health every other second, so
    # that it has no line.
    application = sizelimit.RequestBodySizeLimiter(application, conf)
    conf.set_override("max_request_body_size", conf.api.max_request_body_size,
                      group="oslo_middleware")
    application = faults.rewrite(application)
    application = requestlog.write(application)
    application = _beside(healthcheck.Healthcheck(None, conf), application)
    application = request_id.RequestId(application, conf)
    application = middleware.share(application, conf)
    return http_proxy_to_wsgi.HTTPProxyToWSGI(application, conf)


def assemble(conf: cfg.ConfigOpts, caller: Caller) -> Services:
    """What handlers work with, from the configuration."""
    enforcer = policy.Enforcer(conf)
    enforcer.register_defaults(policies.list_rules())
    return Services(inventory=Inventory(caller), compute=Compute(caller),
                    consoleauth=ConsoleAuth(caller), sessions=Sessions(caller), enforcer=enforcer,
                    rates=Rates(conf), bus_answers=lambda: brokers.answer(brokers.of(conf)),
                    token_ttl=conf.consoleauth.token_ttl,
                    shares_any_project=conf.api.auth_strategy == "noauth")


def _falcon(services: Services, identity: auth.Identity) -> falcon.App[Any, Any]:
    inner: list[Any] = [identity, microversion.Negotiation(auth.PUBLIC)]
    app: falcon.App[Any, Any] = falcon.App(middleware=inner)
    app.req_options.strip_url_path_trailing_slash = True
    app.req_options.media_handlers = media.Handlers(
        {falcon.MEDIA_JSON: media.JSONHandler(loads=_loads)})
    faults.install(app)
    routes.add(app, services)
    return app


def _beside(health: Any, application: Application) -> Application:
    def dispatch(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        asked = environ.get("PATH_INFO", "").rstrip("/") in HEALTHCHECK
        return (health if asked else application)(environ, start_response)
    return dispatch


def _loads(text: str) -> Any:
    """Raises ValueError. What is nested deeply would exhaust the stack of whoever looks at it."""
    try:
        value = json.loads(text)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
    level = [value]
    for _ in range(MAX_NESTING):
        level = [inner for outer in level if isinstance(outer, dict | list)
                 for inner in (outer.values() if isinstance(outer, dict) else outer)]
    if level:
        raise ValueError("nested too deeply")
    return value
