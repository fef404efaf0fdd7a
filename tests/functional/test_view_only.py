"""Sessions that only look: what a guest hears of them, on every kind of proxy that has them."""

import struct
import threading

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
        self.over = threading.Event()
        self.target = targets.Target(opening(self._listen))

    def _listen(self, sock):
        try:
            while data := sock.recv(65536):
                self.heard += data
        finally:
            self.over.set()


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
    wait_for(lambda: len(listener.heard) >= 21)
    ws.close(1000)
    assert ws.until_closed()[0] == 1000
    tally = proxy.tally()
    assert (tally["reason"], tally["bytes_in"]) == ("client_closed", 1 + len(TYPED))
    assert listener.over.wait(20)
    assert listener.heard == b"\1" + UPDATE + UPDATE


def test_keys_split_over_frames_are_not_heard(proxy, listener):
    ws = greeted(proxy.connect())
    for byte in b"\0" + KEY + UPDATE + KEY + b"\2\0\0\2" + struct.pack(">ii", -258, 7):
        ws.send(bytes([byte]))
    wanted = b"\1" + UPDATE + b"\2\0\0\1\0\0\0\7"
    wait_for(lambda: len(listener.heard) >= len(wanted))
    assert listener.heard == wanted


def test_what_is_sent_with_the_opening_is_looked_at_as_well(proxy, listener):
    """A client that does not wait for its turn."""
    ws = proxy.connect()
    ws.send(b"RFB 003.008\n\1" + b"\0" + TYPED[:8 + 10])
    wait_for(lambda: len(listener.heard) >= 11)
    assert listener.heard == b"\1" + UPDATE


def ends(proxy, listener, attack, kind):
    """The session is over, and nothing of the attack was heard."""
    ws = greeted(proxy.connect())
    ws.send(b"\1" + UPDATE)
    ws.send(attack + KEY)
    code, reason = ws.until_closed()
    assert (code, reason.partition(" is ")[0]) == (1002, f"view only: message {kind}")
    tally = proxy.tally()
    assert (tally["reason"], tally["code"]) == ("client_protocol", 1002)
    assert listener.over.wait(20)
    assert (b"\1" + UPDATE).startswith(listener.heard)


def test_a_key_in_the_way_of_qemu_ends_the_session(proxy, listener):
    ends(proxy, listener, b"\xff\0\0\1\0\0\0\x1c\0\0\0\x1c", 255)


def test_a_size_of_the_viewers_choice_ends_the_session(proxy, listener):
    ends(proxy, listener, struct.pack(">BxHHBx", 251, 1, 1, 0), 251)


def test_the_power_button_ends_the_session(proxy, listener):
    ends(proxy, listener, b"\xfa\0\1\4", 250)


def test_an_input_device_of_the_viewers_own_ends_the_session(proxy, listener):
    ends(proxy, listener, b"\xfd\1\0\0", 253)


def test_a_fence_that_is_no_fence_ends_the_session(proxy, listener):
    ends(proxy, listener, b"\xf8" + bytes(7) + b"\xff", 248)


def test_a_clipboard_that_lies_about_its_length_hides_no_key(proxy, listener):
    """Negative, as the extended one has it: nothing behind it is a message any more."""
    ws = greeted(proxy.connect())
    ws.send(b"\1" + UPDATE + struct.pack(">B3xi", 6, -4) + bytes(4) + KEY * 1000 + UPDATE)
    ws.close()
    ws.until_closed()
    assert proxy.tally()["reason"] == "client_closed"
    assert listener.over.wait(20)
    assert listener.heard == b"\1" + UPDATE


def test_a_native_viewer_only_looks_as_well(make_proxy, consoleauth):
    xvp = make_proxy(spec=catalog.XVPVNC)
    listener = Listener()
    consoleauth.add("good", listener.target.port, console_type="xvpvnc", **LOOK)
    stream = Stream(xvp.port).greeted()
    stream.sendall(b"\0" + TYPED)
    wait_for(lambda: len(listener.heard) >= 21)
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
    assert listener.over.wait(20)
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
    wait_for(lambda: len(listener.heard) >= 21)
    ws.close()
    ws.until_closed()
    (path,) = (tmp_path / "r").iterdir()
    assert Capture(finished(path)).sent("C") == b"\1" + UPDATE + UPDATE
