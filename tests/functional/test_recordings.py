"""Sessions that are recorded: what the files hold, that they replay, who may read them."""

import json
import socket
import stat
import time

import numpy as np
import pytest

from consoles.compute.guests.house import Guest
from consoles.compute.guests.house import House
from consoles.compute.guests.house import SCREEN
from consoles.proxies import catalog
from tests.fixtures import mks
from tests.fixtures import targets
from tests.fixtures.novnc import greeted
from tests.fixtures.recordings import Capture
from tests.fixtures.recordings import Cast
from tests.fixtures.recordings import finished
from tests.fixtures.recordings import OPENING
from tests.fixtures.recordings import Played
from tests.fixtures.rfb_viewer import Viewer
from tests.fixtures.targets import Target
from tests.fixtures.xvp import Stream

#: As noVNC asks for it, which is not the guest's own.
NOVNC_PIXELS = (32, 24, 0, 1, 255, 255, 255, 0, 8, 16)


@pytest.fixture
def session(tmp_path):
    """What the names of recordings begin with."""
    (tmp_path / "recordings").mkdir()
    return tmp_path / "recordings" / "session"


@pytest.fixture
def screen(consoleauth):
    """A guest with a picture, behind the token `good`."""
    house = House("127.0.0.1")
    house.start()
    house.run({"i": Guest("i", "card", "host", frozenset({SCREEN}))})
    consoleauth.add("good", house.port("i", SCREEN))
    yield
    house.stop()


def ended(proxy, ws):
    """End it as a browser does."""
    ws.close()
    ws.until_closed()
    return proxy.tally()


def watch(proxy, **kwargs):
    """A user looks at the guest and types; → what the viewer saw at the end."""
    ws = proxy.connect(**kwargs)
    viewer = Viewer(ws).connect()
    viewer.set_pixel_format(NOVNC_PIXELS)
    viewer.refresh()
    viewer.type("secret\n")
    picture = viewer.refresh().copy()
    ended(proxy, ws)
    return picture


def replayed(capture):
    """What a viewer sees that plays it to its end."""
    viewer = Viewer(Played(capture)).connect()
    asked = capture.sent("C")
    assert asked[1] == 0  # SetPixelFormat, right behind ClientInit
    assert asked[5:18] == bytes([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 0, 8, 16])
    viewer.use(NOVNC_PIXELS)
    while viewer._sock._left:
        viewer.read_update()
    return viewer


def test_a_graphical_session_replays_to_the_same_picture(make_proxy, screen, session):
    proxy = make_proxy(DEFAULT__record=str(session))
    before = time.time() * 1000
    picture = watch(proxy)
    capture = Capture(finished(session.with_name("session.1")))
    viewer = replayed(capture)
    assert viewer.updates >= 2
    assert len(np.unique(picture)) > 2, "there was no picture to see"
    assert np.array_equal(viewer.picture, picture)
    assert capture.reason == "client_closed"
    assert b"\x04\x01\0\0\0\0\0s" in capture.sent("C")  # and the keys
    assert before - 1 <= capture.about["started_at"] <= time.time() * 1000


def test_the_head_says_what_it_is_and_no_secret(make_proxy, screen, session, consoleauth):
    watch(make_proxy(DEFAULT__record=str(session)))
    path = finished(session.with_name("session.1"))
    about = Capture(path).about
    asked = consoleauth.asked[0][1]
    assert about == {"format": "consoles-capture", "version": 1, "session_id": asked["id"],
                     "instance_id": "vm1", "type": "novnc", "protocol": "vnc",
                     "started_at": about["started_at"]}
    assert b"good" not in path.read_bytes().partition(b"\n")[0]


def test_only_its_owner_can_read_it(make_proxy, screen, session):
    watch(make_proxy(DEFAULT__record=str(session)))
    mode = session.with_name("session.1").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_over_tls_it_is_the_same(make_proxy, screen, session, certificates):
    proxy = make_proxy(DEFAULT__record=str(session), DEFAULT__cert=str(certificates.cert),
                       DEFAULT__key=str(certificates.key))
    picture = watch(proxy, tls=certificates.client())
    capture = Capture(finished(session.with_name("session.1")))
    assert np.array_equal(replayed(capture).picture, picture)


def test_a_native_viewers_session_is_the_same(make_proxy, screen, session, consoleauth):
    (key,) = consoleauth.tokens
    consoleauth.add("good", consoleauth.tokens[key].port, console_type="xvpvnc")
    proxy = make_proxy(spec=catalog.XVPVNC, DEFAULT__record=str(session))
    stream = Stream(proxy.port)
    viewer = Viewer(stream).connect()
    picture = viewer.refresh().copy()
    stream.sock.shutdown(socket.SHUT_RDWR)
    stream.sock.close()
    proxy.tally()
    capture = Capture(finished(session.with_name("session.1"), "client_"))
    again = Viewer(Played(capture)).connect()
    again.read_update()
    assert np.array_equal(again.picture, picture)


