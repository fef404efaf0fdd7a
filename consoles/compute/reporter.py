"""Tells the inventory which instances are on this host."""

import dataclasses
import importlib.metadata
import logging
import uuid

import tenacity

from consoles import model
from consoles.compute.drivers.base import ConsoleDriver
from consoles.compute.periodic import Periodic
from consoles.context import RequestContext
from consoles.rpc.inventory import Inventory

LOG = logging.getLogger(__name__)

#: Every so many reports all instances are told, whether or not they changed.
FULL_EVERY = 10
GONE = "DELETED"


class Reporter:
    """The first report is full; then what changed is told, and all again whenever it is not sure
    that the inventory has it. `thread` runs it; poke it when something changed."""

    def __init__(self, driver: ConsoleDriver, inventory: Inventory, host: str,
                 endpoints: dict[str, str], interval: float) -> None:
        self._driver = driver
        self._inventory = inventory
        self._host = host
        self._endpoints = endpoints
        self._boot_id = uuid.uuid4().hex
        self._version = importlib.metadata.version("consoles")
        self._sequence = 0
        self._told: dict[str, model.Instance] | None = None  # None: tell all
        self._silent = False  # the inventory is known not to answer
        self.thread = Periodic("report", interval, self._report_until_told)
        self._retrying = tenacity.Retrying(
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=interval),
            stop=tenacity.stop_when_event_set(self.thread.stopped),
            sleep=self.thread.pause,
            retry_error_callback=lambda state: None)

    def report(self) -> None:
        """One report, and a full one right behind it when the inventory asks for that."""
        if self._tell() == "resync":
            self._told = None
            self._tell()

    def _tell(self) -> str:
        now = {instance.id: dataclasses.replace(instance, host=self._host)
               for instance in self._driver.list_instances()}
        told, self._told = self._told, None  # until it is known that this report arrived
        self._sequence += 1
        full = told is None or self._sequence % FULL_EVERY == 0
        instances = list(now.values()) if full else _changes(told or {}, now)
        answer = self._inventory.report(
            RequestContext(), host=self._host, boot_id=self._boot_id, sequence=self._sequence,
            full=full, instances=[instance.to_dict() for instance in instances],
            endpoints=self._endpoints, version=self._version)
        if answer == "applied":
            self._told = now
            self._driver.reported()
        return answer

    def _report_until_told(self) -> None:
        self._retrying(self._try)

    def _try(self) -> None:
        try:
            self.report()
        except Exception as exc:
            if not self._silent:
                LOG.warning("Reports do not reach the inventory, they are tried again: %s", exc)
            self._silent = True
            raise
        if self._silent:
            LOG.info("Reports reach the inventory again")
        self._silent = False


def _changes(before: dict[str, model.Instance],
             now: dict[str, model.Instance]) -> list[model.Instance]:
    changed = [instance for instance in now.values() if before.get(instance.id) != instance]
    gone = [dataclasses.replace(instance, status=GONE)
            for instance in before.values() if instance.id not in now]
    return changed + gone
