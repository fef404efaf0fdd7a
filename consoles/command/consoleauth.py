"""consoles-consoleauth: tokens, sessions and the inventory; the only process with the database."""

from collections.abc import Sequence

from consoles.command import launch
from consoles.consoleauth import service
from consoles.nova import connection

COMMAND = launch.Command(
    "consoles-consoleauth",
    "Keeps the tokens of console URLs, the sessions of all proxies and the inventory of "
    "instances. It answers for them on the message bus and is the only service that uses the "
    "database ([database] connection); run as many copies as you like. Prepare the database "
    "with 'consoles-manage db sync' first.",
    ("DEFAULT", "consoleauth", "inventory"), libraries=connection.list_opts)


@launch.entry_point(COMMAND.prog)
def main(argv: Sequence[str] | None = None) -> None:
    conf = launch.start(argv, COMMAND)
    launch.run_bus_service(conf, conf.host, service.build)
