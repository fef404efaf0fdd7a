"""consoles-connect and spice-direct: a proxy of somebody else's answers with a connection file."""

import pathlib
import stat
import sys

import pytest

from tests.fixtures import targets
from tests.fixtures.connect import alive
from tests.fixtures.processes import wait_for

FILE = """[virt-viewer]
type=spice
host=spice.example.org
port=5901
tls-port=5902
password=secret-ticket
delete-this-file=0
ca=-----BEGIN CERTIFICATE-----\\nMII\\n-----END CERTIFICATE-----\\n
"""


@pytest.fixture
def kerbside(request):
    """`kerbside(answer)` → the URL of a proxy that answers so; `.heads`: what it was asked."""
    def make(body, status="200 OK"):
        def script(sock):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += targets.read_exactly(sock, 1)
            make.heads.append(head)
            sock.sendall(f"HTTP/1.1 {status}\r\nContent-Type: application/x-virt-viewer\r\n"
                         f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
            sock.close()
        target = targets.Target(script)
        request.addfinalizer(target.close)
        return f"http://127.0.0.1:{target.port}/nova?token=good"
    make.heads = []
    return make


def test_the_file_is_kept_for_this_user_alone(kerbside, connect, tmp_path):
    path = tmp_path / "console.vv"
    program = connect(kerbside(FILE), "--write-vv", path)
    assert program.end() == 0
    assert kerbside.heads[0].startswith(b"GET /nova?token=good HTTP/1.1\r\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = path.read_text().splitlines()
    assert kept[:2] == ["[virt-viewer]", "delete-this-file=1"]
    assert set(FILE.splitlines()) - set(kept) == {"delete-this-file=0"}
    assert "secret-ticket" not in program.said


def test_a_viewer_is_started_with_the_file(kerbside, connect, tmp_path):
    script = tmp_path / "viewer.py"
    script.write_text("import os, sys\n"
                      "assert 'tls-port=5902' in open(sys.argv[1]).read()\n"
                      "assert os.stat(sys.argv[1]).st_mode & 0o777 == 0o600\n"
                      f"open({str(tmp_path / 'seen')!r}, 'w').write(sys.argv[1])\n")
    program = connect(kerbside(FILE), "--viewer", f"{sys.executable} {script} {{file}}")
    assert program.end() == 0
    path = tmp_path / "seen"
    assert not (path.parent / path.read_text()).exists()


def test_a_signal_takes_viewer_and_file_away(kerbside, connect, tmp_path):
    seen = tmp_path / "seen"
    command = f"echo $$ {{file}} > {seen}.new && mv {seen}.new {seen} && exec sleep 600"
    program = connect(kerbside(FILE), "--viewer", f"sh -c '{command}'")
    wait_for(seen.exists, 30)
    pid, path = seen.read_text().split()
    program.process.terminate()
    assert program.end() == 1
    assert not pathlib.Path(path).exists()
    wait_for(lambda: not alive(int(pid)), 30)


@pytest.mark.parametrize(("body", "status", "code", "said"), [
    ("", "401 Unauthorized", 4, "Ask for a new console URL. (HTTP 401)"),
    ("", "302 Found", 4, "The proxy refuses. (HTTP 302)"),
    ("<html>", "200 OK", 3, "no file for remote-viewer"), ("x", "nonsense", 3, "no file")])
def test_an_answer_that_is_none(kerbside, connect, tmp_path, body, status, code, said):
    program = connect(kerbside(body, status), "--write-vv", tmp_path / "a.vv")
    assert program.end() == code
    assert said in program.said
    assert not (tmp_path / "a.vv").exists()


def test_it_has_to_be_said_what_becomes_of_the_file(kerbside, connect):
    program = connect(kerbside(FILE))
    assert program.end() == 2
    assert "--write-vv FILE" in program.said
    assert kerbside.heads == []


def test_a_file_that_is_there_stays(kerbside, connect, tmp_path):
    path = tmp_path / "mine.vv"
    path.write_text("mine")
    program = connect(kerbside(FILE), "--write-vv", path)
    assert program.end() == 1
    assert path.read_text() == "mine"
