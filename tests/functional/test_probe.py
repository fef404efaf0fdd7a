"""consoles-manage probe: what works, and at which stage what does not, with what to do about it."""

import argparse
import struct

import pytest

from consoles import exception
from consoles.command import advice
from consoles.command import probe
from tests.fixtures import targets
from tests.fixtures.processes import free_port

STAGES = ["server", "type", "agent", "token", "proxy", "page", "target", "greeting"]
NAME = b"guest \x1b[31m"


def screen(sock):
    targets.read_exactly(sock, 1)
    sock.sendall(struct.pack(">HH16xI", 640, 400, len(NAME)) + NAME)
    targets.gone(sock)


def link(sock):
    head = targets.read_exactly(sock, 16)
    assert struct.unpack("<4sIII", head)[0] == b"REDQ"
    targets.read_exactly(sock, 18)
    sock.sendall(struct.pack("<4sIIII", b"REDQ", 2, 2, 178, 0) + bytes(174))
    targets.gone(sock)


def chatter(sock):
    sock.sendall(b"login: ")
    targets.gone(sock)


@pytest.fixture
def target():
    """A console's server that plays a script; what it was asked was right."""
    made = []

    def make(script):
        made.append(targets.Target(script))
        return made[-1].port
    yield make
    for one in made:
        one.close()
        assert one.errors == []


@pytest.mark.parametrize(("kind", "script", "said"), [
    ("novnc", targets.rfb_server(screen), "RFB 3.8, 640x400, 'guest ?[31m'"),
    ("xvpvnc", targets.rfb_server(screen), "RFB 3.8, 640x400, 'guest ?[31m'"),
    ("spice-html5", link, "SPICE 2.2"),
    ("serial", chatter, "the line is open and says 7 bytes"),
    ("serial", targets.gone, "the line is open and says nothing by itself")])
def test_a_console_that_works(probed, target, kind, script, said):
    plane = probed(kind, target(script), scheme="ws" if kind == "serial" else "http")
    status, stages = plane.probe(type=kind)
    assert status == 0
    unseen = {"type"} | ({"page"} if kind in ("xvpvnc", "serial") else set())
    assert list(stages) == [stage for stage in STAGES if stage not in unseen]
    assert all(stage["ok"] and stage["ms"] >= 0 for stage in stages.values())
    assert stages["greeting"]["text"] == said
    _, arguments = next(asked for asked in plane.asked if asked[0] == "add_connection_details")
    assert arguments["user_id"] == probe.USER
    assert arguments["ttl"] == probe.TTL


def test_a_server_by_its_name_and_the_type_that_its_host_offers(probed, target):
    plane = probed("novnc", target(targets.rfb_server(screen)))
    status, stages = plane.probe(server="web")
    assert (status, stages["type"]["text"]) == (0, "novnc")
    assert list(stages) == STAGES


def test_one_of_several_lines(probed, target):
    """It is a console of its own: who has another one is not in the way."""
    plane = probed("serial", target(chatter), scheme="ws")
    status, stages = plane.probe(line=1)
    assert status == 0
    assert "type" not in stages
    asked = dict(plane.asked)
    assert (asked["get_console"]["console_type"], asked["get_console"]["options"]) == (
        "serial", {"line": 1})
    assert asked["add_connection_details"]["options"] == {"line": 1}


@pytest.mark.parametrize(("kind", "line"), [("novnc", 1), (None, -1)])
def test_a_line_that_cannot_be_meant(plane, kind, line):
    with pytest.raises(exception.ConfigError, match="--line: a number from 0 on"):
        plane.probe(type=kind, line=line)
    assert plane.asked == []


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e300", "soon"])
def test_a_time_that_cannot_be_meant(seconds, capsys):
    parser = argparse.ArgumentParser()
    probe.add_arguments(parser)
    assert parser.parse_args(["web", "--timeout", "0.5"]).timeout == 0.5
    with pytest.raises(SystemExit):
        parser.parse_args(["web", "--timeout", seconds])
    assert "a number of seconds, above 0" in capsys.readouterr().err


def test_the_table_for_people(probed, target, capsys):
    plane = probed("novnc", free_port())
    asked = type("Asked", (), {"server": "i1", "type": None, "line": None, "json": False,
                               "ca_file": None, "insecure": False, "timeout": 20})
    assert probe.run(plane, probe.RequestContext(), asked) == 6
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["STAGE", "OK", "MS", "TEXT"]
    assert lines[-3].split()[:2] == ["target", "FAILED"]
    assert "nothing listens at 127.0.0.1" in lines[-1]


