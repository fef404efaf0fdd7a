"""consoles-consoleauth: tokens, sessions and the inventory; the only process with the database."""

from collections.abc import Sequence

from consoles.command import launch
from consoles.consoleauth import service

PROG = "consoles-consoleauth"
DESCRIPTION = (
    "Keeps the tokens of console URLs, the sessions of all proxies and the inventory of "
    "instances, and answers for them on the message bus. The only service that uses the "
    "database; run as many copies as you like. Prepare the database with "
    "'consoles-manage db sync' first.")


@launch.entry_point(PROG)
def main(argv: Sequence[str] | None = None) -> None:
    conf = launch.configure(argv, PROG, DESCRIPTION)
    launch.run_bus_service(conf, conf.host, service.build)
