"""The built-in serial guest: its line editor, its commands, and its log."""

import datetime
import socket

import pytest

from consoles.compute.guests.console_log import ConsoleLog
from consoles.compute.guests.console_log import MAX_LINES
from consoles.compute.guests.house import Guest
from consoles.compute.guests.house import House
from consoles.compute.guests.house import LINE
from consoles.compute.guests.serial import HELP
from consoles.compute.guests.serial import LineEditor
from consoles.compute.guests.serial import SerialLine

NOON = datetime.datetime(2026, 3, 1, 12, 0, 0, tzinfo=datetime.UTC)


def type_in(text):
    """→ (all that came back, the lines that were completed)."""
    editor, lines, echo = LineEditor(), [], ""
    for char in text:
        back, line = editor.feed(char)
        echo += back
        if line is not None:
            lines.append(line)
    return echo, lines


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_each_line_end_ends_one_line(end):
    assert type_in(f"a{end}b{end}{end}") == ("a\nb\n\n", ["a", "b", ""])


@pytest.mark.parametrize(("typed", "lines"), [
    ("ab\x7fc\r", ["ac"]), ("ab\b\b\b\bc\r", ["c"]), ("abc\x15d\r", ["d"]),
    ("abc\x03d\r", ["", "d"]), ("\x04", ["exit"]), ("a\x04\r", ["a"]),
    ("a\x1b[Ab\x1b[3~c\x1bOPd\x1bxe\r", ["abcde"]), ("a\x1b[1;5Cb\r", ["ab"]),
    ("a\tb\x00\r", ["ab"]),
    ("gr\u00fc\u00df\r", ["gr\u00fc\u00df"]), ("\x1b[" + "1" * 40 + "\r", ["1" * 26]),
])
def test_editing(typed, lines):
    assert type_in(typed)[1] == lines


def test_what_is_erased_vanishes_from_the_screen():
    assert type_in("ab\x7f\x7f\x7f")[0] == "ab\b \b\b \b"


def test_a_line_without_end_rings():
    echo, lines = type_in("x" * 2000 + "\r")
    assert [len(line) for line in lines] == [1024]
    assert echo.count("\a") == 976


@pytest.mark.parametrize(("line", "answer"), [
    ("", ""), ("whoami", "guest\n"), ("echo  a  b ", "a  b\n"), ("uname", "consoles-guest\n"),
    ("uname -a", "consoles-guest box 1.0 ttyS0\n"), ("date", "Sun 01 Mar 12:00:00 UTC 2026\n"),
    ("clear", "\x1b[H\x1b[2J"), ("rm -rf /", "rm: no such command\n"),
])
def test_commands(line, answer):
    assert SerialLine("box", ConsoleLog(), lambda: NOON).run(line) == answer


def test_help_names_every_command_and_every_one_is_there():
    serial = SerialLine("box", ConsoleLog())
    assert all(name in serial.run("help") for name in HELP)
    assert not any("no such command" in serial.run(name) for name in HELP)
    assert "logout" in serial.run("exit") and "box login:" in serial.run("exit")


def test_the_log_keeps_what_was_typed_within_bounds():
    log = ConsoleLog()
    serial = SerialLine("box", log)
    serial.run("echo hello")
    assert log.text() == "guest@box:~$ echo hello\nhello\n"
    for _ in range(MAX_LINES):
        serial.run("echo " + "y" * 3000)
    assert len(log.text().splitlines()) == MAX_LINES
    assert max(map(len, log.text().splitlines())) == 1024


@pytest.fixture
def house():
    house = House("127.0.0.1")
    house.start()
    house.run({"i": Guest("i", "box", "host", frozenset({LINE}))})
    yield house
    house.stop()


def read_until(sock, mark):
    data = b""
    while not data.endswith(mark):
        piece = sock.recv(4096)
        assert piece, f"closed after {data!r}"
        data += piece
    return data


def test_a_whole_conversation(house):
    with socket.create_connection(("127.0.0.1", house.port("i", LINE)), 30) as sock:
        prompt = b"guest@box:~$ "
        assert b"\r\nbox login: guest" in read_until(sock, prompt)
        sock.sendall("echo gr\u00fc".encode()[:-1])
        sock.sendall("\u00fc".encode()[-1:] + b"\r\nwhoami\r\n")
        assert read_until(sock, b"guest\r\n" + prompt).decode() == (
            "echo gr\u00fc\r\ngr\u00fc\r\nguest@box:~$ whoami\r\nguest\r\nguest@box:~$ ")
        sock.sendall(b"\xff\xfe\r")
        assert b"no such command" in read_until(sock, prompt)
    log = house.console_log("i")
    assert log.startswith("[    0.000000] Booting box")
    assert "guest@box:~$ whoami\nguest\n" in log


def test_clients_have_shells_of_their_own(house):
    address = ("127.0.0.1", house.port("i", LINE))
    with (socket.create_connection(address, 5) as one, socket.create_connection(address, 5) as two):
        for sock in (one, two):
            read_until(sock, b"~$ ")
        one.sendall(b"echo o")
        two.sendall(b"whoami\r")
        assert read_until(two, b"~$ ").startswith(b"whoami\r\nguest")
        one.sendall(b"ne\r")
        assert b"\r\none\r\n" in read_until(one, b"~$ ")
