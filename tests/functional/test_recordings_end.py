"""Recordings that cannot go on: the disk is full, gone or stuck, the size is reached."""

import contextlib
import resource

import pytest

from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.novnc import greeted
from tests.fixtures.processes import wait_for
from tests.fixtures.recordings import Capture
from tests.fixtures.recordings import finished
from tests.fixtures.recordings import StuckNames
from tests.functional.test_recordings import session as session  # a fixture

PIECE = bytes(range(250)) * 100
#: What files may have while a disk is full: more than other tests' logs need.
FULL = 1_000_000


@pytest.fixture(params=["stop_recording", "end_session"])
def on_error(request):
    return request.param


@pytest.fixture
def make(make_proxy, session, echoing_guest):
    def made(on_error, **options):
        return make_proxy(DEFAULT__record=str(session), DEFAULT__record_on_error=on_error,
                          **options)
    return made


@contextlib.contextmanager
def full_disk():
    """No file of this process grows above FULL; the kernel says so as it says ENOSPC."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def echoed(ws, times=1):
    for _ in range(times):
        ws.send(PIECE)
        assert ws.recv_exactly(len(PIECE)) == PIECE


def until_it_ends(ws, reason=(1011, "recording failed")):
    """Send and read until the proxy ends it; → what came before."""
    got = b""
    with pytest.raises(ws_client.Closed) as closed:
        while True:
            ws.send(PIECE)
            so_far = len(got)
            while len(got) < so_far + len(PIECE):
                got += ws.recv_message()
    assert (closed.value.code, closed.value.reason) == reason
    return got


def leave(proxy, ws):
    ws.close()
    ws.until_closed()
    assert proxy.tally()["reason"] == "client_closed"


def test_a_full_disk(make, session, on_error, caplog):
    proxy = make(on_error)
    path = session.with_name("session.1")
    with full_disk():
        ws = greeted(proxy.connect())
        if on_error == "end_session":
            until_it_ends(ws)
            assert proxy.tally()["reason"] == "recording_failed"
        else:
            echoed(ws, 30)
            wait_for(lambda: "ends early" in caplog.text)
            echoed(ws)
            leave(proxy, ws)
    assert f"the recording {path} ends early: [Errno 27] File too large" in caplog.text
    capture = Capture(path)  # whole entries, and none that says it was the last
    assert capture.reason is None
    assert 0 < path.stat().st_size <= FULL
    assert (b"\0\0\0\0" + PIECE * 40).startswith(capture.sent("S"))


def test_no_place_for_recordings_at_all(make, session, on_error, caplog):
    proxy = make(on_error)
    session.parent.rmdir()
    if on_error == "stop_recording":
        ws = greeted(proxy.connect())
        echoed(ws, 10)
        leave(proxy, ws)
    else:
        with pytest.raises(ws_client.Refused) as refused:
            proxy.connect()
        assert refused.value.status == 503
        assert refused.value.headers["retry-after"] == "2"
        with pytest.raises(ws_client.Closed) as closed:
            proxy.connect(origin=proxy.own_origin).recv_message()
        assert closed.value.code == 4503
        assert "cannot be recorded" in closed.value.reason
        assert str(session.parent) not in closed.value.reason
        assert proxy.tally()["reason"] == "recording_unavailable"
    assert "No such file or directory" in caplog.text


def test_the_size_of_a_recording_is_bounded(make, session, on_error):
    proxy = make(on_error, DEFAULT__record_max_size=200_000)
    path = session.with_name("session.1")
    ws = greeted(proxy.connect())
    if on_error == "end_session":
        got = until_it_ends(ws)
        # Nobody has seen what is not in the recording.
        assert b"\0\0\0\0" + got == Capture(finished(path, "record_max_size")).sent("S")
    else:
        echoed(ws, 10)
        leave(proxy, ws)
    assert 100_000 < finished(path, "record_max_size").stat().st_size <= 200_000
    assert Capture(path).reason == "record_max_size"


@pytest.fixture
def stuck():
    """Make a proxy's disk stick; it goes on at the end of the test."""
    made = []

    def stick(proxy):
        recorder = proxy.worker._sessions.recorder
        recorder.names = StuckNames(recorder.names)
        made.append(recorder.names)
        return recorder
    yield stick
    for names in made:
        names.goes_on.set()


def test_a_disk_that_does_not_answer_holds_nobody_up(make_proxy, consoleauth, session, stuck,
                                                     caplog):
    """A session that outruns the disk is not recorded to its end; others are, and none waits."""
    size = 20 * 1024 * 1024
    guest = targets.Target(targets.rfb_server(lambda sock: sock.sendall(bytes(size))
                                              or targets.echo(sock)))
    consoleauth.add("good", guest.port)
    quiet = targets.Target(targets.rfb_server(targets.echo))
    consoleauth.add("quiet", quiet.port)
    proxy = make_proxy(DEFAULT__record=str(session))
    recorder = stuck(proxy)
    loud, other = greeted(proxy.connect()), greeted(proxy.connect("quiet"))
    left = size
    while left:
        left -= len(loud.recv(left))
    echoed(other)
    echoed(loud)
    assert "the disk does not keep up" in caplog.text
    assert recorder.waiting < size
    assert not session.with_name("session.1").exists()
    recorder.names.goes_on.set()
    for ws in (other, loud):
        leave(proxy, ws)
    cut, whole = (session.with_name(f"session.{n}") for n in (1, 2))
    assert Capture(finished(cut, "disk_too_slow")).reason
    assert Capture(finished(whole)).sent("S") == b"\0\0\0\0" + PIECE
    wait_for(lambda: recorder.waiting == 0)
    for target in (guest, quiet):
        target.close()


def test_nobody_gets_in_where_the_disk_does_not_answer(make, stuck):
    proxy = make("end_session")
    stuck(proxy).open_timeout = 0.2
    with pytest.raises(ws_client.Refused) as refused:
        proxy.connect()
    assert refused.value.status == 503
    assert proxy.tally()["reason"] == "recording_unavailable"
