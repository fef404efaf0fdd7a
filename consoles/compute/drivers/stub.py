"""A driver without a hypervisor: instances stand in a YAML file, consoles are anywhere.

The file, [compute] stub_instances, is read again when it changes; one that is broken ends the
start, and later is logged while the last good one goes on to count. Without a file there are a
few built-in guests. Its form, with one entry for each kind of hypervisor it can stand for:

    instances:
    - name: testcard                    # needed
      id: 5f0c6a7e-1f5b-4f4e-9c39-0a3f5f6f2b11    # needed, a UUID
      status: ACTIVE                    # or SHUTOFF, BUILD, PAUSED ...; ACTIVE if absent
      project_id: "*"                   # its owner; "*", everybody's, if absent (noauth only)
      user_id: demo                     # may be absent
      consoles:                         # also spice-direct, webmks, rdp-html5
        novnc: {guest: builtin}         # a test card; also for xvpvnc
        serial: {guest: builtin}        # a line with a small shell
    - name: a-vnc-server-somewhere
      id: ...
      consoles:
        novnc: {host: 192.0.2.7, port: 5900}
        spice-html5: {host: 192.0.2.7, port: 5901, tls_port: 5902, tls_name: kvm7.example.org}
      console_log_file: /var/log/kvm7/console.log   # read when it is asked for
        # How its server was started, to be compared with the configuration; may be absent. It
        # counts for vnc and spice, where types share a server once.
        # novnc: {host: 192.0.2.7, port: 5900, listen: 0.0.0.0, keymap: de}
        # spice-html5: {host: 192.0.2.7, port: 5901, listen: 0.0.0.0, agent: false}
    - name: like-xenserver
      id: ...
      consoles:
        xvpvnc: {host: 192.0.2.8, port: 80, internal_access_path: "/console?uuid=...&n={ticket}"}
      console_log: |                    # or the text itself
        what it said at boot

`{ticket}` in an internal_access_path becomes a number that counts up with each answer, so that no
two are the same: a ticket that is used once. A console log that is absent is empty, or the
built-in guest's own; lines typed at a built-in serial line are added to it.
"""

import logging
import os
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from oslo_config import cfg

from consoles import exception
from consoles import model
from consoles.compute import console_log
from consoles.compute import shape
from consoles.compute.drivers import stub_file
from consoles.compute.drivers.base import ConsoleDriver
from consoles.compute.drivers.base import only_line
from consoles.compute.drivers.stub_file import StubConsole
from consoles.compute.guests.house import Guest
from consoles.compute.guests.house import House
from consoles.compute.periodic import Periodic

LOG = logging.getLogger(__name__)

TICKET = "{ticket}"
#: Seconds between two looks at the file.
WATCH_INTERVAL = 1.0


