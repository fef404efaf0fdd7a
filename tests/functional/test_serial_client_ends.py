"""What consoles-serial does when its keyboard or its screen is not there, or goes."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import termios
import threading

import pytest
from websockets.sync.server import serve

from tests.fixtures.processes import wait_for
from tests.fixtures.serial_client import start_serial

__all__ = ["start_serial"]     # the fixture


class Guest:
    """A console that says so much that any pipe is full; `pinged` when it has had a pong then."""

    def __init__(self, says):
        self._says = says
        self.ping = threading.Event()
        self.pinged = threading.Event()
        self._server = serve(self._talk, "127.0.0.1", 0, subprotocols=["binary"], compression=None)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/?token=T0ken"

    def _talk(self, socket):
        socket.send(self._says)
        self.ping.wait(30)
        if socket.ping().wait(30):
            self.pinged.set()
        for _ in socket:
            pass

    def close(self):
        self.ping.set()
        self._server.shutdown()


@pytest.fixture
def guest():
    with contextlib.closing(Guest(b"x" * 300_000)) as found:
        yield found


@pytest.fixture
def quiet_guest():
    with contextlib.closing(Guest(b"login: ")) as found:
        yield found


@pytest.fixture
def full(start_serial, guest):
    """The program in front of a pipe that is full, since nobody reads it."""
    reader, writer = os.pipe()
    terminal = start_serial(guest.url, stdout=writer)
    wait_for(lambda: not select.select([], [writer], [], 0)[1], 30, "a pipe that is full")
    os.close(writer)
    yield terminal
    os.close(reader)


def leave(terminal):
    terminal.type(b"~.")


@pytest.mark.parametrize(("end", "status"), [
    (leave, 0), (lambda terminal: terminal.process.send_signal(signal.SIGINT), 1),
    (lambda terminal: terminal.process.terminate(), 1)], ids=["~.", "SIGINT", "SIGTERM"])
def test_it_ends_though_nobody_reads_what_it_shows(full, end, status):
    end(full)
    assert full.end() == status
    assert termios.tcgetattr(full.theirs) == full.before
    assert b"Traceback" not in full.seen


def test_it_answers_pings_though_nobody_reads_what_it_shows(full, guest):
    guest.ping.set()
    assert guest.pinged.wait(20)


def test_it_ends_though_its_terminal_takes_nothing(start_serial, guest):
    terminal = start_serial(guest.url)
    terminal.wait(b"x")
    wait_for(lambda: not select.select([], [terminal.theirs], [], 0)[1], 30, "a full terminal")
    terminal.process.terminate()
    assert terminal.process.wait(30) == 1


def test_a_screen_that_has_gone_is_told(start_serial, guest):
    reader, writer = os.pipe()
    os.close(reader)
    terminal = start_serial(guest.url, stdout=writer)
    os.close(writer)
    assert terminal.end() == 1
    assert b"cannot be shown: Broken pipe." in terminal.seen
    assert b"Traceback" not in terminal.seen


def test_a_terminal_that_has_gone_leaves_no_traceback(start_serial, quiet_guest):
    with tempfile.TemporaryFile() as told:
        terminal = start_serial(quiet_guest.url, stderr=told)
        terminal.wait(b"login: ")
        os.close(terminal.theirs)
        os.close(terminal.ours)
        assert terminal.process.wait(30) == 1
        told.seek(0)
        assert b"Traceback" not in told.read()


@pytest.mark.parametrize("name", [os.devnull, __file__])
def test_a_keyboard_that_is_neither_terminal_nor_pipe_is_told(start_serial, quiet_guest, name):
    with open(name, "rb") as keyboard:
        terminal = start_serial(quiet_guest.url, stdin=keyboard)
        assert terminal.end() == 1
    assert b"Standard input is neither a terminal nor a pipe" in terminal.seen
    assert b"Errno" not in terminal.seen


def serial(text, redirected=""):
    """→ what the program says without a terminal, and its status, with this on standard input."""
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "from consoles.client import serial; serial.main()" '
         f"{redirected}", sys.executable],
        input=text, capture_output=True, text=True, check=False, timeout=30,
        start_new_session=True)
    assert "Traceback" not in done.stderr
    assert "T0ken" not in done.stderr
    return done.stderr, done.returncode


def test_a_url_from_standard_input_needs_a_terminal_to_type_at(quiet_guest):
    said, status = serial(quiet_guest.url)
    assert "There is no terminal to type at" in said
    assert status == 1


@pytest.mark.parametrize(("words", "text"), [
    ("ws://127.0.0.1:1/ <&-", "Standard input and output have to be open"),
    ("ws://127.0.0.1:1/ >&-", "Standard input and output have to be open"),
    ("<&-", "standard input is closed")])
def test_closed_streams_are_told(words, text):
    said, status = serial("", words)
    assert text in said
    assert status == 1


def test_the_answer_of_the_api_will_do(start_serial, quiet_guest):
    answer = {"remote_console": {"protocol": "serial", "type": "serial", "url": quiet_guest.url}}
    terminal = start_serial(piped=json.dumps(answer, indent=1))
    terminal.wait(b"login: ")
    terminal.type(b"~.")
    assert terminal.end() == 0


def test_the_answer_for_another_type_is_told_whose_it_is():
    said, status = serial('{"type": "novnc", "url": "http://h/vnc_auto.html?path=%3Ftoken%3DT0ken"}')
    assert "of type novnc: consoles-connect opens it" in said
    assert status == 1
