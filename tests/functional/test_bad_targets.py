"""Every kind of console with every bad target: refused in time and logged, or carried."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from consoles.proxies import catalog
from consoles.wire import mks
from tests.fixtures import bad_targets
from tests.fixtures import mks as hypervisors
from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.bad_targets import Carried
from tests.fixtures.bad_targets import Refused
from tests.fixtures.bad_targets import SAID
from tests.fixtures.bad_targets import SILENT
from tests.fixtures.bad_targets import TABLE
from tests.fixtures.processes import free_port
from tests.fixtures.processes import wait_for
from tests.fixtures.xvp import Stream
from tests.fixtures.xvp import VERSION


def cases(outcome):
    return pytest.mark.parametrize(("column", "case"), bad_targets.of(outcome))


@pytest.fixture
def arrange(make_proxy, consoleauth, fault_proxy, pki, caplog):
    """→ a proxy of the kind and the bad target (None: a closed port) behind the token `good`."""
    caplog.set_level("INFO")
    started = []

    def arrange(column, case):
        kind = bad_targets.type_of(column)
        spec = next(row for row in catalog.ROWS.values() if row.console_type == kind)
        target, port = None, free_port()
        if case != "closed port":
            target = targets.Target(bad_targets.script(column, case, pki))
            started.append(target)
            port = target.port
        if case == "one byte a packet":
            port = fault_proxy(port, drip=1).port
        consoleauth.add("good", port, console_type=kind, **bad_targets.details(column, pki))
        late = TABLE[column][case] == SILENT
        return make_proxy(spec=spec, **({"proxy__handshake_timeout": 1} if late else {})), target
    yield arrange
    for target in started:
        target.close()


def status(proxy, column):
    """What a program is told."""
    if column == "xvpvnc":
        stream = Stream(proxy.port, timeout=20)
        assert stream.read_all() == b""
        return stream.status
    with pytest.raises(ws_client.Refused) as refused:
        proxy.connect(timeout=20)
    assert refused.value.body == b""
    return refused.value.status


def test_the_table_is_whole():
    kinds = {row.console_type for row in catalog.ROWS.values()}
    assert set(TABLE) == kinds - {"webmks"} | {f"webmks {mode}" for mode in mks.Mode}
    assert {frozenset(cases) for cases in TABLE.values()} == {frozenset(SAID) | {"closed port"}}


@cases(Refused)
def test_a_bad_target_is_refused_in_time_and_its_fault_is_logged(arrange, caplog, column, case):
    wanted = TABLE[column][case]
    proxy, _ = arrange(column, case)
    with ThreadPoolExecutor(2) as pool:
        program = pool.submit(status, proxy, column)
        page = None if column == "xvpvnc" else pool.submit(
            lambda: proxy.connect(origin=proxy.own_origin, timeout=20).until_closed()[0])
        assert program.result() == wanted.status
        assert page is None or page.result() == wanted.code
    tallies = [proxy.tally() for _ in filter(None, (program, page))]
    assert {(tally["reason"], tally["code"]) for tally in tallies} == {
        (wanted.reason, wanted.code)}
    said = [record.getMessage() for record in caplog.records
            if " refused: " in record.getMessage()]
    assert len(said) == len(tallies)
    assert all(wanted.text in line and len(line) < 5000 for line in said), said


@cases(Carried)
def test_what_cannot_be_wrong_is_carried_as_it_is(arrange, column, case):
    proxy, target = arrange(column, case)
    if TABLE[column][case].opened:
        wanted = b"screen"
        client = greeted(proxy, column)
    else:
        wanted = SAID[case][1]
        client = proxy.connect(timeout=20)
    read = client.read if column == "xvpvnc" else client.recv_exactly
    assert read(len(wanted)) == wanted
    assert target.errors == []
    if case.startswith("end"):
        assert client.until_closed()[0] == 1000
        assert proxy.tally()["reason"] == "target_closed"
    else:
        wait_for(lambda: proxy.worker._relay.links, 20, "a session that goes on")
        client.close()
        assert proxy.tally()["reason"] in ("client_closed", "client_gone")


def greeted(proxy, column):
    """A viewer up to SecurityResult."""
    if column == "xvpvnc":
        return Stream(proxy.port, timeout=20).greeted()
    ws = proxy.connect(timeout=20)
    if column.startswith("webmks"):
        return hypervisors.greeted(ws, column.split()[1])
    ws.send(VERSION + b"\x01")
    assert ws.recv_exactly(18) == VERSION + b"\x01\x01" + b"\0\0\0\0"
    return ws
