"""consoles-connect where something is wrong: it says what, and its exit status says whose fault."""

import os
import socket
import subprocess
import sys

import pytest

from consoles import exception
from consoles import model
from consoles.proxies import catalog
from tests.fixtures import targets
from tests.fixtures.connect import greet
from tests.fixtures.connect import START
from tests.fixtures.processes import free_port
from tests.fixtures.processes import need
from tests.fixtures.processes import wait_for

KINDS = {
    "novnc": (catalog.NOVNC, "/vnc_auto.html?path=%3Ftoken%3D{}"),
    "xvpvnc": (catalog.XVPVNC, "/console?token={}"),
    "spice-html5": (catalog.SPICE_HTML5, "/spice_auto.html?token={}"),
}
REFUSALS = [exception.InvalidToken, exception.TargetNotAllowed, exception.InstanceNotFound,
            exception.InstanceMoving, exception.OverLimit, exception.AgentUnavailable]


@pytest.fixture
def proxies(make_proxy):
    """`proxies(kind, token)` → a URL of a proxy of that kind."""
    def make(kind, token, scheme="http", **options):
        spec, path = KINDS[kind]
        make.last = make_proxy(spec=spec, **options)
        return f"{scheme}://127.0.0.1:{make.last.port}{path.format(token)}"
    return make


def attempt(program):
    """A viewer connects; → the program's exit status."""
    with program.dial() as viewer:
        assert targets.gone(viewer)
    return program.end()


@pytest.mark.parametrize("kind", KINDS)
def test_each_refusal_is_told_in_a_sentence(proxies, connect, consoleauth, kind):
    url = proxies(kind, "refused")
    for error in REFUSALS:
        consoleauth.tokens[model.token_hash("refused")] = error()
        program = connect(url)
        assert attempt(program) == 4
        code = f"(HTTP {error.http_status})" if kind == "xvpvnc" else f"(code {error.close_code})"
        assert code in program.said
        family = next(cls for cls in error.__mro__ if cls.__base__ is exception.ConsolesError)
        assert (family if kind == "xvpvnc" else error).public in program.said


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_token(proxies, connect, kind):
    program = connect(proxies(kind, "guessed"))
    assert attempt(program) == 4
    assert exception.InvalidToken.public in program.said
    assert "guessed" not in program.said


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_whose_console_is_away(proxies, connect, consoleauth, kind):
    consoleauth.add("good", free_port(), console_type=kind)
    program = connect(proxies(kind, "good"))
    assert attempt(program) == 4
    assert "502" in program.said


@pytest.mark.parametrize(("reason", "sentence"), [
    ("ended_by_admin", "An administrator has ended the session. (code 4441)"),
    ("taken_over", "Another session has taken the console over. (code 4440)"),
    ("instance_migrated", "Ask for a new console URL. (code 4444)"),
    ("restart", "Try again in a moment. (code 1012)")])
def test_why_an_open_console_was_ended(proxies, connect, consoleauth, reason, sentence):
    target = targets.Target(targets.rfb_server(targets.echo))
    consoleauth.add("good", target.port)
    program = connect(proxies("novnc", "good"))
    worker = proxies.last.worker
    with program.dial() as viewer:
        greet(viewer)
        wait_for(lambda: worker._relay.links, 30)
        worker._loop.call_soon_threadsafe(
            lambda: worker._end(list(worker._sessions.all), reason))
        assert targets.gone(viewer)
    assert program.end() == 4
    assert sentence in program.said


@pytest.mark.parametrize("path", [path for _, path in KINDS.values()])
@pytest.mark.parametrize(("scheme", "host"), [
    ("http", "127.0.0.1"), ("https", "127.0.0.1"), ("http", "no..name")])
def test_a_proxy_that_is_not_there(connect, path, scheme, host):
    program = connect(f"{scheme}://{host}:{free_port()}{path.format('secret')}")
    assert attempt(program) == 3
    assert "cannot be reached" in program.said


@pytest.mark.parametrize("kind", ["novnc", "xvpvnc"])
def test_a_certificate_that_nobody_vouches_for(proxies, connect, consoleauth, certificates, kind,
                                               tmp_path):
    target = targets.Target(targets.rfb_server(targets.echo))
    consoleauth.add("good", target.port, console_type=kind, access_url_base="https://127.0.0.1/")
    url = proxies(kind, "good", "https", DEFAULT__cert=str(certificates.cert),
                  DEFAULT__key=str(certificates.key))
    program = connect(url)
    assert attempt(program) == 3
    assert "certificate is not trusted" in program.said

    certificates.ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    program = connect(url.replace("127.0.0.1", "127.0.0.2"), "--ca-file", tmp_path / "ca.pem")
    assert attempt(program) == 3
    assert "certificate is not trusted" in program.said or "cannot be reached" in program.said

    program = connect(url, "--insecure")
    with program.dial() as viewer:
        greet(viewer)
    program.end()


