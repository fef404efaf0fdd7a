"""The REST API for uWSGI, gunicorn and other WSGI servers: consoles.command.wsgi:application.

The one module that builds at import, because such servers ask for an object, not for a function.
The configuration is read from the usual files, or from those that the environment variable
OS_CONSOLES_CONFIG_FILES names, separated by `;`. Requests block in their thread: give each
process some twenty (`gunicorn --threads 20`, `uwsgi --threads 20`). Log no queries there.
"""

import os
import threading
from typing import Any

from consoles.api import app
from consoles.api import auth
from consoles.command import launch
from consoles.command import report
from consoles.context import RequestContext
from consoles.rpc.interface import Caller
from consoles.rpc.interface import Interface
from consoles.rpc.transport import Bus
from consoles.rpc.transport import ThreadCaller

PROG = "consoles-api"
DESCRIPTION = "The REST API under a WSGI server."


class LateCaller:
    """A ThreadCaller that is made at the first call: servers fork after they have imported this
    module, and a bus that is already there does not survive that."""

    def __init__(self, conf: Any) -> None:
        self._conf = conf
        self._caller: Caller | None = None
        self._lock = threading.Lock()

    def __call__(self, interface: Interface, server: str | None, context: RequestContext,
                 method: str, arguments: dict[str, Any]) -> Any:
        return self._made()(interface, server, context, method, arguments)

    def _made(self) -> Caller:
        with self._lock:
            if self._caller is None:
                self._caller = ThreadCaller(
                    Bus(self._conf), per_server=self._conf.consoleauth.max_checks_per_host)
            return self._caller


@launch.entry_point(PROG)
def build(argv: Any = None) -> app.Application:
    files = [name for name in os.environ.get("OS_CONSOLES_CONFIG_FILES", "").split(";") if name]
    conf = launch.configure([f"--config-file={name}" for name in files], PROG, DESCRIPTION)
    if conf.api.auth_strategy == "noauth":
        auth.refuse_open_noauth(conf, None)
    if conf.oslo_reports.file_event_handler:  # signals are the server's
        report.answer(conf)
    return app.build(conf, LateCaller(conf))


application = build()