@pytest.mark.parametrize(("method", "error", "stage", "status", "told"), [
    ("get_instance", exception.BusUnavailable(), "server", 3, "transport_url here"),
    ("get_instance", exception.ConsoleauthUnavailable(), "server", 3, "consoles-consoleauth runs"),
    ("get_console", exception.AgentUnavailable(), "agent", 3, "consoles-compute on one"),
    ("get_console", exception.AgentUnavailable(), "agent", 3, "or libvirt does not answer it"),
    ("get_console", exception.NovaUnavailable(), "agent", 3, "[nova]"),
    ("get_console", exception.NotSupported(), "agent", 3, "another --type"),
    ("get_console", exception.OverLimit(), "agent", 3, "port_range"),
    ("get_console", exception.InstanceNotReady(), "agent", 3, "start it"),
    ("get_console", exception.InstanceNotFound(), "server", 3, "instance list"),
    ("get_console", exception.ConsoleTypeUnavailable(), "agent", 3, "--type"),
    ("add_connection_details", exception.ConsoleauthUnavailable(), "token", 4, "transport_url")])
def test_a_control_plane_that_fails(plane, method, error, stage, status, told):
    plane.fails[method] = error
    plane.place = {"host": "127.0.0.1", "port": 5900, "access_url_base": "http://c.example/"}
    answered, failed = plane.failure()
    assert (answered, failed["stage"]) == (status, stage)
    assert told in failed["advice"]


def test_a_server_that_nobody_reports(plane):
    assert plane.failure(server="gone")[0] == 3


@pytest.mark.parametrize(("error", "stage", "status", "told"), [
    (exception.InvalidToken(), "access", 4, "asks another consoleauth"),
    (exception.WrongConsoleType(), "access", 4, "[vnc] novncproxy_base_url leads to another"),
    (exception.OverLimit(), "access", 4, "max_sessions"),
    (exception.ConsoleauthUnavailable(), "access", 4, "transport_url of the proxy"),
    (exception.AgentUnavailable(), "access", 4, "consoles-compute on one"),
    (exception.NovaUnavailable(), "access", 4, "[nova]"),
    (exception.RecordingUnavailable(), "access", 4, "[DEFAULT] record"),
    (exception.InstanceNotFound(), "server", 3, "instance list"),
    (exception.PortChanged(), "agent", 3, "try again"),
    (exception.InUse("The console is in use since noon."), "target", 6, "session list")])
def test_a_proxy_that_refuses(probed, error, stage, status, told):
    plane = probed("novnc", free_port())
    plane.refuses = error
    answered, failed = plane.failure(type="novnc")
    assert (answered, failed["stage"]) == (status, stage)
    assert failed["text"] == f"{error.public} (code {error.close_code})"
    assert told in failed["advice"]


def test_a_refusal_by_http_is_told_as_well_as_its_status_allows(probed):
    plane = probed("xvpvnc", free_port())
    plane.refuses = exception.InvalidToken()
    assert plane.failure(type="xvpvnc")[1]["text"].endswith("(HTTP 401)")
    plane.refuses = None
    status, failed = plane.failure(type="xvpvnc")
    assert (status, failed["stage"]) == (6, "target")


def test_a_target_that_the_proxy_may_not_reach(probed):
    plane = probed("novnc", free_port(), proxy__allowed_targets=["192.0.2.0/24"])
    status, failed = plane.failure(type="novnc")
    assert (status, failed["stage"]) == (6, "target")
    assert "[proxy] allowed_targets" in failed["advice"]


def test_a_target_that_speaks_something_else(probed, target):
    plane = probed("novnc", target(lambda sock: sock.sendall(b"SSH-2.0-OpenSSH\r\n")))
    status, failed = plane.failure(type="novnc")
    assert (status, failed["stage"]) == (6, "target")
    assert "auth_schemes" in failed["advice"]


def test_a_guest_that_ends_before_its_first_picture(probed, target):
    plane = probed("novnc", target(targets.rfb_server(lambda sock: sock.close())))
    status, failed = plane.failure(type="novnc")
    assert (status, failed["stage"]) == (7, "greeting")


def test_a_guest_that_hangs_before_its_first_picture(probed, target):
    plane = probed("novnc", target(targets.rfb_server(targets.gone)))
    status, failed = plane.failure(type="novnc", timeout=5)  # a slow machine's target needs some
    assert (status, failed["stage"], failed["text"]) == (7, "greeting", "no answer in time")
    assert "a guest that hangs" in failed["advice"]


def test_every_advice_can_be_given():
    known = probe.Course().known
    for stage, text in advice.REASONS.values():
        assert stage is None or stage in probe.EXIT
        assert text.format(**known)
    assert all(text.format(**known) for _, text in advice.NETWORK)