def test_old_recordings_stay_and_numbers_go_on(make_proxy, screen, session):
    old = session.with_name("session.7")
    old.write_text("precious")
    proxy = make_proxy(DEFAULT__record=str(session))
    for number in (8, 9):
        watch(proxy)
        finished(session.with_name(f"session.{number}"))
    assert old.read_text() == "precious"
    assert len(list(session.parent.iterdir())) == 3


def test_a_session_that_is_refused_behind_its_target_says_why(make_proxy, consoleauth, session):
    """The client leaves in its handshake: the file is there, and says that nothing came of it."""
    guest = Target(targets.rfb_server(targets.gone))
    consoleauth.add("good", guest.port)
    proxy = make_proxy(DEFAULT__record=str(session))
    proxy.connect().sock.close()
    proxy.tally()
    capture = Capture(finished(session.with_name("session.1"), "bad_request"))
    assert [kind for kind, _, _ in capture.entries] == ["E"]
    guest.close()


@pytest.mark.parametrize("with_input", [False, True])
def test_a_serial_session_is_an_asciicast(make_proxy, consoleauth, session, with_input):
    snowman = "\r\n☃ login: ".encode()

    def line(sock):
        sock.sendall(snowman[:3])  # in the middle of a character
        assert sock.recv(1) == b"r"
        sock.sendall(snowman[3:] + b"\xff\x1b[1m")
        assert sock.recv(1) == b"o"
        sock.sendall(b"done")
        sock.close()
    guest = Target(line)
    consoleauth.add("good", guest.port, console_type="serial")
    proxy = make_proxy(spec=catalog.SERIAL, DEFAULT__record=str(session),
                       DEFAULT__record_input=with_input)
    ws = proxy.connect()
    assert ws.recv_exactly(3) == snowman[:3]
    ws.send(b"r")
    ws.recv_exactly(len(snowman) - 3 + 5)
    ws.send(b"o")
    ws.until_closed()
    proxy.tally()
    cast = Cast(finished(session.with_name("session.1"), "target_closed"))
    assert cast.said("o") == "\r\n☃ login: �\x1b[1mdone"
    assert cast.said("i") == ("ro" if with_input else "")
    assert cast.events[-1] == ("m", "target_closed")
    assert cast.about["consoles"]["instance_id"] == "vm1"
    assert cast.about["timestamp"] == cast.about["consoles"]["started_at"] // 1000
    assert "token" not in json.dumps(cast.about)
    guest.close()


@pytest.mark.parametrize("mode", mks.MODES)
def test_a_webmks_session_is_recorded_whatever_way_it_took(make_mks, hypervisor, session, mode):
    proxy = make_mks(DEFAULT__record=str(session))
    proxy.says(hypervisor[mode], **mks.MODES[mode])
    ws = mks.greeted(proxy.connect(), mode)
    ws.send(b"typed")
    assert ws.recv_exactly(5) == b"typed"
    ended(proxy, ws)
    path = finished(session.with_name("session.1"))
    capture = Capture(path)
    wss = mode == "wss"
    assert capture.sent("S") == (OPENING + b"\0\0\0\0" if wss else mks.SERVER_INIT) + b"typed"
    assert capture.sent("C") == (OPENING[:12] + b"\x01" if wss else b"") + b"typed"
    assert (capture.about["type"], capture.about["protocol"]) == ("webmks", "mks")
    assert mks.TICKET.encode() not in path.read_bytes()


def test_a_proxy_that_stops_ends_its_recordings(make_proxy, echoing_guest, session):
    proxy = make_proxy(DEFAULT__record=str(session))
    ws = greeted(proxy.connect())
    ws.send(b"x")
    assert ws.recv_exactly(1) == b"x"
    proxy.worker.stop()
    assert ws.until_closed()[0] == 1012
    proxy.stop()
    assert Capture(session.with_name("session.1")).reason == "restart"


def test_sessions_at_the_same_time_have_files_of_their_own(make_proxy, echoing_guest, session):
    proxy = make_proxy(DEFAULT__record=str(session))
    here = [greeted(proxy.connect()) for _ in range(5)]
    for number, ws in enumerate(here):
        ws.send(b"%d" % number * 10)
        assert ws.recv_exactly(10) == b"%d" % number * 10
    for ws in here:
        ended(proxy, ws)
    said = {Capture(finished(session.with_name(f"session.{n + 1}"))).sent("S") for n in range(5)}
    assert said == {b"\0\0\0\0" + b"%d" % number * 10 for number in range(5)}
