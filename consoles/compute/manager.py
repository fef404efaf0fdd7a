"""The agent's endpoint: its driver's answers, with what the agent's own configuration adds."""

import dataclasses
import logging
from typing import Any

from oslo_config import cfg

from consoles import exception
from consoles import model
from consoles.compute import shape
from consoles.compute.drivers.base import ConsoleDriver
from consoles.context import RequestContext
from consoles.rpc.interface import exposed

LOG = logging.getLogger(__name__)


class ComputeManager:
    """Serves `rpc.compute.Compute`; `endpoints` is {console_type: access_url_base} of the types
    that are on at this host, `tls_names` {console_type: name} what counts where the driver does
    not know better. `conf` says how consoles should be."""

    def __init__(self, conf: cfg.ConfigOpts, driver: ConsoleDriver, endpoints: dict[str, str],
                 tls_names: dict[str, str]) -> None:
        self._conf = conf
        self._driver = driver
        self._endpoints = endpoints
        self._tls_names = tls_names

    @exposed
    def get_console(self, context: RequestContext, instance_id: str, console_type: str,
                    options: dict[str, Any] | None = None) -> dict[str, Any]:
        self._check_type(console_type)
        info = self._driver.get_console(instance_id, console_type, options)
        LOG.info("The %s console of instance %s is at %s:%s", console_type, instance_id,
                 info.host, info.port)
        return self._answer(info)

    @exposed
    def validate_console(self, context: RequestContext, instance_id: str, console_type: str,
                         host: str, port: int) -> dict[str, Any]:
        self._check_type(console_type)
        info = self._driver.validate_console(instance_id, console_type, host, port)
        LOG.info("The %s console of instance %s is in use at %s:%s", console_type, instance_id,
                 info.host, info.port)
        return self._answer(info)

    @exposed
    def get_console_output(self, context: RequestContext, instance_id: str,
                           length: int | None = None) -> str:
        return self._driver.get_console_output(instance_id, length)

    @exposed
    def release(self, context: RequestContext, details: dict[str, Any]) -> None:
        self._driver.release(details)

    @exposed
    def status(self, context: RequestContext) -> dict[str, Any]:
        return {"contradictions": shape.contradictions(self._conf, self._driver.live_consoles())}

    def _check_type(self, console_type: str) -> None:
        if console_type not in self._endpoints:
            raise exception.ConsoleTypeUnavailable(f"{console_type} is off on this host")

    def _answer(self, info: model.ConnectInfo) -> dict[str, Any]:
        return dataclasses.replace(
            info, access_url_base=self._endpoints[info.console_type],
            tls_name=info.tls_name or self._tls_names.get(info.console_type)).to_dict()
