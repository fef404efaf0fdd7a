"""consoles-manage: the operator's tool."""

import argparse
import json
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

from oslo_config import cfg

from consoles import exception
from consoles.client import reach
from consoles.command import host_setup
from consoles.command import instances
from consoles.command import launch
from consoles.command import output
from consoles.command import probe
from consoles.command import status
from consoles.consoleauth import janitor
from consoles.context import RequestContext
from consoles.context import use
from consoles.db import engine
from consoles.db import migration
from consoles.rpc.inventory import Inventory
from consoles.rpc.sessions import Sessions
from consoles.rpc.transport import Bus
from consoles.rpc.transport import ThreadCaller
from consoles.wire import recording

PROG = "consoles-manage"
DESCRIPTION = (
    "Prepares the database, lists hosts, servers and sessions, ends sessions, opens a console to "
    "see whether it works, and checks the whole. Only 'db' needs [database] connection; the "
    "others ask consoles-consoleauth over the bus, with the transport_url of the file. 'status' "
    "answers with its exit status, too: 0 when all is well, 1 with a warning, 2 when something is "
    "broken.")

DAY = 24 * 3600
HOSTS = ("name", "up", "age", "instances", "consoles", "version")
SESSIONS = ("id", "state", "instance_id", "project_id", "console_type", "worker",
            "client_address", "started_at", "reason")


@launch.entry_point(PROG)
def main(argv: Sequence[str] | None = None) -> int:
    commands = cfg.SubCommandOpt("command", title="Commands", handler=_add_commands)
    conf = launch.configure(argv, PROG, DESCRIPTION, cli_opts=[commands])
    run: Callable[[cfg.ConfigOpts], int] = conf.command.run
    return run(conf)


def db_sync(conf: cfg.ConfigOpts) -> int:
    print(f"The database has schema version {migration.sync(conf)}.")
    return 0


def db_version(conf: cfg.ConfigOpts) -> int:
    print(f"database: {migration.version(conf) or 'empty'}\nrelease: {migration.head()}")
    return 0 if migration.version(conf) == migration.head() else 1


def db_purge(conf: cfg.ConfigOpts) -> int:
    """What the janitor does, now, and with another age if one is given."""
    database = engine.connect(conf)
    migration.check(database.engine)
    if conf.command.days is not None:
        conf.set_override("session_retention", conf.command.days * DAY, group="consoleauth")
    for name, count in janitor.Janitor(conf, database).round().items():
        print(f"{name}: {count}")
    return 0


def host_list(conf: cfg.ConfigOpts) -> int:
    hosts = Inventory(_caller(conf)).list_hosts(_context())
    if conf.command.json:
        return output.print_json(hosts)
    return output.print_table(HOSTS, [
        host | {"up": "up" if host["up"] else "DOWN", "age": output.age(host["age"]),
                "consoles": ",".join(host["consoles"])} for host in hosts])


def setup_host(conf: cfg.ConfigOpts) -> int:
    return host_setup.setup(conf, conf.command)


def remove_host(conf: cfg.ConfigOpts) -> int:
    return host_setup.remove(conf.command)


def instance_list(conf: cfg.ConfigOpts) -> int:
    return instances.list_(_caller(conf), _context(), conf.command)


def instance_show(conf: cfg.ConfigOpts) -> int:
    return instances.show(_caller(conf), _context(), conf.command)


def run_probe(conf: cfg.ConfigOpts) -> int:
    return probe.run(_caller(conf), _context(), conf.command)


def session_list(conf: cfg.ConfigOpts) -> int:
    wanted = {"instance_id": conf.command.instance, "project_id": conf.command.project,
              "state": conf.command.state, "worker": conf.command.worker}
    found = Sessions(_caller(conf)).list(
        _context(), {key: value for key, value in wanted.items() if value},
        limit=conf.command.limit, marker=conf.command.marker)
    if conf.command.json:
        return output.print_json(found)
    return output.print_table(SESSIONS, [
        row | {"started_at": output.moment(row["started_at"])} for row in found])


def session_kill(conf: cfg.ConfigOpts) -> int:
    id = conf.command.id
    try:
        ended = Sessions(_caller(conf)).end(_context(), id)
    except exception.ProxyUnavailable:
        launch.fail(PROG, f"The proxy that holds session {id} does not answer. The session is "
                          "marked as ended and will be closed when the proxy reports again.")
    print(f"Session {id} is ended." if ended else f"Session {id} is unknown or over.")
    return 0 if ended else 1


