"""The built-in screen, seen by a viewer that knows nothing but the RFC."""

import socket
import struct
import time

import numpy as np
import pytest

from consoles.compute.guests import testcard
from consoles.compute.guests.house import Guest
from consoles.compute.guests.house import House
from consoles.compute.guests.house import SCREEN
from tests.fixtures.rfb_viewer import Refused
from tests.fixtures.rfb_viewer import Viewer

FORMATS = {
    "as the server's": (32, 24, 0, 1, 255, 255, 255, 16, 8, 0),
    "as noVNC's": (32, 24, 0, 1, 255, 255, 255, 0, 8, 16),
    "32 bits big endian": (32, 24, 1, 1, 255, 255, 255, 16, 8, 0),
    "32 bits in the upper three bytes": (32, 24, 0, 1, 255, 255, 255, 24, 16, 8),
    "32 bits in the upper three, big endian": (32, 24, 1, 1, 255, 255, 255, 24, 16, 8),
    "32 bits of depth 30": (32, 30, 0, 1, 1023, 1023, 1023, 20, 10, 0),
    "16 bits": (16, 16, 0, 1, 31, 63, 31, 11, 5, 0),
    "16 bits big endian": (16, 16, 1, 1, 31, 63, 31, 11, 5, 0),
    "8 bits": (8, 8, 0, 1, 7, 7, 3, 0, 3, 6),
}


@pytest.fixture
def house():
    house = House("127.0.0.1")
    house.start()
    house.run({"i": Guest("i", "card", "host", frozenset({SCREEN}))})
    yield house
    house.stop()


@pytest.fixture
def connect(house):
    sockets = []

    def opened():
        sock = socket.create_connection(("127.0.0.1", house.port("i", SCREEN)), 30)
        sockets.append(sock)
        return sock

    yield opened
    for sock in sockets:
        sock.close()


@pytest.fixture
def viewer(connect):
    return Viewer(connect()).connect()


def area(picture, box):
    return picture[box.slices]


def still(picture):
    """The picture without its clock."""
    copy = picture.copy()
    copy[testcard.CLOCK.slices] = 0
    return copy


def expected():
    return still(testcard.TestCard("card", "i on host").canvas.pixels)


def until(viewer, condition):
    """Take updates until the picture is as wanted."""
    deadline = time.monotonic() + 5
    while not condition(viewer.picture):
        assert time.monotonic() < deadline, "the picture never became so"
        viewer.request()
        viewer.read_update()


def test_the_handshake_is_that_of_rfb_3_8(viewer):
    assert viewer.version == b"RFB 003.008\n"
    assert viewer.security_types == b"\x01"
    assert viewer.name == "card"
    assert viewer.picture.shape == (480, 640)
    assert viewer.server_format == FORMATS["as the server's"]


@pytest.mark.parametrize("encoding", [0, 16])
def test_the_card_arrives_whole(viewer, encoding):
    viewer.set_encodings(7, encoding, -239)
    assert np.array_equal(still(viewer.refresh()), expected())


