"""Every kind of console with every way in which its target can be bad, as one table of outcomes.

RFB's kinds hold a conversation with the target before the client is let in, so all of these are
refusals, each with its status, Close code, reason and words in the log. SPICE and serial have none:
bytes are carried from the first on, and what cannot be wrong there is in the table as carried.
"""

import dataclasses
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from consoles import model
from consoles.proxies import catalog
from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.processes import free_port
from tests.fixtures.processes import wait_for
from tests.fixtures.xvp import Stream

VERSION = b"RFB 003.008\n"
CONNECTED = b"HTTP/1.1 200 OK\r\n\r\n"
#: A SPICE server's first bytes up to its message's length, of 4 GiB (spice-protocol, protocol.h).
LINK = b"REDQ\x02\0\0\0\x02\0\0\0\xff\xff\xff\xff"


@dataclasses.dataclass(frozen=True)
class Refused:
    """What a program and a page are told, and what the log says of the target."""

    status: int
    code: int
    reason: str
    text: str


@dataclasses.dataclass(frozen=True)
class Carried:
    """Nothing to refuse, and why; `opened` when there was a conversation before that."""

    why: str
    opened: bool = False


UNREACHABLE = Refused(502, 4502, "target_unreachable", "127.0.0.1")
SILENT = Refused(504, 4502, "target_timeout", "the target did not finish its handshake in time")


def wrong(text):
    return Refused(502, 4502, "target_protocol", text)


RFB = {
    "closed port": UNREACHABLE,
    "wrong protocol": wrong("speaks b'SSH-2.0-Open', not RFB 3.8"),
    "garbage": wrong("not RFB 3.8"),
    "silence": SILENT,
    "silence in mid-field": SILENT,
    "a length of 4 GiB": wrong("the server refuses"),
    "one byte a packet": Carried("slow is not wrong", opened=True),
    "one byte a packet without end": SILENT,
    "end at once": wrong("target: "),
    "end in mid-field": wrong("target: "),
}


def raw(why):
    """No conversation of ours: whatever is said is the client's to judge."""
    return {case: Carried(why) for case in RFB} | {"closed port": UNREACHABLE}


TABLE = {
    "novnc": RFB,
    "xvpvnc": RFB,
    "spice-html5": raw("SPICE's handshake is between the client and the guest"),
    "serial": raw("a serial line has no protocol, and silence is its usual state"),
}
#: Kinds that speak otherwise to their targets, with tables of their own.
ELSEWHERE = {"webmks"}

SAID = {
    "wrong protocol": (b"SSH-2.0-OpenSSH_9.2\r\n", VERSION),
    "garbage": (bytes(range(255, -1, -1)) * 40,) * 2,
    "silence": (b"", b""),
    "silence in mid-field": (VERSION[:7], LINK[:6]),
    "a length of 4 GiB": (VERSION + b"\0\xff\xff\xff\xff" + b"n" * 65536, LINK + b"n" * 65536),
    "one byte a packet": (b"", LINK),
    "one byte a packet without end": (VERSION + b"\xff", LINK),
    "end at once": (b"", b""),
    "end in mid-field": (VERSION + b"\x05\x01\x02", LINK[:6]),
}
CASES = [(kind, case) for kind, cases in TABLE.items() for case in cases]


def cases(outcome):
    return pytest.mark.parametrize(("kind", "case"), [
        (kind, case) for kind, case in CASES if isinstance(TABLE[kind][case], outcome)])


def rfb(sock, kind, case):
    """Behind a hypervisor's CONNECT for native viewers, and at once for the others."""
    if kind == "xvpvnc":
        while not sock.recv(1000).endswith(b"\r\n\r\n"):
            pass
        sock.sendall(CONNECTED)
    if case == "one byte a packet":
        drip(sock, VERSION)
        assert targets.read_exactly(sock, 12) == VERSION
        drip(sock, b"\x02\x10\x01")
        assert targets.read_exactly(sock, 1) == b"\x01"
        drip(sock, b"\0\0\0\0screen")
    else:
        said = SAID[case][0]
        sock.sendall(said[:12])
        if said[12:]:
            assert targets.read_exactly(sock, 12) == VERSION
            sock.sendall(said[12:])


def bare(sock, kind, case):
    said = SAID[case][1]
    if case.startswith("one byte"):
        drip(sock, said)
    else:
        sock.sendall(said)


def drip(sock, data):
    for byte in data:
        sock.sendall(bytes([byte]))


def script(kind, case):
    speak = rfb if TABLE[kind] is RFB else bare

    def run(sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        speak(sock, kind, case)
        if case.startswith("end"):
            sock.shutdown(socket.SHUT_WR)
        elif case.endswith("without end") and speak is rfb:
            while True:                     # 255 types take 25 seconds; an end ends the script
                drip(sock, b"\x02")
                threading.Event().wait(0.1)
        for _ in iter(lambda: targets.gone(sock), True):
            pass
        sock.close()
    return run


@pytest.fixture
def arrange(make_proxy, consoleauth, caplog):
    """→ a proxy of the kind and the bad target (None: a closed port) behind the token `good`."""
    caplog.set_level("INFO")
    started = []

    def arrange(kind, case):
        spec = next(row for row in catalog.ROWS.values() if row.console_type == kind)
        target = targets.Target(script(kind, case)) if case != "closed port" else None
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