class StubDriver(ConsoleDriver):
    """`released` counts `release` by instance."""

    def __init__(self, conf: cfg.ConfigOpts, host: str) -> None:
        super().__init__(conf, host)
        self.released: Counter[str] = Counter()
        self._path = conf.compute.stub_instances
        self._house = House(conf.vnc.server_listen, shape.ports(conf), conf.vnc.keymap)
        self._instances: stub_file.Instances = {}
        self._seen: tuple[int, ...] | None = None  # the file's state that was read last
        self._tickets: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._changed: Callable[[], None] = lambda: None
        self._watcher = Periodic("stub-instances", WATCH_INTERVAL, self._watch)

    def start(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._seen = self._file_state()
        found = (stub_file.load(self._path, self.host) if self._path
                 else stub_file.demonstration(self.host))
        self._house.start()
        try:
            self._take(found)
        except OSError as exc:
            raise exception.ConfigError(
                f"[vnc] server_listen = {self.conf.vnc.server_listen}, vnc_port = "
                f"{self.conf.vnc.vnc_port}: {exc.strerror}") from None
        if self._path:
            self._watcher.start()

    def stop(self) -> None:
        self._watcher.stop()
        self._watcher.join(1.0)
        self._house.stop()

    def list_instances(self) -> list[model.Instance]:
        return [stub.instance for stub in self._instances.values()]

    def get_console(self, instance_id: str, console_type: str,
                    options: dict[str, Any] | None = None) -> model.ConnectInfo:
        stub = self._get(instance_id)
        console = stub.consoles.get(console_type)
        if console is None:
            raise exception.ConsoleTypeUnavailable(f"{instance_id} has no {console_type} console")
        if stub.instance.status not in model.RUNNING:
            raise exception.InstanceNotReady(f"{instance_id} is {stub.instance.status}")
        only_line(options)
        host, port = self._place(instance_id, console_type, console)
        return model.ConnectInfo(
            instance_id=instance_id, console_type=console_type, host=host, port=port,
            tls_port=console.tls_port, tls_name=console.tls_name,
            internal_access_path=self._with_ticket(instance_id, console_type, console))

    def live_consoles(self) -> list[shape.LiveConsole]:
        """Those of which the file says how they listen; built-in ones are as they should be."""
        return [shape.LiveConsole(instance_id=instance_id, group=group, listen=console.listen,
                                  port=console.port, keymap=console.keymap, agent=console.agent)
                for instance_id, stub in self._instances.items()
                if stub.instance.status in model.RUNNING
                for group, console in stub.servers().items() if console.listen]

    def get_console_output(self, instance_id: str, length: int | None) -> str:
        stub = self._get(instance_id)
        text = self._house.console_log(instance_id) or stub.log_text or ""
        if stub.log_file:
            text = _tail(stub.log_file) + text
        return console_log.last_lines(text, length)

    def release(self, details: dict[str, Any]) -> None:
        instance_id = details["instance_id"]
        with self._lock:
            self.released[instance_id] += 1
        LOG.info("Released the %s console of instance %s", details.get("console_type"),
                 instance_id)

    def _get(self, instance_id: str) -> stub_file.StubInstance:
        try:
            return self._instances[instance_id]
        except KeyError:
            raise exception.InstanceNotFound(f"{instance_id} is not on {self.host}") from None

    def _place(self, instance_id: str, console_type: str, console: StubConsole) -> tuple[str, int]:
        if console.host is not None and console.port is not None:
            return console.host, console.port
        port = self._house.port(instance_id, stub_file.DEVICES[model.ConsoleType(console_type)])
        if port is None:
            raise exception.InstanceNotReady(f"the guest of {instance_id} does not run")
        if console_type == model.ConsoleType.SERIAL:
            return self.conf.serial_console.proxyclient_address, port
        return self.conf.vnc.server_proxyclient_address, port

    def _with_ticket(self, instance_id: str, console_type: str,
                     console: StubConsole) -> str | None:
        path = console.internal_access_path
        if path is None or TICKET not in path:
            return path
        with self._lock:
            self._tickets[instance_id, console_type] += 1
            number = self._tickets[instance_id, console_type]
        return path.replace(TICKET, str(number))

    def _watch(self) -> None:
        state = self._file_state()
        if state == self._seen:
            return
        self._seen = state
        try:
            self._take(stub_file.load(self._path, self.host))
        except (exception.ConfigError, OSError) as exc:
            LOG.error("%s; the instances stay as they were", exc)
            return
        LOG.info("Read %s again: %d instances", self._path, len(self._instances))
        self._changed()

    def _file_state(self) -> tuple[int, ...] | None:
        try:
            stat = os.stat(self._path) if self._path else None
        except OSError:
            return None
        return (stat.st_mtime_ns, stat.st_size, stat.st_ino) if stat else None

    def _take(self, found: stub_file.Instances) -> None:
        """Let these instances count; guests that run with built-in consoles are served."""
        self._house.run({
            instance_id: Guest(instance_id, stub.instance.name, self.host, stub.devices(),
                               stub.log_text if not stub.log_file else "")
            for instance_id, stub in found.items()
            if stub.devices() and stub.instance.status in model.RUNNING})
        self._instances = found


def _tail(path: str) -> str:
    """The end of a log file; nothing when it cannot be read."""
    try:
        return console_log.tail(path)
    except OSError as exc:
        LOG.warning("Cannot read a console log: %s", exc)
        return ""
