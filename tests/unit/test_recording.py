"""The formats of recordings, their numbers, and what bounds them."""

import asyncio
import concurrent.futures
import io
import json
import os
import threading
import time

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from consoles import exception
from consoles.proxies import recordings
from consoles.proxies.recorder import MAX_WAITING
from consoles.proxies.recorder import MAX_WAITING_EACH
from consoles.proxies.recorder import Recorder
from consoles.proxies.recorder import Recording
from consoles.wire import recording
from tests.fixtures.recordings import Capture
from tests.fixtures.recordings import Cast
from tests.fixtures.recordings import finished
from tests.fixtures.recordings import StuckNames

ABOUT = {"session_id": "s1", "instance_id": "i1", "type": "novnc", "protocol": "vnc",
         "started_at": 1_700_000_000_123}
entries = st.lists(st.tuples(st.floats(0, 1e6), st.booleans(), st.binary(max_size=300)))


def plan(path, **how):
    return recordings.Plan(**{"path": path, "max_size": 0, "with_input": False,
                              "required": False, **how})


def written(form, carried, reason="idle"):
    carried = sorted(carried, key=lambda entry: entry[0])
    return form.head(ABOUT) + b"".join(form.entry(*entry) for entry in carried) + form.end(
        carried[-1][0] if carried else 0, reason)


@settings(deadline=None)
@given(carried=entries)
def test_a_capture_is_read_as_it_was_written(tmp_path_factory, carried):
    data = written(recording.Capture(), carried)
    path = tmp_path_factory.getbasetemp() / "capture"
    path.write_bytes(data)
    capture = Capture(path)
    stream = io.BytesIO(data)
    assert recording.read_head(stream) == capture.about
    assert capture.about == {"format": "consoles-capture", "version": 1, **ABOUT}
    read = list(recording.read_entries(stream))
    assert [(e.kind.decode(), round(e.at * 1e6), e.payload) for e in read] == capture.entries
    for kind, from_target in (("S", True), ("C", False)):
        assert sorted(p for k, _, p in capture.entries if k == kind) == sorted(
            p for _, which, p in carried if which is from_target)
    assert capture.reason == "idle"


def test_a_capture_that_was_cut_anywhere_is_read_up_to_its_last_whole_entry():
    data = written(recording.Capture(), [(0.5, True, b"abc"), (1.5, False, b"defg")])
    head = data.index(b"\n") + 1
    for end in range(head, len(data)):
        stream = io.BytesIO(data[:end])
        recording.read_head(stream)
        payloads = [entry.payload for entry in recording.read_entries(stream)]
        assert payloads == [b"abc", b"defg"][:(end >= head + 16) + (end >= head + 33)]


@pytest.mark.parametrize("data", [
    b"", b"\n", b"[]\n", b"junk\n", b"\xff\xfe\n", b'{"version": 2, "width": 80}\n', b"{" * 70000,
    b'{"format": "consoles-capture", "version": 2}\n'])
def test_what_is_no_capture_is_told_from_one(data):
    with pytest.raises(exception.WireError):
        recording.read_head(io.BytesIO(data))


def test_an_unknown_kind_of_entry_is_an_error():
    with pytest.raises(exception.WireError, match="kind"):
        list(recording.read_entries(io.BytesIO(b"X" + bytes(12))))


@settings(deadline=None)
@given(carried=entries)
def test_an_asciicast_keeps_the_rules_and_the_text(tmp_path_factory, carried):
    path = tmp_path_factory.getbasetemp() / "cast"
    path.write_bytes(written(recording.Asciicast(), carried))
    cast = Cast(path)
    carried = sorted(carried, key=lambda entry: entry[0])
    said = b"".join(payload for _, from_target, payload in carried if from_target)
    assert cast.said("o") == said.decode("utf-8", "replace")
    assert cast.events[-1] == ("m", "idle")


