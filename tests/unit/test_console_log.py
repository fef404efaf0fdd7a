"""The end of a console log: bounded, whole lines, lines as a terminal's log has them."""

import pytest

from consoles.compute import console_log

MAX = console_log.MAX_LOG


def tail(tmp_path, data):
    path = tmp_path / "console.log"
    path.write_bytes(data)
    return console_log.tail(str(path))


@pytest.mark.parametrize("data", [b"", b"one\n", b"one\ntwo", b"\n\n"])
def test_a_short_log_is_whole(tmp_path, data):
    assert tail(tmp_path, data) == data.decode()


def test_of_a_huge_log_the_end_is_read_from_a_lines_beginning_on(tmp_path):
    path = tmp_path / "console.log"
    with path.open("wb") as log:
        log.truncate(1 << 40)  # a sparse file that nobody could read
        log.seek(0, 2)
        log.write(b"\n" + b"line\n" * (MAX // 5))
    said = console_log.tail(str(path))
    assert len(said) <= MAX
    assert set(said.splitlines()) == {"line"}


def test_a_log_of_just_that_size_is_whole(tmp_path):
    data = b"first\n" + b"x" * (MAX - 6)
    assert tail(tmp_path, data) == data.decode()


def test_a_line_that_begins_where_the_end_begins_is_whole(tmp_path):
    assert tail(tmp_path, b"before\n" + b"first\n" + b"x" * (MAX - 6)).startswith("first\n")


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_one_huge_line_is_cut_and_not_lost(tmp_path, end):
    said = tail(tmp_path, b"x" * (3 * MAX) + end)
    assert MAX - 2 < len(said.strip("\n")) <= MAX
    assert set(said.strip("\n")) == {"x"}


def test_what_is_no_utf8_is_replaced(tmp_path):
    assert tail(tmp_path, b"\xfc\n") == "\ufffd\n"


PROGRESS = "boot\r\n 10%\r 20%\r 30%\ndone\x0c\x85\u2028\nlogin:"


@pytest.mark.parametrize("length, lines", [
    (None, PROGRESS), (-1, PROGRESS), (0, ""), (1, "login:"), (2, "done\x0c\x85\u2028\nlogin:"),
    (3, " 10%\r 20%\r 30%\ndone\x0c\x85\u2028\nlogin:"), (4, PROGRESS), (99, PROGRESS)])
def test_a_line_ends_at_its_newline_and_nowhere_else(length, lines):
    assert console_log.last_lines(PROGRESS, length) == lines
