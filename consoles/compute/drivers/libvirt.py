"""Consoles of the domains of a libvirt daemon: KVM and QEMU.

Where a console is, is read from the live domain XML each time. Events only say when to look, and
every report looks anyway, so that one that is missed costs an interval.
"""

import dataclasses
import functools
import logging
import uuid
from collections.abc import Callable
from typing import Any

import libvirt
from oslo_config import cfg

from consoles import exception
from consoles import model
from consoles.compute import console_log
from consoles.compute import shape
from consoles.compute.drivers import libvirt_places as places
from consoles.compute.drivers import libvirt_status
from consoles.compute.drivers import libvirt_xml
from consoles.compute.drivers.base import ConsoleDriver
from consoles.compute.drivers.libvirt_connection import Connection
from consoles.compute.drivers.libvirt_fates import Fates
from consoles.compute.drivers.libvirt_lines import Lines
from consoles.compute.drivers.libvirt_owners import Owners
from consoles.compute.drivers.libvirt_stream import GuestEnd
from consoles.compute.drivers.libvirt_stream import StreamEnd
from consoles.compute.drivers.libvirt_stream import UnixEnd
from consoles.compute.drivers.libvirt_xml import Domain
from consoles.compute.drivers.libvirt_xml import Line
from consoles.compute.listener import refused

LOG = logging.getLogger(__name__)


