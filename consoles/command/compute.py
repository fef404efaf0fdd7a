"""consoles-compute: the agent on each hypervisor."""

from collections.abc import Sequence

from consoles.command import launch
from consoles.compute import service

PROG = "consoles-compute"
DESCRIPTION = (
    "The agent on a hypervisor: tells where the consoles of its instances are, and reports "
    "its instances. One per hypervisor, under a host name of its own ([compute] host).")


@launch.entry_point(PROG)
def main(argv: Sequence[str] | None = None) -> None:
    conf = launch.configure(argv, PROG, DESCRIPTION)
    launch.run_bus_service(conf, conf.compute.host or conf.host, service.build)
