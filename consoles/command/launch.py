"""How a process of consoles starts and stops: its configuration, its log, its signals.

The only holder of the process's conf; everything below is handed values or the conf itself.
"""

import atexit
import contextlib
import dataclasses
import io
import logging
import os
import signal
import socket
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
from consoles.command import report
from consoles.command import spelling
from consoles.rpc import brokers
from consoles.rpc import transport

LOG = logging.getLogger(__name__)

#: Libraries whose lines at INFO say nothing to an operator.
QUIET = ["amqp=WARN", "kombu=ERROR", "oslo.messaging=WARN", "oslo_messaging=WARN",
         "sqlalchemy=WARN", "stevedore=WARN", "alembic=WARN", "keystonemiddleware=WARN",
         "keystoneauth=WARN", "urllib3=WARN", "asyncio=WARN", "cotyledon=WARN", "dogpile=WARN",
         # Audit events where they go to the log, by either way.
         "oslo.messaging.notification=INFO", "keystonemiddleware.audit=INFO"]


@dataclasses.dataclass(frozen=True)
class Command:
    """A service's name, what its manual says, and the option groups that it reads.

    `audience` picks the options of groups that several services share, see `manual.page`.
    `libraries` answers what it reads of libraries, to be told beside its own.
    """

    prog: str
    description: str
    groups: tuple[str, ...] = ()
    audience: str = ""
    libraries: Callable[[], manual.Options] = list


def start(argv: Sequence[str] | None, command: Command,
          defaults: Mapping[str, Mapping[str, Any]] | None = None) -> cfg.ConfigOpts:
    """`configure` for a service; `--help` prints its manual and ends."""
    if {"-h", "--help"} & set(sys.argv[1:] if argv is None else argv):
        print(manual.page(command.prog, command.description, command.groups, command.audience,
                          command.libraries()))
        raise SystemExit(0)
    conf = configure(argv, command.prog, command.description, defaults=defaults)
    brokers.check(conf)
    spelling.warn(conf)
    report.answer(conf)
    return conf


def configure(argv: Sequence[str] | None, prog: str, description: str,
              cli_opts: Sequence[cfg.Opt] = (),
              defaults: Mapping[str, Mapping[str, Any]] | None = None) -> cfg.ConfigOpts:
    """Register every option, read the command line and the files, set up the log.

    `defaults` are a command's own, {group: {option: value}}; the files still override them.
    Ends the process with a sentence when the configuration cannot be read.
    """
    conf = cfg.CONF
    _register(conf)
    conf.register_cli_opts(cli_opts)
    for group, values in (defaults or {}).items():
        for option, value in values.items():
            conf.set_default(option, value, group=None if group == "DEFAULT" else group)
    try:
        _read(conf, sys.argv[1:] if argv is None else list(argv), prog, description)
        set_up_log(conf, prog)
    except exception.ConfigError as exc:
        fail(prog, str(exc))
    return conf


def reread(conf: cfg.ConfigOpts) -> cfg.ConfigOpts:
    """What the files of `conf` say now, in a conf of its own. Raises ConfigError."""
    fresh = cfg.ConfigOpts()
    _register(fresh)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            _read(fresh, conf._args or (), conf.prog)  # as they were at the start
    except SystemExit as exc:  # a wrong value of an option that the command line has, too
        raise exception.ConfigError(said.getvalue().strip()) from exc
    spelling.warn(fresh)
    return fresh


def _register(conf: cfg.ConfigOpts) -> None:
    consoles_conf.register_opts(conf)
    transport.register_opts(conf)
    oslo_log.register_options(conf)
    report.register_opts(conf)
    oslo_log.set_defaults(default_log_levels=QUIET)


def _read(conf: cfg.ConfigOpts, argv: Sequence[str], prog: str, description: str = "") -> None:
    """A wrong value is an error where it is looked at: here, not in the middle of the work."""
    try:
        conf(_with_drop_ins(argv, prog), project="consoles", prog=prog, description=description,
             version=version.VersionInfo("consoles").version_string())
        for name in conf:
            if isinstance(conf[name], cfg.ConfigOpts.GroupAttr):
                dict(conf[name])
    except (cfg.Error, ValueError) as exc:
        raise exception.ConfigError(str(exc)) from exc


def _with_drop_ins(argv: Sequence[str], prog: str) -> list[str]:
    """oslo.config has a --config-file win over the default directories; what `host setup` and
    packages drop there is to win over the file, as it does where none is named."""
    words = list(argv)
    named = [at for at, word in enumerate(words)
             if word.partition("=")[0] in ("--config-file", "--config-dir")]
    if not named or any(words[at].startswith("--config-dir") for at in named):
        return words
    behind = named[-1] + (1 if "=" in words[named[-1]] else 2)
    words[behind:behind] = [f"--config-dir={directory}"
                            for directory in cfg.find_config_dirs("consoles", prog)]
    return words


def set_up_log(conf: cfg.ConfigOpts, prog: str) -> None:
    """Raises ConfigError, and then the log stays as it was."""
    root = logging.getLogger()
    before = list(root.handlers)
    try:
        oslo_log.setup(conf, prog)
    except (OSError, RuntimeError, oslo_log.LogConfigError) as exc:
        root.handlers[:] = before
        raise exception.ConfigError(f"Cannot log as configured: {exc}") from exc
    for handler in root.handlers:
        handler.addFilter(context.LogFilter())
    for handler in before:
        handler.close()


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


def on_signals(conf: cfg.ConfigOpts, stop: Callable[[], None]) -> None:
    """SIGTERM and SIGINT call `stop`, a second one ends the process at once.

    SIGHUP reads anew the options that may change while a service runs, such as `debug`. Call it
    in the main thread, once. A thread of its own reacts: Python runs its handlers between two
    steps of the main thread, and one that comes just before that thread sleeps waits with it.
    """
    arrived, raised = socket.socketpair()
    raised.setblocking(False)
    signal.set_wakeup_fd(raised.detach())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    threading.Thread(target=_react, args=(arrived, conf, stop), daemon=True).start()
    atexit.register(_ignore)  # the interpreter's end gives signals back their deadly default


def _ignore() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _react(arrived: socket.socket, conf: cfg.ConfigOpts, stop: Callable[[], None]) -> None:
    asked = False
    while number := arrived.recv(1):
        if number[0] == signal.SIGHUP:
            _mutate(conf)
        elif number[0] in (signal.SIGTERM, signal.SIGINT):
            if asked:
                os._exit(0)
            asked = True
            stop()


def _mutate(conf: cfg.ConfigOpts) -> None:
    try:
        reread(conf)  # all of it is right, or none of it is taken
        conf.mutate_config_files()
    except (exception.ConfigError, cfg.Error) as exc:
        LOG.error("The configuration is not taken, all goes on as before: %s", exc)


def run_bus_service(conf: cfg.ConfigOpts, name: str,
                    build: Callable[[cfg.ConfigOpts, transport.Bus], Any]) -> None:
    """Serve what `build` answers (an object with endpoints, start and stop) until a signal.

    Starts while the broker is away, too, and listens as soon as it answers.
    """
    built, stopped = threading.Event(), threading.Event()
    # `build` may wait for the database for minutes
    on_signals(conf, lambda: stopped.set() if built.is_set() else os._exit(0))
    bus = transport.Bus(conf)
    service = build(conf, bus)
    built.set()
    service.start()
    servers = bus.serve(name, service.endpoints)
    LOG.info("%s serves the bus as %s", conf.prog, name)
    stopped.wait()
    LOG.info("%s stops", conf.prog)
    servers.stop()
    service.stop()