@pytest.mark.parametrize("answer", [
    b"", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 999999 no\r\n\r\n", b"HTTP/1.1 200", b"x" * 200_000])
@pytest.mark.parametrize("kind", ["novnc", "xvpvnc"])
def test_what_is_no_proxy(connect, kind, answer):
    def script(sock):
        sock.recv(65536)
        sock.sendall(answer)
        sock.close()
    target = targets.Target(script)
    program = connect(f"http://127.0.0.1:{target.port}" + KINDS[kind][1].format("good"))
    assert attempt(program) == 3
    target.close()


def test_a_proxy_that_vanishes(connect):
    def script(sock):
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\nRFB 003.008\n")
        sock.recv(1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
    target = targets.Target(script)
    program = connect(f"http://127.0.0.1:{target.port}/console?token=good")
    with program.dial() as viewer:
        assert targets.read_exactly(viewer, 12) == b"RFB 003.008\n"
        viewer.sendall(b"R")
        assert targets.gone(viewer)
    assert program.end() == 3
    assert "The connection was lost." in program.said
    target.close()


URL = "http://127.0.0.1:1/vnc_auto.html?path=%3Ftoken%3Dsecret"


@pytest.mark.parametrize(("words", "status", "said"), [
    (["--viewer", "no-such-viewer {port}"], 1, "The viewer no-such-viewer cannot be started"),
    (["--viewer", "strange-viewer"], 2, "How strange-viewer is told where to connect"),
    (["--viewer", "'"], 2, "--viewer needs a command"),
    (["--port", "65536"], 2, "invalid port_number"),
    (["--bind", "somewhere"], 2, "--bind"),
    (["--bind", "192.0.2.1"], 1, "of 192.0.2.1 cannot be opened"),
    (["--type", "rdp-html5"], 2, "--type"),
    (["--write-vv", "/no/such/place/a.vv"], 1, "cannot be written: No such file"),
])
def test_arguments_that_cannot_be_obeyed(connect, words, status, said):
    program = connect(URL, *words)
    assert program.end() == status
    assert said in program.said


def test_authorities_that_cannot_be_read(connect, tmp_path):
    for path in (tmp_path / "none.pem", os.devnull):
        program = connect(URL.replace("http:", "https:"), "--ca-file", path)
        assert program.end() == 2
        assert "list of authorities" in program.said


def test_a_port_that_is_taken(connect):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        program = connect(URL, "--port", holder.getsockname()[1])
        assert program.end() == 1
    assert "cannot be opened: " in program.said


def test_a_connection_file_never_replaces_another(connect, tmp_path):
    path = tmp_path / "mine.vv"
    path.write_text("mine")
    program = connect(URL, "--write-vv", path)
    assert program.end() == 1
    assert "cannot be written: File exists" in program.said
    assert path.read_text() == "mine"


def test_another_user_of_the_machine_is_turned_away(connect):
    program = connect(URL)
    port = program.uri().rpartition(":")[2]
    sudo = [] if os.getuid() == 0 else ["sudo", "-n"]
    done = subprocess.run(
        [*sudo, "setpriv", "--reuid=65534", "--clear-groups",
         need("socat", "socat"), "-u", f"TCP:127.0.0.1:{port}", "STDOUT"],
        capture_output=True, timeout=30, check=False)
    assert done.stdout == b""
    program.wait_said("it is another user's")
    assert program.process.poll() is None


def test_what_is_no_text(connect):
    program = connect("", "-")      # an empty line
    assert program.end() == 2
    done = subprocess.run([sys.executable, "-c", START], input=b"\xff\xfe\0{", timeout=60,
                          capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (
        2, b"This is no URL of a console; it begins with http://, https://, ws:// or wss://.\n")


def test_a_standard_output_that_has_gone_is_told():
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" ws://127.0.0.1:1/?token=T0ken --type novnc >&-; exit $?',
         sys.executable, START], capture_output=True, text=True, check=False, timeout=30)
    reader, writer = os.pipe()
    os.close(reader)
    broken = subprocess.run(
        [sys.executable, "-c", START, "ws://127.0.0.1:1/?token=T0ken", "--type", "novnc"],
        stdout=writer, stderr=subprocess.PIPE, text=True, check=False, timeout=30)
    os.close(writer)
    for ended in (done, broken):
        assert ended.stderr == "The port's address cannot be written to standard output.\n"
        assert ended.returncode == 1


def test_types_are_named_as_they_are_written():
    done = subprocess.run([sys.executable, "-c", START, "--type", "serial"],
                          capture_output=True, text=True, check=False, timeout=30)
    assert "ConsoleType" not in done.stderr
    assert "'novnc'" in done.stderr
    assert done.returncode == 2
