"""The way to Nova's API: the login in [nova], as other services have it, and openstacksdk."""

import logging
from typing import Any

from keystoneauth1 import exceptions as keystone_errors
from keystoneauth1 import loading
from oslo_config import cfg

from consoles import exception

GROUP = "nova"
#: Where Nova tells what a token leads to.
TOKENS = "/os-console-auth-tokens/"
WHAT_TO_DO = (
    "Write there auth_type=password, auth_url, username, password, project_name, "
    "user_domain_name and project_domain_name of a user with the role admin.")


def connect(conf: cfg.ConfigOpts, timeout: float) -> Any:
    """→ openstacksdk's `Connection`; nobody is asked before its `compute` is first used.

    `timeout` bounds each connecting and each silence of a request, in seconds. Raises ConfigError.
    """
    try:
        from openstack import connection
    except ImportError:
        raise exception.ConfigError(
            "Nova is asked by openstacksdk, which is not installed: "
            "pip install consoles[nova]") from None
    loading.register_session_conf_options(conf, GROUP)
    loading.register_adapter_conf_options(conf, GROUP)
    loading.register_auth_conf_options(conf, GROUP)
    session = loading.load_session_from_conf_options(conf, GROUP, auth=_login(conf),
                                                     timeout=timeout)
    session.app_name = "consoles"
    for name in ("urllib3.connectionpool", "keystoneauth.session"):
        logging.getLogger(name).addFilter(_names_no_token)
    return connection.Connection(session=session, oslo_conf=conf, service_types=["compute"])


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """For the sample and the manuals: the options of a login by password, and where Nova is."""
    login = [*loading.get_auth_common_conf_options(),
             *loading.get_auth_plugin_conf_options("password")]
    adapter = loading.get_adapter_conf_options(include_deprecated=False)
    # Each use has a timeout of its own.
    session = [opt for opt in loading.get_session_conf_options() if opt.dest != "timeout"]
    return [(GROUP, [*login, *adapter, *session])]


def _names_no_token(record: logging.LogRecord) -> bool:
    """Nova has the token in the path, which urllib3 logs, and keystoneauth with its errors."""
    return TOKENS not in record.getMessage()


def _login(conf: cfg.ConfigOpts) -> Any:
    try:
        login = loading.load_auth_from_conf_options(conf, GROUP)
    except keystone_errors.ClientException as exc:
        raise exception.ConfigError(f"[{GROUP}] cannot be used: {exc}. {WHAT_TO_DO}") from exc
    if login is None:
        raise exception.ConfigError(f"[{GROUP}], the login at Nova, is not set. {WHAT_TO_DO}")
    return login
