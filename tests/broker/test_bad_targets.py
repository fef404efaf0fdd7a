"""Bad consoles of every kind as a user meets them: through API, RabbitMQ and the real proxies."""

import contextlib
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from consoles.proxies import catalog
from tests.fixtures import bad_targets
from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.bad_targets import Refused
from tests.fixtures.bad_targets import SILENT
from tests.fixtures.bad_targets import TABLE
from tests.fixtures.processes import free_port
from tests.fixtures.processes import wait_for
from tests.fixtures.system import Fault
from tests.fixtures.system import instance_id
from tests.fixtures.xvp import Stream

CASES = bad_targets.of(Refused)
#: Seconds for what is not silent, too, on a busy machine.
DEADLINE = 5
ROWS = {row.console_type: row for row in catalog.ROWS.values()}


def of(column, case):
    return instance_id(f"{column} {case}")


def console(stack, column, case, pki):
    """Where the stub says that it is."""
    port = free_port() if case == "closed port" else stack.enter_context(contextlib.closing(
        targets.Target(bad_targets.script(column, case, pki)))).port
    return {"host": "127.0.0.1", "port": port, **bad_targets.details(column, pki)}


@pytest.fixture
def system(make_system, rabbit, pki):
    with contextlib.ExitStack() as stack:
        system = make_system(rabbit.url, hosts=(), proxy={"handshake_timeout": DEADLINE},
                             spice={"enabled": "true"}, serial_console={"enabled": "true"},
                             mks={"enabled": "true"})
        system.write_agent("one", [
            {"name": f"{column} {number}", "id": of(column, case),
             "consoles": {bad_targets.type_of(column): console(stack, column, case, pki)}}
            for number, (column, case) in enumerate(CASES)])
        for kind, row in ROWS.items():
            port = system.proxy_ports[kind] = free_port()
            system.base.setdefault(row.group, {}).update(
                {f"{row.prefix}_host": "127.0.0.1", f"{row.prefix}_port": port})
        system.services.configure(system.base)
        system.sync()
        system.start_consoleauth()
        system.start_agent()
        system.start_api()
        for kind, row in ROWS.items():
            system.services.start(kind, row.command, port=system.proxy_ports[kind])
        wait_for(lambda: reported(system), 30, "the instances of the agent")
        yield system


def reported(system):
    with contextlib.suppress(Fault, OSError):
        return token(system, *CASES[0])


def token(system, column, case):
    kind = bad_targets.type_of(column)
    protocol = {"novnc": "vnc", "xvpvnc": "vnc", "spice-html5": "spice",
                "webmks": "mks"}.get(kind, kind)
    url = system.ask(f"/servers/{of(column, case)}/console", {"protocol": protocol, "type": kind})
    return re.search(r"token(?:=|%3D)([\w-]+)$", url["url"])[1]


def status(system, column, case):
    """What a program is told."""
    port = system.proxy_ports[bad_targets.type_of(column)]
    secret = token(system, column, case)
    if column == "xvpvnc":
        head = f"CONNECT /console?token={secret} HTTP/1.1\r\n\r\n".encode()
        with contextlib.closing(Stream(port, head, timeout=30)) as stream:
            return stream.status
    with pytest.raises(ws_client.Refused) as refused:
        ws_client.WebSocket.connect(port, f"/?token={secret}", timeout=30)
    return refused.value.status


def refusals(log):
    """→ {instance: what the audit says}, and the lines that say why."""
    lines = log.read_text().splitlines()
    found = [json.loads(line[line.index("{"):]) for line in lines if '"event": "refuse"' in line]
    return ({event["instance_id"]: event for event in found},
            [line for line in lines if " refused: " in line])


def test_each_is_refused_within_its_deadline_and_logged_with_its_reason(system):
    quick = [case for case in CASES if TABLE[case[0]][case[1]] != SILENT]
    for cases, threads in ((quick, 3), (sorted(set(CASES) - set(quick)), 8)):
        with ThreadPoolExecutor(threads) as pool:
            answers = list(pool.map(lambda case: status(system, *case), cases))
        assert dict(zip(cases, answers, strict=True)) == {
            (column, case): TABLE[column][case].status for column, case in cases}
    said = {kind: refusals(system.services.directory / f"{kind}.log") for kind in ROWS}
    for column, case in CASES:
        wanted = TABLE[column][case]
        audited, lines = said[bad_targets.type_of(column)]
        event = audited[of(column, case)]
        assert (event["reason"], event["code"]) == (wanted.reason, wanted.code)
        assert (event["duration"] >= DEADLINE - 0.5) == (wanted == SILENT)
        assert any(wanted.text in line for line in lines)
