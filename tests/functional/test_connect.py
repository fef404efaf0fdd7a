"""consoles-connect between a viewer on this machine and a console: bytes, ends, ports, files."""

import json
import socket
import stat
import sys
import threading

import pytest

from consoles.proxies import catalog
from tests.fixtures import targets
from tests.fixtures.connect import alive
from tests.fixtures.connect import greet
from tests.fixtures.mks import MODES
from tests.fixtures.mks import SERVER_INIT
from tests.fixtures.processes import free_port
from tests.fixtures.processes import wait_for
from tests.fixtures.xvp import echo
from tests.fixtures.xvp import VERSION

NOVNC = "/vnc_auto.html?path=%3Ftoken%3Dgood"
XVPVNC = "/console?token=good"
SPICE = "/spice_auto.html?token=good"


@pytest.fixture
def opened(make_proxy, consoleauth, request):
    """`opened(kind, script)` → the URL of a console that runs the script."""
    def make(kind, script, scheme="http", **options):
        spec, path, name, serve = {
            "novnc": (catalog.NOVNC, NOVNC, "novnc", targets.rfb_server),
            "xvpvnc": (catalog.XVPVNC, XVPVNC, "xvpvnc", targets.rfb_server),
            "spice": (catalog.SPICE_HTML5, SPICE, "spice-html5", lambda script: script)}[kind]
        proxy = make_proxy(spec=spec, **options)
        target = targets.Target(serve(script))
        request.addfinalizer(target.close)
        base = f"{scheme}://127.0.0.1:{proxy.port}"
        consoleauth.add("good", target.port, console_type=name,
                        access_url_base=base + path.partition("?")[0])
        make.proxy, make.target = proxy, target
        return base + path
    return make


@pytest.mark.parametrize("kind", ["novnc", "xvpvnc"])
@pytest.mark.parametrize("secure", [False, True])
def test_a_viewer_talks_with_the_console_and_the_program_ends_with_it(
        opened, connect, kind, secure, certificates, tmp_path):
    options, words = {}, ()
    if secure:
        certificates.ca.cert_pem.write_to_path(tmp_path / "ca.pem")
        options = {"DEFAULT__cert": str(certificates.cert), "DEFAULT__key": str(certificates.key)}
        words = ("--ca-file", tmp_path / "ca.pem")
    url = opened(kind, echo, "https" if secure else "http", **options)
    program = connect(url, *words)
    uri = program.uri()
    assert uri.startswith("vnc://127.0.0.1:")
    payload = bytes(range(256)) * 8000
    with program.dial(uri) as viewer:
        greet(viewer)
        sender = threading.Thread(target=viewer.sendall, args=(payload,))
        sender.start()
        assert targets.read_exactly(viewer, len(payload)) == payload
        sender.join()
    assert program.end() == 0
    tally = opened.proxy.tally()
    assert (tally["reason"], tally["bytes_in"]) == ("client_closed", len(payload))


@pytest.mark.parametrize("mode", ["authd", "wss"])
def test_a_vnc_viewer_is_one_for_webmks(mks, hypervisor, connect, mode):
    mks.says(hypervisor[mode], **MODES[mode])
    program = connect(f"{mks.own_origin}/?token=good")
    with program.dial() as viewer:
        greet(viewer)
        if mode == "authd":
            viewer.sendall(b"\x01")
            assert targets.read_exactly(viewer, len(SERVER_INIT)) == SERVER_INIT
        viewer.sendall(b"hello")
        assert targets.read_exactly(viewer, 5) == b"hello"
    assert program.end() == 0


@pytest.mark.parametrize("kind", ["novnc", "xvpvnc", "spice"])
def test_what_the_console_says_last_arrives_and_its_end_is_told(opened, connect, kind):
    def script(sock):
        targets.read_exactly(sock, 4)
        sock.sendall(b"last words" * 10_000)
        sock.close()
    program = connect(opened(kind, script))
    with program.dial() as viewer:
        if kind != "spice":
            greet(viewer)
        viewer.sendall(b"REDQ")
        assert targets.read_exactly(viewer, 100_000) == b"last words" * 10_000
        assert targets.gone(viewer)
    assert program.end() == 0
    assert program.said.endswith("The console is closed.\n")


def test_a_viewer_may_end_by_halves_where_the_tunnel_can(opened, connect):
    def script(sock):
        sock.sendall(b"".join(iter(lambda: sock.recv(1000), b"")))
        sock.close()
    program = connect(opened("xvpvnc", script))
    with program.dial() as viewer:
        greet(viewer).sendall(b"all that I have")
        viewer.shutdown(socket.SHUT_WR)
        assert targets.read_exactly(viewer, 15) == b"all that I have"
        assert targets.gone(viewer)
    assert program.end() == 0


