"""The compute agent, put together."""

import logging
import time

from oslo_config import cfg

from consoles.compute.drivers import base
from consoles.compute.endpoints import endpoints as endpoints_of
from consoles.compute.endpoints import tls_names
from consoles.compute.manager import ComputeManager
from consoles.compute.reaper import Reaper
from consoles.compute.reporter import Reporter
from consoles.rpc.compute import Compute
from consoles.rpc.consoleauth import ConsoleAuth
from consoles.rpc.interface import Interface
from consoles.rpc.inventory import Inventory
from consoles.rpc.transport import Bus
from consoles.rpc.transport import ThreadCaller

LOG = logging.getLogger(__name__)

#: Seconds to wait for an answer to what the agent asks of itself; bounds `stop` too.
CALL_TIMEOUT = 1.4
STOP_TIMEOUT = 2.0


class Service:
    """`endpoints` are to be served under the name `host`, once `start` has returned."""

    def __init__(self, host: str, driver: base.ConsoleDriver, manager: ComputeManager,
                 reporter: Reporter, reaper: Reaper) -> None:
        self.host = host
        self.endpoints: dict[Interface, object] = {Compute.interface: manager}
        self._driver = driver
        self._reporter = reporter
        self._reaper = reaper

    def start(self) -> None:
        """Reach the hypervisor and begin to report and to reap; returns at once.

        Raises ConfigError.
        """
        self._driver.start(changed=self._reporter.thread.poke)
        self._reporter.thread.start()
        self._reaper.thread.start()

    def stop(self) -> None:
        """End all threads, within two seconds."""
        deadline = time.monotonic() + STOP_TIMEOUT
        threads = (self._reporter.thread, self._reaper.thread)
        for thread in threads:
            thread.stop()
        self._driver.stop()
        for thread in threads:
            if not thread.join(max(0.0, deadline - time.monotonic())):
                LOG.warning("A call is still under way, its thread is left behind")


def build(conf: cfg.ConfigOpts, bus: Bus) -> Service:
    """The agent as configured; nothing runs before `start`. Raises ConfigError."""
    host = conf.compute.host or conf.host
    endpoints = endpoints_of(conf)
    driver = base.load(conf.compute.driver, conf, host)
    caller = ThreadCaller(bus, timeout=CALL_TIMEOUT, threads=2)
    reporter = Reporter(driver, Inventory(caller), host, endpoints,
                        conf.inventory.report_interval)
    reaper = Reaper(driver, ConsoleAuth(caller), host, conf.compute.reap_interval)
    manager = ComputeManager(conf, driver, endpoints, tls_names(conf))
    return Service(host, driver, manager, reporter, reaper)