class LibvirtDriver(ConsoleDriver):
    def __init__(self, conf: cfg.ConfigOpts, host: str) -> None:
        super().__init__(conf, host)
        self._connection = Connection(conf.libvirt.connection_uri, self._connected, self._happened)
        self._owners = Owners(conf.libvirt.project_id, conf.libvirt.owners_file)
        self._lines = Lines(conf.serial_console.proxyclient_address, places.lines(conf),
                            self._open_end)
        self._changed: Callable[[], None] = lambda: None
        self._domains: dict[str, Domain] = {}  # as they were read last, for what seldom changes
        self._instances: list[model.Instance] | None = None  # as they were told last
        self._fates = Fates()
        self._again: set[str] = set()  # who was told last to be off, and is not

    def start(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._owners.load()
        if self.conf.serial_console.enabled:
            self._check_address()
        self._lines.start()
        self._connection.start()

    def stop(self) -> None:
        self._connection.stop()  # first, as its events are told to the lines
        self._lines.stop()

    def list_instances(self) -> list[model.Instance]:
        """The last ones while libvirt is away: guests and their consoles run on without it."""
        self._owners.refresh()
        stale, self._again = self._fates.take(), set()
        known = {id: domain for id, domain in self._domains.items() if id not in stale}
        try:
            found = libvirt_status.scan(self._connection.call, known)
        except exception.AgentUnavailable as exc:
            self._fates.put_back(stale)
            if self._instances is None:
                raise
            LOG.debug("The instances are those of before: %s", exc)
            return self._instances
        self._domains = {id: domain for id, (domain, _) in found.items()}
        self._fates.seen(self._domains.values())
        told = self._told(found)
        self._instances = list(told.values())
        return self._stopped(told)

    def reported(self) -> None:
        self._fates.told()
        if self._again:
            self._changed()

    def get_console(self, instance_id: str, console_type: str,
                    options: dict[str, Any] | None = None) -> model.ConnectInfo:
        domain = self._live(instance_id)
        if console_type == model.ConsoleType.SERIAL:
            return self._line(domain, places.line(domain, options or {}))
        return places.graphics(self.conf, domain, console_type)

    def validate_console(self, instance_id: str, console_type: str, host: str,
                         port: int) -> model.ConnectInfo:
        try:
            if console_type == model.ConsoleType.SERIAL:
                info = self._line_at(instance_id, host, port)
            else:
                info = super().validate_console(instance_id, console_type, host, port)
        except exception.AgentUnavailable:
            # libvirt says nothing of a domain until its end, which takes it seconds, is over.
            if self._lines.ended(instance_id, port) or refused(host, port):
                raise self._fates.end(instance_id) from None
            raise
        except exception.PortChanged:
            self._check_untold(instance_id)
            raise
        self._check_untold(instance_id)
        return info

    def live_consoles(self) -> list[shape.LiveConsole]:
        domains = libvirt_status.active(self._connection.call)
        return [console for domain in domains for console in places.live(domain)]

    def get_console_output(self, instance_id: str, length: int | None) -> str:
        """What libvirt logs, else the end of what a line said while the agent served it."""
        domain = self._domain(instance_id)
        path = next((path for line in domain.lines
                     if (path := line.log or line.kind == libvirt_xml.FILE and line.path)), None)
        if path:
            return console_log.last_lines(places.read_log(instance_id, path), length)
        for line in domain.lines:
            if heard := self._lines.heard(instance_id, line):
                return console_log.last_lines(heard.decode("utf-8", "replace"), length)
        raise exception.NoConsoleLog(
            f"no line of {instance_id} is logged: its XML has no <log file=...> and no file")

    def release(self, details: dict[str, Any]) -> None:
        if details.get("console_type") == model.ConsoleType.SERIAL:
            self._lines.release(details["instance_id"])

    # -- what libvirt tells, in its threads ------------------------------------------------------

    def _connected(self) -> None:
        self._fates.missed(self._domains)
        self._changed()

    def _happened(self, instance_id: str, event: int, detail: int) -> None:
        self._fates.happened(instance_id, event, detail)
        if event == libvirt.VIR_DOMAIN_EVENT_STOPPED:
            self._lines.end(instance_id)
        self._changed()

    # -- instances -------------------------------------------------------------------------------

    def _told(self, found: libvirt_status.Found) -> dict[str, model.Instance]:
        """What to report. One that moved is MIGRATING until its new host has it."""
        told = {id: self._instance(domain, status) for id, (domain, status) in found.items()
                if status != libvirt_status.ELSEWHERE}
        before = {instance.id: instance for instance in self._instances or ()}
        self._fates.left(id for id, one in before.items() if one.status != "MIGRATING"
                         and id in found and found[id][1] == libvirt_status.ELSEWHERE)
        for id in self._fates.moving():
            if id in before and (id not in told or told[id].status not in model.RUNNING):
                told[id] = dataclasses.replace(before[id], status="MIGRATING")
        return told

    def _stopped(self, told: dict[str, model.Instance]) -> list[model.Instance]:
        """The same, but a guest that stopped and runs again is said to be off until the inventory
        was told so, so that what was opened before ends."""
        running = {id for id, one in told.items() if one.status in model.RUNNING}
        stopped = self._fates.stopped({id: life for id, domain in self._domains.items()
                                       if (life := domain.life) and id in running})
        self._again = {id for id in stopped & running if id not in self._fates.moving()}
        self._lines.keep(running - self._again)
        return [dataclasses.replace(one, status="SHUTOFF") if one.id in self._again else one
                for one in told.values()]

    def _instance(self, domain: Domain, status: str) -> model.Instance:
        owner = self._owners.of(domain)
        return model.Instance(
            id=domain.id, name=domain.display_name, host=self.host, status=status,
            project_id=owner.project_id, user_id=owner.user_id)

    # -- one domain ------------------------------------------------------------------------------

    def _domain(self, instance_id: str) -> Domain:
        """As it is now. Raises InstanceNotFound, InstanceMoving."""
        try:
            name = str(uuid.UUID(instance_id))
        except ValueError:
            raise exception.InstanceNotFound(f"{instance_id} is no UUID") from None
        try:
            return self._connection.call(functools.partial(libvirt_status.look_up, id=name), name)
        except exception.InstanceNotFound:
            raise self._fates.end(instance_id, transient=True) from None

    def _live(self, instance_id: str) -> Domain:
        """A running one. Raises InstanceNotReady, too. An end that is known costs no question."""
        if self._fates.over(instance_id):
            raise self._fates.end(instance_id)
        domain = self._domain(instance_id)
        if not domain.active:
            raise self._fates.end(instance_id, transient=not domain.persistent)
        return domain

    def _check_untold(self, instance_id: str) -> None:
        """Raises InstanceNotReady: what was opened before a stop is not good, whoever asks."""
        if self._fates.untold(instance_id):
            raise exception.InstanceNotReady(f"{instance_id} stopped and has begun anew")

    def _line(self, domain: Domain, line: Line) -> model.ConnectInfo:
        if line.kind == libvirt_xml.TCP:
            return places.tcp(self.conf, domain, line)
        return places.served(self.conf, domain, self._lines.lease(domain.id, line))

    def _line_at(self, instance_id: str, host: str, port: int) -> model.ConnectInfo:
        """One of several lines is known by its port, also one that was given back meanwhile."""
        domain = self._live(instance_id)
        for line in places.reachable(domain):
            if line.kind != libvirt_xml.TCP and self._lines.port(instance_id, line) != port:
                continue
            info = self._line(domain, line)
            if (info.host, info.port) == (host, port):
                return info
        raise exception.PortChanged(f"no line of {instance_id} is at {host}:{port} any more")

    async def _open_end(self, instance_id: str, line: Line) -> GuestEnd:
        if line.kind == libvirt_xml.UNIX:
            return await UnixEnd.open(line.path)
        return await StreamEnd.open(self._connection, instance_id, line.alias)

    def _check_address(self) -> None:
        address = self.conf.serial_console.proxyclient_address
        try:
            self._lines.check()
        except OSError as exc:
            raise exception.ConfigError(
                f"[serial_console] proxyclient_address = {address}: {exc.strerror}; lines are "
                "served there") from None
