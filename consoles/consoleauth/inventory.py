"""The endpoint of `rpc.inventory`: what agents report of their hosts."""

import json
import logging
from typing import Any

from oslo_config import cfg

from consoles import exception
from consoles import model
from consoles.consoleauth import arguments
from consoles.consoleauth.closing import Closer
from consoles.context import RequestContext
from consoles.db import inventory
from consoles.db.engine import Database
from consoles.rpc.interface import exposed

LOG = logging.getLogger(__name__)
AUDIT = logging.getLogger("consoles.audit")

#: The filter that lets all projects pass.
ANY_PROJECT = "*"


class InventoryEndpoint:
    """Keeps the rows of hosts and instances."""

    def __init__(self, conf: cfg.ConfigOpts, database: Database, closer: Closer) -> None:
        self._service_down_time = conf.inventory.service_down_time
        self._database = database
        self._closer = closer

    @exposed
    def report(self, context: RequestContext, host: str, boot_id: str, sequence: int,
               full: bool, instances: list[dict[str, Any]], endpoints: dict[str, str],
               version: str = "") -> str:
        arguments.check(arguments.HOST_REPORT, host=host, boot_id=boot_id, sequence=sequence,
                        full=full, instances=instances, endpoints=endpoints, version=version)
        report = inventory.Report(
            host=host, boot_id=boot_id, sequence=sequence, full=full, endpoints=endpoints,
            version=version, instances={value["id"]: _instance(value) for value in instances})
        outcome = self._database.write(inventory.apply, report, self._service_down_time)
        for reason, places in outcome.ended.items():
            self._closer.close(context, places, exception.CLOSE_CODES[reason], reason)
        for claim in outcome.claims:
            _audit(context, claim)
        if outcome.answer != "applied":
            LOG.info("Report %s of %s: %s", sequence, host, outcome.answer)
        return outcome.answer

    @exposed
    def get_instance(self, context: RequestContext, instance_id: str) -> dict[str, Any]:
        found = None
        if arguments.NAMED.is_valid({"instance_id": instance_id}):
            found = self._database.read(inventory.get, instance_id)
        if found is None:
            raise exception.InstanceNotFound(f"no host reports instance {instance_id}")
        return found

    @exposed
    def list_instances(self, context: RequestContext, filters: dict[str, Any] | None = None,
                       limit: int = 1000, marker: str | None = None,
                       sort: list[list[str]] | None = None) -> list[dict[str, Any]]:
        wanted = dict(filters or {})
        arguments.check(arguments.INSTANCE_FILTERS, filters=wanted, limit=limit, marker=marker,
                        sort=sort)
        if wanted.get("project_id") == ANY_PROJECT:
            del wanted["project_id"]
        return self._database.read(inventory.find, wanted, limit, marker, sort)

    @exposed
    def list_hosts(self, context: RequestContext) -> list[dict[str, Any]]:
        return self._database.read(inventory.hosts, self._service_down_time)


def _instance(value: dict[str, Any]) -> model.Instance:
    return model.Instance.from_dict(value | {"name": arguments.plain(value["name"])})


def _audit(context: RequestContext, claim: inventory.Claim) -> None:
    """Two hosts that have one instance: a migration, or an agent that tells stories."""
    AUDIT.warning("%s", json.dumps({
        "event": "instance_claim", "request_id": context.request_id,
        "instance_id": claim.instance_id, "status": claim.status, "from_host": claim.from_host,
        "to_host": claim.to_host, "granted": claim.granted}, sort_keys=True))
