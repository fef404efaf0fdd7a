"""Sessions that only look: what a guest hears of them, on every kind of proxy that has them."""

import struct

import numpy as np
import pytest

from consoles.compute.guests.house import Guest
from consoles.compute.guests.house import House
from consoles.compute.guests.house import SCREEN
from consoles.proxies import catalog
from tests.fixtures import targets
from tests.fixtures.novnc import greeted
from tests.fixtures.processes import wait_for
from tests.fixtures.recordings import Capture
from tests.fixtures.recordings import finished
from tests.fixtures.rfb_viewer import Viewer
from tests.fixtures.xvp import Stream

LOOK = {"options": {"view_only": True}}
UPDATE = b"\3\1" + bytes(8)
KEY = b"\4\1\0\0\0\0\0\x61"
#: A little of everything that must not arrive, around what must.
TYPED = KEY + UPDATE + b"\5\1\0\1\0\1" + struct.pack(">B3xI", 6, 70_000) + bytes(70_000) + UPDATE


class Listener:
    """A VNC server that keeps what it hears after its SecurityResult."""

    def __init__(self, opening=targets.rfb_server):
        self.heard = b""
        self.target = targets.Target(opening(self._listen))

    def _listen(self, sock):
        while data := sock.recv(65536):
            self.heard += data


@pytest.fixture
def listener(consoleauth):
    listener = Listener()
    consoleauth.add("good", listener.target.port, **LOOK)
    yield listener
    listener.target.close()
    assert listener.target.errors == []


@pytest.fixture
def screen(consoleauth):
    """A guest with a picture, behind the token `good`."""
    house = House("127.0.0.1")
    house.start()
    house.run({"i": Guest("i", "card", "host", frozenset({SCREEN}))})
    consoleauth.add("good", house.port("i", SCREEN), **LOOK)
    yield
    house.stop()


def test_a_guest_hears_only_what_asks_for_pictures(proxy, listener):
    ws = greeted(proxy.connect())
    ws.send(b"\0" + TYPED)
    wait_for(lambda: len(listener.heard) >= 21, 20)
    ws.close(1000)
    assert ws.until_closed()[0] == 1000
    tally = proxy.tally()
    assert (tally["reason"], tally["bytes_in"]) == ("client_closed", 1 + len(TYPED))
    assert listener.heard == b"\1" + UPDATE + UPDATE


def test_byte_by_byte_in_frames_of_their_own(proxy, listener):
    ws = greeted(proxy.connect())
    for byte in b"\0" + KEY + UPDATE + KEY + b"\2\0\0\2" + struct.pack(">ii", -258, 7):
        ws.send(bytes([byte]))
    wanted = b"\1" + UPDATE + b"\2\0\0\1\0\0\0\7"
    wait_for(lambda: len(listener.heard) >= len(wanted), 20)
    assert listener.heard == wanted


def test_what_is_sent_with_the_opening_is_looked_at_as_well(proxy, listener):
    """A client that does not wait for its turn."""
    ws = proxy.connect()
    ws.send(b"RFB 003.008\n\1" + b"\0" + TYPED[:8 + 10])
    wait_for(lambda: len(listener.heard) >= 11, 20)
    assert listener.heard == b"\1" + UPDATE


def test_anything_unknown_ends_the_session(proxy, listener):
    ws = greeted(proxy.connect())
    ws.send(b"\1" + UPDATE + b"\xff\0\0\1\0\0\0\x1c\0\0\0\x1c")
    code, reason = ws.until_closed()
    assert (code, reason) == (1002, "view only: message 255 is not taken")
    tally = proxy.tally()
    assert (tally["reason"], tally["code"]) == ("client_protocol", 1002)
    assert KEY[:1] not in listener.heard


def test_a_native_viewer_only_looks_as_well(make_proxy, consoleauth):
    xvp = make_proxy(spec=catalog.XVPVNC)
    listener = Listener()
    consoleauth.add("good", listener.target.port, console_type="xvpvnc", **LOOK)
    stream = Stream(xvp.port).greeted()
    stream.sendall(b"\0" + TYPED)
    wait_for(lambda: len(listener.heard) >= 21, 20)
    assert listener.heard == b"\1" + UPDATE + UPDATE
    stream.sendall(b"\x99")
    assert stream.read_all() == b""
    assert xvp.tally()["reason"] == "client_protocol"
    listener.target.close()


@pytest.mark.parametrize("text", [False, True])
def test_a_serial_line_hears_nothing(make_proxy, consoleauth, text):
    proxy = make_proxy(spec=catalog.SERIAL)
    listener = Listener(lambda listen: lambda sock: (sock.sendall(b"login: "), listen(sock)))
    consoleauth.add("good", listener.target.port, console_type="serial",
                    access_url_base="ws://127.0.0.1:6083/", **LOOK)
    ws = proxy.connect(subprotocol=None if text else "binary")
    assert ws.recv_exactly(7) == b"login: "
    ws.send(b"root\r")
    ws.close()
    ws.until_closed()
    assert proxy.tally()["bytes_in"] == 5
    wait_for(lambda: targets.gone(listener.target.sockets[0]), 20)
    assert listener.heard == b""


def test_a_viewer_that_types_goes_on_seeing_the_guest(proxy, screen):
    viewer = Viewer(proxy.connect()).connect(shared=False)
    assert len(np.unique(viewer.refresh())) > 2
    viewer.set_encodings(16, 0, -223, -258)
    viewer.type("not typed")
    viewer.point(10, 10, 1)
    viewer.cut_text("not pasted" * 1000)
    assert len(np.unique(viewer.refresh())) > 2
    assert viewer.encodings == {16}


def test_a_recording_has_what_the_guest_heard(make_proxy, consoleauth, tmp_path, listener):
    (tmp_path / "r").mkdir()
    proxy = make_proxy(DEFAULT__record=str(tmp_path / "r" / "session"))
    ws = greeted(proxy.connect())
    ws.send(b"\0" + TYPED)
    wait_for(lambda: len(listener.heard) >= 21, 20)
    ws.close()
    ws.until_closed()
    (path,) = (tmp_path / "r").iterdir()
    assert Capture(finished(path)).sent("C") == b"\1" + UPDATE + UPDATE
