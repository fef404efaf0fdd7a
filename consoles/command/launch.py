"""How a process of consoles starts and stops: its configuration, its log, its signals.

The only holder of the process's conf; everything below is handed values or the conf itself.
"""

import dataclasses
import logging
import signal
import sys
import threading
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import NoReturn

from oslo_config import cfg
from oslo_log import log as oslo_log
from pbr import version

from consoles import conf as consoles_conf
from consoles import context
from consoles import exception
from consoles.command import manual
from consoles.rpc import transport

LOG = logging.getLogger(__name__)

#: Libraries whose lines at INFO say nothing to an operator.
QUIET = ["amqp=WARN", "kombu=ERROR", "oslo.messaging=WARN", "oslo_messaging=WARN",
         "sqlalchemy=WARN", "stevedore=WARN", "alembic=WARN", "keystonemiddleware=WARN",
         "urllib3=WARN", "asyncio=WARN", "cotyledon=WARN", "dogpile=WARN"]


@dataclasses.dataclass(frozen=True)
class Command:
    """A service's name, what its manual says, and the option groups that it reads.

    `audience` picks the options of groups that several services share, see `manual.page`.
    """

    prog: str
    description: str
    groups: tuple[str, ...] = ()
    audience: str = ""


def start(argv: Sequence[str] | None, command: Command,
          defaults: Mapping[str, Mapping[str, Any]] | None = None) -> cfg.ConfigOpts:
    """`configure` for a service; `--help` prints its manual and ends."""
    if {"-h", "--help"} & set(sys.argv[1:] if argv is None else argv):
        print(manual.page(command.prog, command.description, command.groups, command.audience))
        raise SystemExit(0)
    return configure(argv, command.prog, command.description, defaults=defaults)


def configure(argv: Sequence[str] | None, prog: str, description: str,
              cli_opts: Sequence[cfg.Opt] = (),
              defaults: Mapping[str, Mapping[str, Any]] | None = None) -> cfg.ConfigOpts:
    """Register every option, read the command line and the files, set up the log.

    `defaults` are a command's own, {group: {option: value}}; the files still override them.
    Ends the process with a sentence when the configuration cannot be read.
    """
    conf = cfg.CONF
    consoles_conf.register_opts(conf)
    transport.register_opts(conf)
    oslo_log.register_options(conf)
    conf.register_cli_opts(cli_opts)
    oslo_log.set_defaults(default_log_levels=QUIET)
    for group, values in (defaults or {}).items():
        for option, value in values.items():
            conf.set_default(option, value, group=None if group == "DEFAULT" else group)
    try:
        conf(sys.argv[1:] if argv is None else list(argv), project="consoles", prog=prog,
             version=version.VersionInfo("consoles").version_string(),
             description=description)
    except cfg.Error as exc:
        fail(prog, str(exc))
    oslo_log.setup(conf, prog)
    for handler in logging.getLogger().handlers:
        handler.addFilter(context.LogFilter())
    return conf


def fail(prog: str, text: str) -> NoReturn:
    """End a process that cannot start, with one sentence that says what to do."""
    print(f"{prog}: {text}", file=sys.stderr)
    raise SystemExit(1)


def entry_point(prog: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator of a command's main: an error of ours is a sentence, not a traceback."""
    def decorate(main: Callable[..., Any]) -> Callable[..., Any]:
        def run(argv: Sequence[str] | None = None) -> Any:
            try:
                return main(argv)
            except exception.ConsolesError as exc:
                LOG.debug("Cannot go on", exc_info=True)
                fail(prog, str(exc))
        return run
    return decorate


def stop_event() -> threading.Event:
    """An event that SIGTERM and SIGINT set; call it in the main thread."""
    event = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: event.set())
    return event


def run_bus_service(conf: cfg.ConfigOpts, name: str,
                    build: Callable[[cfg.ConfigOpts, transport.Bus], Any]) -> None:
    """Serve what `build` answers (an object with endpoints, start and stop) until a signal.

    Starts while the broker is away, too, and listens as soon as it answers.
    """
    stopped = stop_event()
    bus = transport.Bus(conf)
    service = build(conf, bus)
    service.start()
    servers = bus.serve(name, service.endpoints)
    LOG.info("%s serves the bus as %s", conf.prog, name)
    stopped.wait()
    LOG.info("%s stops", conf.prog)
    servers.stop()
    service.stop()