@pytest.mark.parametrize("encoding", [0, 16])
@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_every_pixel_format_shows_the_same(viewer, form, encoding):
    viewer.set_pixel_format(form)
    viewer.set_encodings(encoding)
    got = still(viewer.refresh()).astype(np.uint32)
    for maximum, shift, source in zip(form[4:7], form[7:10], (16, 8, 0), strict=True):
        part = (expected() >> source & 255).astype(int)
        assert np.array_equal(got >> shift & maximum, (part * maximum + 127) // 255)


def test_raw_is_opaque_for_viewers_that_ask_the_fourth_byte(viewer):
    viewer.request(incremental=False, area=(0, 0, 16, 16))
    viewer._read(4 + 12)
    assert set(viewer._read(16 * 16 * 4)[3::4]) == {255}


def test_the_viewers_first_encoding_that_is_known_counts(viewer):
    for listed, chosen in (((5, 0, 16), 0), ((5, 16, 0), 16), ((5,), 0)):
        viewer.set_encodings(*listed)
        viewer.refresh()
        assert viewer.encodings == {chosen}


def test_the_clock_runs_and_only_it_is_sent(viewer):
    viewer.refresh()
    shown = [area(viewer.picture, testcard.CLOCK).copy()]
    for _ in range(2):
        viewer.request()
        for x, y, width, height in viewer.read_update():
            assert (x >= testcard.CLOCK.x // 16 * 16 and y >= testcard.CLOCK.y // 16 * 16)
            assert x + width <= testcard.CLOCK.x + testcard.CLOCK.width + 16
            assert y + height <= testcard.CLOCK.y + testcard.CLOCK.height + 16
        shown.append(area(viewer.picture, testcard.CLOCK).copy())
    assert not np.array_equal(shown[0], shown[1])
    assert not np.array_equal(shown[1], shown[2])


def test_typed_text_and_the_pointer_are_shown_to_every_viewer(viewer, connect):
    other = Viewer(connect()).connect()
    other.set_encodings(16)
    viewer.refresh()
    other.refresh()
    viewer.type("Hi\nyou")
    viewer.point(100, 400, 1)
    card = testcard.TestCard("card", "i on host")
    for key in [ord("H"), ord("i"), 0xFF0D, ord("y"), ord("o"), ord("u")]:
        card.key(key, True)
    card.point(100, 400, 1)
    for one in (viewer, other):
        until(one, lambda picture: np.array_equal(still(picture), still(card.canvas.pixels)))


def test_a_request_for_a_part_is_answered_with_that_part(viewer):
    viewer.request(incremental=False, area=(0, 0, 40, 20))
    assert viewer.read_update() == [(0, 0, 48, 32)]
    viewer.refresh()
    viewer.point(300, 300)  # elsewhere: kept until it is asked for
    viewer.request(area=(0, 0, 40, 20))
    viewer.point(5, 5)
    assert viewer.read_update() == [(0, 0, 32, 32)]
    assert viewer.picture[5, 5] == testcard.RED
    viewer.point(300, 300)
    viewer.request(area=(280, 280, 40, 40))
    assert viewer.read_update()
    assert viewer.picture[300, 300] == testcard.RED
    assert viewer.picture[5, 5] == testcard.RED, "sent without being asked for"


def test_a_clipboard_is_taken(viewer):
    viewer.refresh()
    viewer.cut_text("copied text")
    card = testcard.TestCard("card", "i on host")
    card.paste("copied text")
    until(viewer, lambda picture: np.array_equal(still(picture), still(card.canvas.pixels)))


@pytest.mark.parametrize("message", [
    b"\xff\x00", b"\x01" + bytes(20),
    struct.pack(">B3xBBBBHHHBBB3x", 0, 24, 24, 0, 1, 255, 255, 255, 16, 8, 0),
    struct.pack(">B3xBBBBHHHBBB3x", 0, 8, 8, 0, 0, 7, 7, 3, 0, 3, 6),
    struct.pack(">B3xBBBBHHHBBB3x", 0, 16, 16, 0, 1, 31, 63, 31, 11, 5, 14),
    struct.pack(">B3xBBBBHHHBBB3x", 0, 32, 24, 0, 1, 200, 255, 255, 16, 8, 0),
    struct.pack(">B3xI", 6, 1 << 31),
], ids=["unknown", "colour map", "24 bits", "no true colour", "shift", "maximum", "clipboard"])
def test_a_malformed_message_ends_that_viewer_only(viewer, connect, message):
    bad = Viewer(connect()).connect()
    bad._sock.sendall(message)
    with pytest.raises((EOFError, ConnectionError)):
        bad._read(1)
    assert viewer.refresh().any()


@pytest.mark.parametrize("early", [b"RFB 003.003\n", b"GET / HTTP/1.0\r\n\r\n"])
def test_another_version_is_refused(connect, early):
    sock = connect()
    sock.sendall(early)
    with pytest.raises((EOFError, ConnectionError)):
        Viewer(sock)._read(13)


def test_another_security_type_is_refused_with_a_reason(connect):
    with pytest.raises(Refused, match="no security but None"):
        Viewer(connect()).connect(security=2)


def test_a_request_outside_the_screen_is_harmless(viewer):
    viewer.request(incremental=False, area=(65535, 65535, 65535, 65535))
    viewer.request(incremental=False, area=(639, 479, 65535, 65535))
    assert viewer.read_update() == [(624, 464, 16, 16)]
    viewer.point(65535, 65535)
    assert viewer.refresh().any()


def test_a_viewer_that_does_not_read_delays_nobody(viewer, connect):
    stuck = Viewer(connect()).connect()
    for _ in range(50):
        stuck.request(incremental=False)
    for x in range(5000):
        stuck.point(x % 640, 100)
    begin = time.monotonic()
    for _ in range(5):
        viewer.refresh()
    assert time.monotonic() - begin < 10


def test_a_guest_that_goes_ends_its_viewers_and_finds_its_port_again(house, viewer):
    guest = Guest("i", "card", "host", frozenset({SCREEN}))
    port = house.port("i", SCREEN)
    house.run({})
    assert house.port("i", SCREEN) is None
    with pytest.raises((EOFError, ConnectionError)):
        viewer._read(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 30)
    house.run({"i": guest})
    assert house.port("i", SCREEN) == port


def test_a_port_that_was_taken_meanwhile_is_given_up(house):
    port = house.port("i", SCREEN)
    house.run({})
    with socket.create_server(("127.0.0.1", port)):
        house.run({"i": Guest("i", "card", "host", frozenset({SCREEN}))})
        assert house.port("i", SCREEN) != port
