"""Consoles of servers of Nova, whatever it runs them on, by nothing but its API.

Instances, their hosts and owners are what Nova lists. Where a console is, Nova's own agent says: a
token is made, looked up and forgotten. Nothing of Nova's has to be changed for it, and the driver
need not run on the hypervisor, nor once for each.
"""

import dataclasses
import logging
import time
import uuid
from collections.abc import Callable
from typing import Any

from oslo_config import cfg

from consoles import exception
from consoles import model
from consoles.compute.drivers.base import ConsoleDriver
from consoles.compute.drivers.base import only_line
from consoles.nova import connection
from consoles.nova.client import Nova

LOG = logging.getLogger(__name__)

ALL = "*"
#: Of a server in a cell that is down Nova says little else.
UNKNOWN = "UNKNOWN"
#: Seconds for a page of the list of servers, and for a question about one of them, which somebody
#: waits for.
LIST_TIMEOUT, TIMEOUT = 60.0, 4.0
#: Seconds in which the host that a server went to should say that it has it.
MOVE_TIME = 60.0
VNC = ("novnc", "xvpvnc")


class NovaDriver(ConsoleDriver):
    def __init__(self, conf: cfg.ConfigOpts, host: str) -> None:
        super().__init__(conf, host)
        self._hosts = frozenset(conf.compute.nova_hosts or [host])
        self._told: dict[str, model.Instance] | None = None  # as they were told last
        self._moved: dict[str, float] = {}  # when it was first seen at a host that is not ours

    def start(self, changed: Callable[[], None]) -> None:
        """Nova is first asked by the first report; `changed` is not called."""
        self._lister = Nova(connection.connect(self.conf, LIST_TIMEOUT))
        self._nova = Nova(connection.connect(self.conf, TIMEOUT))

    def stop(self) -> None:
        pass

    def list_instances(self) -> list[model.Instance]:
        """The last ones while Nova is away: guests and their consoles run on without it."""
        try:
            found = {server.id: self._instance(server) for server in self._listed()}
            found |= self._unlisted(found)
        except exception.NovaUnavailable as exc:
            if self._told is None:
                raise
            LOG.warning("The instances are those of before: %s", exc)
            return list(self._told.values())
        self._told = found
        return list(found.values())

    def get_console(self, instance_id: str, console_type: str,
                    options: dict[str, Any] | None = None) -> model.ConnectInfo:
        server = self._server(instance_id)
        if not self._is_here(server):
            raise exception.InstanceNotFound(f"{instance_id} is at {server.compute_host}")
        if server.status not in model.RUNNING:
            raise exception.InstanceNotReady(f"{instance_id} is {server.status}")
        only_line(options)
        place = self._nova.place(instance_id, console_type)
        if place.port <= 0:
            raise exception.InstanceNotReady(f"{instance_id} has no console now")
        name = self.conf.vnc.vencrypt_server_name or server.hypervisor_hostname
        return model.ConnectInfo(
            instance_id=instance_id, console_type=console_type, host=place.host, port=place.port,
            tls_port=place.tls_port, tls_name=name if console_type in VNC else None,
            internal_access_path=place.internal_access_path)

    def get_console_output(self, instance_id: str, length: int | None) -> str:
        return self._nova.output(_uuid(instance_id), length)

    def release(self, details: dict[str, Any]) -> None:
        """Nova's tokens expire; there is nothing to forget."""

    # -- servers ---------------------------------------------------------------------------------

    def _listed(self) -> list[Any]:
        if ALL in self._hosts:
            return [server for server in self._lister.servers() if server.compute_host]
        return [server for host in sorted(self._hosts) for server in self._lister.servers(host)]

    def _unlisted(self, found: dict[str, model.Instance]) -> dict[str, model.Instance]:
        """What was listed before and is no more, as far as Nova still has it.

        A cell that is down, and one page that misses another's change, leave servers out, so each
        is asked for. One that went to a host of another agent is MIGRATING until that one has it.
        """
        now = time.monotonic()
        missing = (self._told or {}).keys() - found.keys()
        self._moved = {id: at for id, at in self._moved.items() if id in missing}
        kept = {}
        for id in missing:
            try:
                server = self._lister.server(id)
            except exception.InstanceNotFound:
                continue
            if server.status == UNKNOWN:
                kept[id] = (self._told or {})[id]
            elif self._is_here(server) or not server.compute_host:
                kept[id] = self._instance(server)
            elif now - self._moved.setdefault(id, now) < MOVE_TIME:
                kept[id] = dataclasses.replace((self._told or {})[id], status="MIGRATING")
        return kept

    def _server(self, instance_id: str) -> Any:
        return self._nova.server(_uuid(instance_id))

    def _is_here(self, server: Any) -> bool:
        return ALL in self._hosts or server.compute_host in self._hosts

    def _instance(self, server: Any) -> model.Instance:
        return model.Instance(
            id=server.id, name=server.name or server.id, host=self.host,
            status=server.status or UNKNOWN, project_id=server.project_id,
            user_id=server.user_id)


def _uuid(instance_id: str) -> str:
    """As it may stand in a path. Raises InstanceNotFound."""
    try:
        return str(uuid.UUID(instance_id))
    except ValueError:
        raise exception.InstanceNotFound(f"{instance_id} is no UUID") from None