def test_an_asciicast_of_a_terminal_that_is_full_of_tricks():
    tricks = '"]\n[9, "o", "\x00\x1b]0;x\x07\u2028'
    data = written(recording.Asciicast(), [(0, True, tricks.encode())])
    assert data.count(b"\n") == 3
    assert json.loads(data.splitlines()[1]) == [0, "o", tricks]


@pytest.mark.parametrize("off", ["", " ", "false", "False", "no", "off", "0"])
def test_nothing_is_recorded(off):
    assert recordings.plan(off, max_size=0, with_input=False, required=True) is None


@pytest.mark.parametrize(("value", "told"), [
    ("true", "record = /var/lib"), ("True", "does not say where"), ("session", "the whole path"),
    ("{dir}", "is a directory"), ("{dir}/", "is a directory"),
    ("{dir}/none/session", "none must be a directory"),
    ("{dir}/file/session", "file must be a directory")])
def test_what_cannot_be_recorded_to_is_told_at_the_start(tmp_path, value, told):
    (tmp_path / "file").touch()
    with pytest.raises(exception.ConfigError, match=told):
        recordings.plan(value.format(dir=tmp_path), max_size=0, with_input=False, required=False)


@pytest.fixture
def closed(tmp_path):
    """A directory that we may not even look into."""
    path = tmp_path / "closed"
    path.mkdir(mode=0)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield path
    os.seteuid(before)
    path.chmod(0o700)


@pytest.mark.parametrize("where", ["session", "below/session"])
def test_a_directory_that_is_not_ours_is_told_at_the_start(closed, where):
    with pytest.raises(exception.ConfigError, match="can list and write"):
        recordings.plan(f"{closed}/{where}", max_size=0, with_input=False, required=False)


def test_numbers_go_on_behind_the_highest_and_only_our_names_count(tmp_path):
    for name in ("s.3", "s.12", "s.9x", "s.x", "t.99", "s.013", "xs.50"):
        (tmp_path / name).touch()
    names = recordings.Names(tmp_path / "s")
    made = []
    for _ in range(2):
        descriptor, path = names.create()
        os.close(descriptor)
        made.append(path.name)
    assert made == ["s.13", "s.14"]


def test_workers_never_take_the_same_number(tmp_path):
    barrier = threading.Barrier(3)

    def worker(_):
        names = recordings.Names(tmp_path / "s")
        barrier.wait(30)
        made = []
        for _ in range(100):
            descriptor, path = names.create()
            os.close(descriptor)
            made.append(path.name)
        return made
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        made = [name for names in pool.map(worker, range(3)) for name in names]
    assert sorted(made) == sorted(f"s.{n}" for n in range(1, 301))


def test_a_link_that_waits_at_a_number_is_not_followed(tmp_path):
    (tmp_path / "s.1").symlink_to(tmp_path / "victim")
    descriptor, path = recordings.Names(tmp_path / "s").create()
    os.close(descriptor)
    assert not (tmp_path / "victim").exists()
    assert path.name == "s.2"


def test_what_waits_for_the_disk_is_bounded_for_all_and_for_each(tmp_path):
    """More sessions than the bound has room for: none waits with more than its share."""
    piece = memoryview(bytes(1 << 20))

    async def run():
        recorder = Recorder(plan(tmp_path / "s"))
        recorder.names = StuckNames(recorder.names)
        for number in range(6):
            session = Recording(recorder, {**ABOUT, "session_id": str(number)}, None)
            before = recorder.waiting
            (tap,) = session.ways()[0].taps
            for _ in range(20):
                tap(time.monotonic(), piece)
            assert recorder.waiting - before <= MAX_WAITING_EACH + 2 * len(piece)
            assert recorder.waiting <= MAX_WAITING + 2 * len(piece)
        assert recorder.waiting > MAX_WAITING
        recorder.names.goes_on.set()
        recorder.close(60)
        assert recorder.waiting == 0
    asyncio.run(run())
    assert Capture(finished(tmp_path / "s.1", "disk_too_slow")).sent("S")[:1 << 20] == bytes(piece)