def recording_show(conf: cfg.ConfigOpts) -> int:
    """What a capture is of, how much is in it, and whether it is whole."""
    sizes = {recording.FROM_TARGET: 0, recording.FROM_CLIENT: 0}
    row: dict[str, Any] = {"seconds": 0.0, "end": None}
    try:
        with open(conf.command.file, "rb") as stream:
            row |= recording.read_head(stream)
            for kind, row["seconds"], payload in recording.read_entries(stream):
                if kind == recording.END:
                    row["end"] = payload.decode(errors="replace")
                else:
                    sizes[kind] += len(payload)
    except OSError as exc:
        raise exception.ConfigError(f"the recording cannot be read: {exc}") from exc
    row |= {"bytes_from_target": sizes[recording.FROM_TARGET],
            "bytes_from_client": sizes[recording.FROM_CLIENT]}
    print(json.dumps(row, indent=2))
    return 0 if row["end"] else 1


def show_status(conf: cfg.ConfigOpts) -> int:
    try:
        tls = reach.tls_context("https", conf.command)
    except reach.Refused as exc:
        raise exception.ConfigError(str(exc)) from None
    findings = status.check(conf, _caller(conf), _context(), tls)
    for finding in findings:
        print(f"{finding.level.name:<8}{finding.subject:<14}{finding.text}")
    return max(finding.level for finding in findings)


def _add_commands(commands: Any) -> None:
    """The command line, as argparse's subparsers; oslo.config keeps what they parse."""
    db = _group(commands, "db", "the database")
    _command(db, "sync", db_sync, "create the tables, or bring them to this release")
    _command(db, "version", db_version, "show the schema's version; 1 when it is not this one's")
    purge = _command(db, "purge", db_purge, "forget at once what is over")
    purge.add_argument("--days", type=_count, metavar="N",
                       help="forget sessions that ended more than N days ago, instead of "
                            "[consoleauth] session_retention")
    host = _group(commands, "host", "hypervisors")
    _listing(_command(host, "list", host_list, "hosts, whether they are up, their last report"))
    host_setup.add_setup_arguments(_command(
        host, "setup", setup_host, "have this hypervisor announce and run proxies of its own; 1 "
        "when something is left to be done by hand"))
    host_setup.add_remove_arguments(_command(
        host, "remove", remove_host, "take back exactly what 'host setup' has changed; 1 when "
        "something is left to be done by hand"))
    instance = _group(commands, "instance", "servers that agents report")
    listing = _command(instance, "list", instance_list, "servers, by their ids")
    _listing(listing)
    instances.add_list_arguments(listing)
    show = _command(instance, "show", instance_show, "a server, its host, who has its consoles")
    _listing(show)
    show.add_argument("server", help="a server's id or name")
    probe.add_arguments(_command(commands, "probe", run_probe, probe.SUMMARY))
    session = _group(commands, "session", "sessions of consoles")
    listing = _command(session, "list", session_list, "sessions, newest first")
    _listing(listing)
    for name, text in (("instance", "an instance's id"), ("project", "a project's id"),
                       ("worker", "a worker's name"), ("marker", "begin after this session")):
        listing.add_argument(f"--{name}", metavar=name.upper(), help=text)
    listing.add_argument("--state", choices=["opening", "live", "ended"])
    listing.add_argument("--limit", type=_count, default=100, help="at most so many (100)")
    kill = _command(session, "kill", session_kill, "close a session, whatever its proxy")
    kill.add_argument("id", help="as 'session list' shows it")
    show = _command(_group(commands, "recording", "recorded sessions"), "show", recording_show,
                    "what a capture is of and holds; 1 when its end is missing")
    show.add_argument("file", help="FILE.N, where [DEFAULT] record has put it")
    reach.add_tls_arguments(_command(
        commands, "status", show_status, "check configuration, bus, consoleauth and hosts"))


def _group(commands: Any, name: str, text: str) -> Any:
    parser = commands.add_parser(name, help=text, description=text)
    return parser.add_subparsers(dest="action", required=True, metavar="ACTION")


def _command(commands: Any, name: str, run: Callable[[cfg.ConfigOpts], int],
             text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run)
    return parser


def _listing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError("a number, not less than 0")
    return int(text)


def _caller(conf: cfg.ConfigOpts) -> ThreadCaller:
    return ThreadCaller(Bus(conf))


def _context() -> RequestContext:
    return use(RequestContext(is_admin=True))
