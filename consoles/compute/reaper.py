"""Releases what the hypervisor holds for consoles that nobody uses any more."""

import logging

from consoles import exception
from consoles.compute.drivers.base import ConsoleDriver
from consoles.compute.periodic import Periodic
from consoles.context import RequestContext
from consoles.rpc.consoleauth import ConsoleAuth

LOG = logging.getLogger(__name__)


class Reaper:
    """Asks for idle connection details, releases each, then has them deleted. `thread` runs it."""

    def __init__(self, driver: ConsoleDriver, consoleauth: ConsoleAuth, host: str,
                 interval: float) -> None:
        self._driver = driver
        self._consoleauth = consoleauth
        self._host = host
        self._silent = False  # consoleauth is known not to answer
        self.thread = Periodic("reap", interval, self._round)

    def reap(self) -> int:
        """→ how many were released. What cannot be released stays for the next round."""
        context = RequestContext()
        released = []
        for details in self._consoleauth.get_connection_details_by_host(
                context, self._host, only_idle=True):
            try:
                self._driver.release(details)
            except Exception as exc:
                LOG.warning("Cannot release connection %s of instance %s: %s", details["id"],
                            details["instance_id"], type(exc).__name__)
            else:
                released.append(details["id"])
        if released:
            self._consoleauth.delete_connection_details(context, [], reason="idle", ids=released)
        return len(released)

    def _round(self) -> None:
        try:
            count = self.reap()
        except exception.ServiceUnavailable as exc:
            if not self._silent:
                LOG.warning("Idle consoles cannot be asked for, this is tried again: %s", exc)
            self._silent = True
            return
        self._silent = False
        if count:
            LOG.info("Released %d idle consoles", count)
