"""Every kind of console with every bad target: refused in time and logged, or carried."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from consoles import model
from consoles.proxies import catalog
from tests.fixtures import bad_targets
from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.bad_targets import Carried
from tests.fixtures.bad_targets import ELSEWHERE
from tests.fixtures.bad_targets import Refused
from tests.fixtures.bad_targets import SAID
from tests.fixtures.bad_targets import SILENT
from tests.fixtures.bad_targets import TABLE
from tests.fixtures.processes import free_port
from tests.fixtures.processes import wait_for
from tests.fixtures.xvp import Stream
from tests.fixtures.xvp import VERSION


def cases(outcome):
    return pytest.mark.parametrize(("kind", "case"), bad_targets.of(outcome))


@pytest.fixture
def arrange(make_proxy, consoleauth, caplog):
    """→ a proxy of the kind and the bad target (None: a closed port) behind the token `good`."""
    caplog.set_level("INFO")
    started = []

    def arrange(kind, case):
        spec = next(row for row in catalog.ROWS.values() if row.console_type == kind)
        target = targets.Target(bad_targets.script(kind, case)) if case != "closed port" else None
        started.append(target)
        more = {"internal_access_path": "/console?ref=1"} if kind == "xvpvnc" else {}
        consoleauth.add("good", target.port if target else free_port(), console_type=kind, **more)
        late = TABLE[kind][case] == SILENT
        return make_proxy(spec=spec, **({"proxy__handshake_timeout": 1} if late else {})), target
    yield arrange
    for target in filter(None, started):
        target.close()


def status(proxy, kind):
    """What a program is told."""
    if kind == "xvpvnc":
        stream = Stream(proxy.port, timeout=20)
        assert stream.read_all() == b""
        return stream.status
    with pytest.raises(ws_client.Refused) as refused:
        proxy.connect(timeout=20)
    assert refused.value.body == b""
    return refused.value.status


def test_the_table_is_whole():
    assert set(TABLE) | ELSEWHERE >= {row.console_type for row in catalog.ROWS.values()}
    assert set(TABLE) | ELSEWHERE <= set(model.ConsoleType)
    assert {frozenset(cases) for cases in TABLE.values()} == {frozenset(SAID) | {"closed port"}}


@cases(Refused)
def test_a_bad_target_is_refused_in_time_and_its_fault_is_logged(arrange, caplog, kind, case):
    wanted = TABLE[kind][case]
    proxy, _ = arrange(kind, case)
    with ThreadPoolExecutor(2) as pool:
        program = pool.submit(status, proxy, kind)
        page = None if kind == "xvpvnc" else pool.submit(
            lambda: proxy.connect(origin=proxy.own_origin, timeout=20).until_closed()[0])
        assert program.result() == wanted.status
        assert page is None or page.result() == wanted.code
    tallies = [proxy.tally() for _ in filter(None, (program, page))]
    assert {(tally["reason"], tally["code"]) for tally in tallies} == {
        (wanted.reason, wanted.code)}
    said = [record.getMessage() for record in caplog.records
            if " refused: " in record.getMessage()]
    assert len(said) == len(tallies)
    assert all(wanted.text in line and len(line) < 5000 for line in said)


@cases(Carried)
def test_what_cannot_be_wrong_is_carried_as_it_is(arrange, kind, case):
    proxy, target = arrange(kind, case)
    if TABLE[kind][case].opened:
        wanted = b"screen"
        client = greeted(proxy, kind)
    else:
        wanted = SAID[case][1]
        client = proxy.connect(timeout=20)
    read = client.read if kind == "xvpvnc" else client.recv_exactly
    assert read(len(wanted)) == wanted
    assert target.errors == []
    if case.startswith("end"):
        assert client.until_closed()[0] == 1000
        assert proxy.tally()["reason"] == "target_closed"
    else:
        wait_for(lambda: proxy.worker._relay.links, 20, "a session that goes on")
        client.close()
        assert proxy.tally()["reason"] in ("client_closed", "client_gone")


def greeted(proxy, kind):
    """A viewer up to SecurityResult."""
    if kind == "xvpvnc":
        return Stream(proxy.port, timeout=20).greeted()
    ws = proxy.connect(timeout=20)
    ws.send(VERSION + b"\x01")
    assert ws.recv_exactly(18) == VERSION + b"\x01\x01" + b"\0\0\0\0"
    return ws
