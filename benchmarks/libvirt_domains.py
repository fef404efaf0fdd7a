"""What the driver `libvirt` costs with many domains of libvirt's test driver, in this process.

    python -m benchmarks.libvirt_domains [1000]

prints the time and the CPU time of: the driver's start; the first report, which reads each domain's
XML; a later one; one console looked up; the live consoles of all. And by how many KiB a domain the
process grew.
"""

import contextlib
import sys
import threading
import time
import uuid
from collections.abc import Iterator

import libvirt
import psutil
from oslo_config import cfg

from consoles import conf as consoles_conf
from consoles.compute.drivers.libvirt import LibvirtDriver
from consoles.compute.drivers.libvirt_opened import run_events

URI = "test:///default"
DOMAIN = """<domain type='test'><name>{name}</name><uuid>{id}</uuid>
<metadata><nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1"><nova:owner>
<nova:user uuid="u">u</nova:user><nova:project uuid="p">p</nova:project></nova:owner>
</nova:instance></metadata><memory>8192</memory><os><type>hvm</type></os><devices>
<graphics type='vnc' port='{port}' listen='127.0.0.1'/>
<serial type='tcp'><source mode='bind' host='127.0.0.1' service='{serial}'/></serial>
</devices></domain>"""


def create(connection, count: int) -> list:
    """Running domains; the test driver keeps them as long as a connection is open."""
    return [connection.createXML(DOMAIN.format(
        name=f"d{number}", id=uuid.uuid4(), port=5900 + number, serial=20000 + number))
        for number in range(count)]


def started() -> LibvirtDriver:
    """A driver of that libvirt, connected."""
    conf = cfg.ConfigOpts()
    consoles_conf.register_opts(conf)
    conf([], project="consoles", default_config_files=[], default_config_dirs=[])
    conf.set_override("connection_uri", URI, group="libvirt")
    driver, connected = LibvirtDriver(conf, "kvm1"), threading.Event()
    driver.start(connected.set)
    if not connected.wait(30):
        raise SystemExit("no connection to libvirt")
    return driver


def main(count: int) -> None:
    run_events()
    connection = libvirt.open(URI)
    domains = create(connection, count)
    process = psutil.Process()
    before = process.memory_info().rss
    with _timed("start"):
        driver = started()
    ids = iter(domain.UUIDString() for domain in domains)
    for name, work in (
            ("first report", driver.list_instances), ("later report", driver.list_instances),
            ("console", lambda: driver.get_console(next(ids), "novnc")),
            ("live consoles", driver.live_consoles)):
        with _timed(name):
            work()
    print(f"{'memory':14} {(process.memory_info().rss - before) / 1024 / count:8.1f} KiB a domain")
    driver.stop()


@contextlib.contextmanager
def _timed(name: str) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    print(f"{name:14} {(time.perf_counter() - wall) * 1000:8.1f} ms "
          f"{(time.process_time() - cpu) * 1000:8.1f} ms of CPU")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
