"""A CADF event for each request and one for its answer, by keystonemiddleware's audit middleware.

Events say who asked for what and how it ended, for the systems that collect those of a whole cloud
(DMTF DSP0262). What happens to consoles afterwards is in consoles.audit, the log of the proxies.
"""

import atexit
import configparser
import io
import logging
from importlib import metadata
from typing import Any

import oslo_messaging as messaging
import webob
from keystonemiddleware import audit
from oslo_config import cfg

from consoles import exception
from consoles.api import requestlog
from consoles.rpc.notifications import Outbox

LOG = logging.getLogger(__name__)

[(GROUP, OPTS)] = audit.list_opts()
#: Seconds for events that wait for a broker when the process ends.
FAREWELL = 2.0
#: In the place of a token, of which pycadf would tell both ends, and of a short one everything.
HIDDEN = "hidden"


class Audit(audit.AuditMiddleware):
    """The middleware, whose events hold no token, hold up no request and miss no odd one."""

    def __init__(self, application: Any, conf: cfg.ConfigOpts) -> None:
        super().__init__(application, oslo_config_config=conf)
        # Given to the constructor, it would be warned of as an option that nobody knows.
        self._cadf_audit = audit.OpenStackAuditApi(conf.api.audit_map_file)
        self._outbox = Outbox(self._notifier.notify, _lost)
        self._notifier: Any = self
        atexit.register(self._outbox.close, FAREWELL)

    def notify(self, *event: Any) -> None:
        """As the middleware's own notifier does, but at once."""
        self._outbox.put(*event)

    def _create_event(self, req: webob.Request) -> Any:
        try:
            event = super()._create_event(req)
        except Exception as exc:  # of a body that names no action
            LOG.debug("No action in a request's body: %s", type(exc).__name__)
            event = super()._create_event(_without_body(req))
            req.environ["cadf_event"] = event
        event.requestPath = requestlog.without_token(req.path)
        event.initiator.credential.token = HIDDEN
        return event


def watch(conf: cfg.ConfigOpts, application: Any) -> Any:
    """`application` behind the middleware, if [api] audit_map_file asks for it.

    Stands inside of Keystone's: it tells what that has found out about the user. Raises
    ConfigError when events could not be made, or would go nowhere.
    """
    name = conf.api.audit_map_file
    if not name:
        return application
    conf.register_opts(OPTS, group=GROUP)
    try:
        watched = Audit(application, conf)
    except (OSError, configparser.Error, UnicodeError, audit.PycadfAuditApiConfigError) as exc:
        raise exception.ConfigError(
            f"[api] audit_map_file = {name} cannot be used: {exc}.") from exc
    except (messaging.InvalidTransportURL, messaging.DriverLoadFailure) as exc:
        raise exception.ConfigError(f"[{GROUP}] transport_url names no message bus.") from exc
    _require_driver(conf)
    return watched


def _require_driver(conf: cfg.ConfigOpts) -> None:
    """oslo.messaging itself is content with none, and with one that it does not know."""
    own = conf[GROUP]
    drivers = [own.driver] if own.driver else conf.oslo_messaging_notifications.driver
    known = metadata.entry_points(group="oslo.messaging.notify.drivers").names
    if own.use_oslo_messaging and (not drivers or set(drivers) - known):
        raise exception.ConfigError(
            f"[api] audit_map_file is set, and [{GROUP}] driver = {', '.join(drivers)} sends no "
            "events: write messagingv2 there for the message bus, or log.")


def _lost(context: dict[str, Any], event_type: str, payload: dict[str, Any]) -> None:
    LOG.error("Lost %s %s: the broker of notifications takes nothing", event_type,
              payload.get("id"))


def _without_body(req: webob.Request) -> webob.Request:
    return webob.Request({**req.environ, "wsgi.input": io.BytesIO(b"{}"), "CONTENT_LENGTH": "2"})