@pytest.mark.parametrize("kind", ["novnc", "xvpvnc"])
def test_a_viewer_that_takes_nothing_makes_the_console_wait(opened, connect, kind):
    waits = threading.Event()

    def flood(sock):
        sock.settimeout(1)
        try:
            while True:
                sock.sendall(b"f" * 65536)
        except TimeoutError:
            waits.set()
    program = connect(opened(kind, flood))
    with program.dial() as viewer:
        greet(viewer)
        assert waits.wait(30)
    assert program.end() == 0


@pytest.mark.parametrize("kind", ["novnc", "xvpvnc"])
def test_a_console_that_takes_nothing_makes_the_viewer_wait(opened, connect, kind):
    leave = threading.Event()
    program = connect(opened(kind, lambda sock: leave.wait(60)))
    with program.dial() as viewer:
        greet(viewer).settimeout(1)
        with pytest.raises(TimeoutError):
            while True:
                viewer.sendall(b"f" * 65536)
        leave.set()


def test_each_channel_of_a_spice_viewer_is_a_session_and_the_last_one_ends_it(
        opened, connect, consoleauth):
    program = connect(opened("spice", echo))
    uri = program.uri()
    assert uri.startswith("spice://127.0.0.1:")
    channels = [program.dial(uri) for _ in range(5)]
    for number, channel in enumerate(channels):
        channel.sendall(b"REDQ%d" % number)
        assert targets.read_exactly(channel, 5) == b"REDQ%d" % number
    assert len({session["id"] for _, session in consoleauth.asked}) == 5
    for channel in channels[1:]:
        channel.close()
    channels[0].sendall(b"main")        # the others' end is not its own
    assert targets.read_exactly(channels[0], 4) == b"main"
    channels[0].close()
    assert program.end() == 0


def test_who_only_looks_for_the_port_is_no_viewer(opened, connect):
    port = free_port()
    program = connect(opened("novnc", targets.echo), "--port", port)
    program.uri()
    for _ in range(3):
        with program.dial(f"vnc://127.0.0.1:{port}") as probe:
            assert targets.read_exactly(probe, 12) == VERSION
        opened.proxy.tally()
    with program.dial(f"vnc://127.0.0.1:{port}") as viewer:
        greet(viewer)
    assert program.end() == 0


def test_it_stays_for_another_viewer_when_told_to(opened, connect):
    program = connect(opened("novnc", targets.echo), "--keep")
    uri = program.uri()
    for _ in range(2):
        with program.dial(uri) as viewer:
            greet(viewer)
    assert program.process.poll() is None
    program.process.terminate()
    assert program.end() == 1


def test_the_token_is_seen_nowhere_and_the_answer_of_the_api_will_do(opened, connect):
    url = opened("novnc", targets.echo)
    program = connect(json.dumps({"console": {"type": "novnc", "url": url}}, indent=2))
    with program.dial() as viewer:
        greet(viewer)
        assert "good" not in " ".join(program.process.args)
    assert program.end() == 0
    assert "good" not in program.said


def test_the_url_may_be_an_argument(opened, connect):
    program = connect("", opened("novnc", targets.echo))
    with program.dial() as viewer:
        greet(viewer)
    assert program.end() == 0


@pytest.mark.parametrize(("status", "said"), [(0, 0), (7, 1)])
def test_it_ends_with_the_viewer_that_it_started(opened, connect, tmp_path, status, said):
    script = tmp_path / "viewer.py"
    script.write_text("import socket, sys\n"
                      "sock = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
                      "assert sock.recv(12) == b'RFB 003.008\\n'\n"
                      f"sys.exit({status})\n")
    program = connect(opened("novnc", targets.echo),
                      "--viewer", f"{sys.executable} {script} {{host}} {{port}}")
    assert program.end() == said
    assert (f"status {status}" in program.said) == bool(status)


def test_a_viewer_is_ended_with_the_program(opened, connect, tmp_path):
    pid = tmp_path / "pid"
    command = f"echo $$ > {pid}.new && mv {pid}.new {pid} && exec sleep 600"
    program = connect(opened("novnc", targets.echo), "--viewer", f"sh -c '{command}' {{port}}")
    wait_for(pid.exists, 30)
    program.process.terminate()
    assert program.end() == 1
    wait_for(lambda: not alive(int(pid.read_text())), 30)


@pytest.mark.parametrize(("kind", "type_"), [("novnc", "vnc"), ("spice", "spice")])
def test_a_connection_file_leads_to_the_port_and_is_the_users_alone(
        opened, connect, tmp_path, kind, type_):
    path = tmp_path / "console.vv"
    program = connect(opened(kind, targets.echo), "--write-vv", path)
    port = program.uri().rpartition(":")[2]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = path.read_text().splitlines()
    assert lines[0] == "[virt-viewer]"
    assert set(lines[1:]) == {f"type={type_}", "host=127.0.0.1", f"port={port}",
                              "delete-this-file=1"}
    program.process.terminate()
    program.end()
    assert not path.exists()
