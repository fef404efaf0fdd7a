"""How a session with a hypervisor's WebSocket goes on and ends."""

import pytest

from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.mks import greeted
from tests.fixtures.mks import MODES
from tests.fixtures.mks import Websocket
from tests.fixtures.processes import wait_for


@pytest.fixture
def guest(mks, pki):
    """Open a session whose guest, after the handshake, does `then(framed)`."""
    def open_session(then):
        mks.frames = []

        def show(framed):
            mks.frames.append(framed)
            targets.rfb_server(then)(framed)
        mks.target = mks.says(Websocket(pki.hypervisor, show), mode="wss")
        return greeted(mks.connect())
    return open_session


@pytest.mark.parametrize(("payload", "code", "reason"), [
    (b"\x03\xe8", 1000, "target_closed"), (b"\x03\xe9going", 1000, "target_closed"),
    (b"", 1000, "target_closed"), (b"\x03\xf3", 4502, "target_gone"),
    (b"\x0f\xa0", 4502, "target_gone"), (b"\x03", 4502, "target_gone")])
def test_a_close_of_the_hypervisor_is_the_sessions_end(guest, mks, payload, code, reason, caplog):
    caplog.set_level("INFO")
    ws = guest(lambda framed: (framed.sendall(b"last words"), framed.frame(8, payload),
                               framed.recv(1)))
    assert ws.recv_exactly(10) == b"last words"
    assert ws.until_closed()[0] == code
    assert mks.tally()["reason"] == reason
    wait_for(lambda: mks.frames[0].closed is not None, 20, "our Close")
    assert "the target closes" in caplog.text or "the target sent" in caplog.text


WRONG = {
    "text": (b"\x81\x01x", "text where only binary"),
    "a mask": (b"\x82\x81\0\0\0\0x", "a masked frame"),
    "no such opcode": (b"\x83\x00", "reserved bits or opcode"),
    "a long ping": (b"\x89\x7e\x01\x00", "too long"),
    "fragments out of order": (b"\x80\x01x", "out of order"),
    "a flood": (b"\x8a\x00" * 1000, "a flood"),
    "the top bit": (b"\x82\x7f" + b"\xff" * 8, "top bit"),
}


@pytest.mark.parametrize(("frame", "text"), WRONG.values(), ids=WRONG)
def test_a_frame_that_no_server_may_send(guest, mks, frame, text, caplog):
    caplog.set_level("INFO")
    ws = guest(lambda framed: (framed.sock.sendall(frame), targets.echo(framed)))
    assert ws.until_closed()[0] == 4502
    assert mks.tally()["reason"] == "target_gone"
    assert text in caplog.text
    wait_for(lambda: mks.frames[0].closed in (1002, 1003, 1008), 20, "our Close")


def test_an_end_without_a_close_breaks_off(guest, mks):
    ws = guest(lambda framed: framed.sock.close())
    assert ws.until_closed()[0] == 4502
    assert mks.tally()["reason"] == "target_gone"


def test_a_frame_of_4_gib_flows_and_is_never_held(guest, mks):
    piece = bytes(range(256)) * 1024

    def endless(framed):
        framed.sock.sendall(b"\x82\x7f" + (1 << 32).to_bytes(8, "big"))
        for _ in range(16):
            framed.sock.sendall(piece)
        targets.gone(framed.sock)
    ws = guest(endless)
    for _ in range(16):
        assert ws.recv_exactly(len(piece)) == piece
    ws.close()
    assert mks.tally()["bytes_out"] == 4 + 12 + 2 + 16 * len(piece)


def test_pings_are_answered_and_one_byte_a_frame_is_carried(guest, mks):
    pongs = []

    def pinging(framed):
        framed.frame(9, b"still there?")
        pongs.append(framed.read_frame())
        for byte in b"drip":
            framed.sendall(bytes([byte]))
        targets.echo(framed)
    ws = guest(pinging)
    assert ws.recv_exactly(4) == b"drip"
    assert pongs == [(10, b"still there?")]


def test_a_ping_in_the_middle_of_the_handshake_is_answered(mks, pki):
    pongs = []

    def show(framed):
        framed.frame(9, b"")
        pongs.append(framed.read_frame())
        targets.rfb_server(targets.echo)(framed)
    mks.says(Websocket(pki.hypervisor, show), mode="wss")
    greeted(mks.connect())
    assert pongs == [(10, b"")]


def test_empty_frames_are_forgiven_in_time(guest, mks):
    ws = guest(lambda framed: (framed.sock.sendall(b"\x82\x00" * 400), framed.sendall(b"now"),
                               targets.echo(framed)))
    assert ws.recv_exactly(3) == b"now"
    link, = mks.worker._relay.links.values()
    wait_for(lambda: link.target._reader.barren == 0)


def test_the_hypervisor_is_told_that_the_viewer_has_gone(guest, mks):
    ws = guest(targets.echo)
    ws.close()
    assert mks.tally()["reason"] == "client_closed"
    wait_for(lambda: mks.frames[0].closed == 1000, 20, "our Close")
    assert mks.target.errors == []


def test_a_guest_that_takes_nothing_holds_up_its_viewer_and_no_memory(guest, mks):
    """What is not taken stays with who sends it, as at every target."""
    ws = guest(targets.silent)
    ws.sock.settimeout(1)
    piece = ws_client.frame(bytes(1 << 20))
    with pytest.raises(TimeoutError):
        for _ in range(256):
            ws.sock.sendall(piece)
    link, = mks.worker._relay.links.values()
    assert link.target.transport.get_write_buffer_size() < 4 << 20


@pytest.mark.parametrize("mode", MODES)
def test_a_session_is_recorded_like_any_other(make_mks, hypervisor, tmp_path, mode):
    mks = make_mks(DEFAULT__record=str(tmp_path / "capture"))
    mks.says(hypervisor[mode], **MODES[mode])
    ws = greeted(mks.connect(), mode)
    ws.send(b"recorded words")
    assert ws.recv_exactly(14) == b"recorded words"
    ws.close()
    assert mks.tally()["reason"] == "client_closed"
    found = wait_for(lambda: [path.read_bytes() for path in tmp_path.iterdir()
                              if b"client_closed" in path.read_bytes()], 20)
    assert found[0].count(b"recorded words") == 2  # what was typed, what was shown
