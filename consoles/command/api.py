"""consoles-api: the REST API, under the web server that comes with it."""

import logging
from collections.abc import Sequence

from consoles.api import app
from consoles.api import keystone
from consoles.api.server import Server
from consoles.command import launch
from consoles.rpc.transport import Bus
from consoles.rpc.transport import ThreadCaller

LOG = logging.getLogger(__name__)

COMMAND = launch.Command(
    "consoles-api",
    "The REST API of consoles. It lists servers and gives out the URLs of their consoles. Needs "
    "the message bus, consoles-consoleauth and the agents of the hypervisors; holds no state, "
    "run as many as you like. With [api] auth_strategy=keystone it needs the login of a user of "
    "its own in [keystone_authtoken]. Under uWSGI, gunicorn or another WSGI server use "
    "consoles.command.wsgi:application instead.",
    ("api",), libraries=keystone.list_opts)


@launch.entry_point(COMMAND.prog)
def main(argv: Sequence[str] | None = None) -> None:
    conf = launch.start(argv, COMMAND)
    caller = ThreadCaller(Bus(conf), per_server=conf.consoleauth.max_checks_per_host)
    server = Server(app.build(conf, caller), conf.api.host, conf.api.port, conf.api.threads,
                    conf.api.max_request_body_size)
    server.bind()
    launch.on_signals(conf, server.stop)
    LOG.info("%s listens on %s port %d", COMMAND.prog, conf.api.host, server.port)
    server.run()
    LOG.info("%s has stopped", COMMAND.prog)
