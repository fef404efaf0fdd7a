"""Keystone's word on a token, by keystonemiddleware, within bounds of our own.

Version documents and health stand beside it. A Keystone that is away is a 503: no token is
refused, or even taken, because nobody could be asked about it.
"""

import logging
from typing import Any

import webob
import webob.exc
from keystoneauth1 import exceptions as keystone_errors
from keystoneauth1 import loading
from keystonemiddleware import auth_token
from oslo_config import cfg

from consoles import exception
from consoles.api import audit
from consoles.api import faults

LOG = logging.getLogger(__name__)

GROUP = "keystone_authtoken"
#: keystonemiddleware's own would wait without an end for a Keystone that hangs, and take a token
#: for five minutes after it was revoked. All in seconds, but the retries.
DEFAULTS = {"http_connect_timeout": 5, "http_request_max_retries": 0, "token_cache_time": 30}
#: One of each row is needed, where the kind of login has them at all.
LOGIN = (("username", "user_id"), ("password",))
WHAT_TO_DO = (
    "Write there auth_type=password, auth_url, username, password, project_name, "
    "user_domain_name and project_domain_name of this service's own user, or set [api] "
    "auth_strategy=noauth for a trial on one machine.")


class Guard(auth_token.AuthProtocol):
    """The middleware, whose refusals are faults and whose failures are all 503."""

    def process_request(self, request: webob.Request) -> webob.Response | None:
        try:
            return super().process_request(request)
        except webob.exc.HTTPUnauthorized as refused:
            answer = faults.answer(401, "The request needs a valid X-Auth-Token.")
            answer.headers["WWW-Authenticate"] = refused.headers["WWW-Authenticate"]
            return answer
        except webob.exc.HTTPServiceUnavailable as exc:
            reason = exc.__context__ or exc
        except keystone_errors.ClientException as exc:
            reason = exc
        LOG.error("No token can be checked: %s: %s. Keystone must answer at [%s] auth_url and "
                  "accept the username and password of this service there",
                  type(reason).__name__, reason, GROUP)
        return faults.refusal(exception.IdentityUnavailable())


def guard(conf: cfg.ConfigOpts, application: Any) -> Any:
    """`application` behind the middleware.

    Raises ConfigError when [keystone_authtoken] does not say how to ask Keystone.
    """
    conf.register_opts(auth_token.list_opts()[0][1], group=GROUP)
    loading.register_auth_conf_options(conf, GROUP)  # in the section that auth_section names
    for name, value in DEFAULTS.items():
        conf.set_default(name, value, group=GROUP)
    _require_login(conf)
    try:
        return Guard(application, {"oslo_config_config": conf})
    except auth_token.ConfigurationError as exc:
        raise exception.ConfigError(f"[{GROUP}] contradicts itself: {exc}.") from exc


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """For the sample: keystonemiddleware's options with our defaults, those of a password, and
    those of its audit."""
    [(group, opts)] = auth_token.list_opts()
    cfg.set_defaults(opts, **DEFAULTS)
    known = {opt.dest for opt in opts}
    login = loading.get_auth_plugin_conf_options("password")
    return [(group, [*opts, *(opt for opt in login if opt.dest not in known)]),
            (audit.GROUP, list(audit.OPTS))]


def _require_login(conf: cfg.ConfigOpts) -> None:
    """Options of the kind of login are registered by its name; only then they can be asked for."""
    try:
        plugin = loading.load_auth_from_conf_options(conf, GROUP)
    except keystone_errors.ClientException as exc:
        raise exception.ConfigError(f"[{GROUP}] cannot be used: {exc}. {WHAT_TO_DO}") from exc
    if plugin is None:
        raise exception.ConfigError(
            f"[api] auth_strategy=keystone needs [{GROUP}], which is not set. {WHAT_TO_DO}")
    section = conf[conf[GROUP].auth_section or GROUP]
    for names in LOGIN:
        asked = [name for name in names if name in section]
        if asked and not any(section[name] for name in asked):
            raise exception.ConfigError(f"[{GROUP}] {asked[0]} is not set. {WHAT_TO_DO}")
