"""consoles-compute: the agent on each hypervisor."""

from collections.abc import Sequence

from consoles.command import launch
from consoles.compute import service
from consoles.nova import connection

COMMAND = launch.Command(
    "consoles-compute",
    "The agent on a hypervisor. It tells where the consoles of its instances are, and reports "
    "its instances. One per hypervisor, under a host name of its own ([compute] host).",
    ("compute", "inventory", "vnc", "spice", "serial_console", "mks", "rdp",
     "libvirt"), "Agent", connection.list_opts)


@launch.entry_point(COMMAND.prog)
def main(argv: Sequence[str] | None = None) -> None:
    conf = launch.start(argv, COMMAND)
    launch.run_bus_service(conf, conf.compute.host or conf.host, service.build)
