"""`consoles-manage recording show`: of a whole capture, of one that was cut, of other files."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from consoles import exception
from consoles.command import manage
from consoles.wire.recording import Capture

ABOUT = {"session_id": "s1", "instance_id": "i1", "type": "novnc", "protocol": "vnc",
         "started_at": 1_700_000_000_123}
COMMAND = "import sys; from consoles.command import manage; sys.exit(manage.main())"


def show(path):
    return manage.recording_show(SimpleNamespace(command=SimpleNamespace(file=path)))


@pytest.mark.parametrize("cut", [0, 5])
def test_a_capture(tmp_path, capsys, cut):
    form = Capture()
    data = (form.head(ABOUT) + form.entry(0.5, True, b"abc") + form.entry(1, False, b"d")
            + form.entry(1.5, True, b"ef") + form.end(2.25, "idle"))
    path = tmp_path / "session.1"
    path.write_bytes(data[:len(data) - cut])
    assert show(path) == (1 if cut else 0)
    assert json.loads(capsys.readouterr().out) == {
        **ABOUT, "format": "consoles-capture", "version": 1, "bytes_from_target": 5,
        "bytes_from_client": 1, "seconds": 1.5 if cut else 2.25, "end": None if cut else "idle"}


@pytest.mark.parametrize(("content", "told"), [
    (b"hello\n", "no line of JSON"), (b'{"version": 2}\n', "not a capture"),
    (None, "No such file")])
def test_what_is_no_capture(tmp_path, content, told):
    if content is not None:
        (tmp_path / "session.1").write_bytes(content)
    with pytest.raises(exception.ConsolesError, match=told):
        show(tmp_path / "session.1")


def test_the_command_says_so_in_a_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COMMAND, "--config-file", os.devnull,
         "recording", "show", os.devnull], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "consoles-manage: this is not a recording: no line of JSON at its beginning")
