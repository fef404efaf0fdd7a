"""Everything that a proxy writes while it opens, refuses and fails, searched for what is secret.

Tokens, cookies and passwords of clients, a hypervisor's ticket; and bytes that would forge or
colour a line of the log.
"""

import contextlib
import logging
import re
import socket
import traceback

import prometheus_client
import pytest

from consoles import exception
from consoles import model
from tests.fixtures import targets
from tests.fixtures import ws_client

SECRET = "s3cr3t-tok3n"
COOKIE = "s3cr3t-c00kie"
TICKET = "s3cr3t-t1cket"
PASSWORD = "s3cr3t-p4ss"
SECRETS = re.compile("s3cr3t|" + model.token_hash(SECRET))
#: What no line of a log may have: C0 without tab, DEL, C1, and Unicode's line separators.
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
EVIL = "\x1b[31mred\x9b\x08"

CREDENTIALS = [("Cookie", f"token={COOKIE}; session={COOKIE}"),
               ("Authorization", f"Basic {PASSWORD}"), ("X-Auth-Token", PASSWORD),
               ("Referer", f"http://127.0.0.1/vnc.html?path=%3Ftoken%3D{SECRET}"),
               ("User-Agent", f"{EVIL}{PASSWORD}"), ("X-Forwarded-For", f"{EVIL}{PASSWORD}"),
               ("X-Forwarded-Host", f"{EVIL}{PASSWORD}")]

PATHS = [f"/?token={SECRET}", f"/vnc.html?path=%3Ftoken%3D{SECRET}", f"/{SECRET}",
         f"/?token={SECRET}%0d%0aINFO+forged", f"/%1b[31m{SECRET}", f"/?token=%00{SECRET}",
         f"/{EVIL}?token={SECRET}", f"//{SECRET}@evil/?token={SECRET}",
         f"http://user:{PASSWORD}@[evil/?token={SECRET}", f"/../../{SECRET}",
         f"/healthcheck?token={SECRET}", f"/metrics?token={SECRET}"]


class Everything:
    """All that was written: log lines as they are formatted, metrics, answers."""

    def __init__(self, caplog):
        self._caplog = caplog
        self.answers = []

    def check(self, proxy):
        assert self._caplog.records, "nothing was logged at all"
        for record in self._caplog.records:
            line = record.getMessage()
            assert not SECRETS.search(line), line
            assert not CONTROL.search(line.replace("\n", "")), repr(line)
            if record.name.startswith("consoles"):
                assert "\n" not in line, line
            if record.exc_info:
                assert not SECRETS.search("".join(traceback.format_exception(
                    *record.exc_info))), line
        page = prometheus_client.generate_latest(proxy.worker._metrics.registry).decode()
        assert not SECRETS.search(page)
        for answer in self.answers:
            assert not SECRETS.search(answer.decode("latin-1")), answer


@pytest.fixture
def everything(caplog):
    caplog.set_level(logging.DEBUG)
    return Everything(caplog)


def send(proxy, raw, whole=True):
    """→ all that comes back. Of a client that has ended before nothing would be looked at."""
    with socket.create_connection(("127.0.0.1", proxy.port), 30) as sock:
        sock.sendall(raw)
        answer = sock.recv(65536) if whole else b""
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
        return answer + ws_client.read_all(sock)


@pytest.mark.parametrize("origin", [None, "own", "http://foreign.example", f"x{EVIL}"])
def test_no_refused_request_leaves_a_secret_or_a_control_character(
        proxy, consoleauth, everything, origin):
    origin = proxy.own_origin if origin == "own" else origin
    headers = ws_client.upgrade_headers(origin, extra=CREDENTIALS)
    for path in PATHS:
        for head in (headers, CREDENTIALS):
            everything.answers.append(send(proxy, ws_client.request(
                path, proxy.port, headers=head)))
    assert len(everything.answers) == 2 * len(PATHS)
    everything.check(proxy)


@pytest.mark.parametrize("raw", [
    f"GET /?token={SECRET}\r\n\r\n", f"{SECRET} / HTTP/1.1\r\n\r\n",
    f"GET /?token={SECRET} HTTP/{SECRET}\r\n\r\n", f"GET /?token={SECRET} HTTP/1.1 x\r\n\r\n",
    f"GET /?token={SECRET} HTTP/1.1\r\n{EVIL}{SECRET}\r\n\r\n",
    f"GET /?token={SECRET} HTTP/1.1\r\nHost: {SECRET}{EVIL}\r\nUpgrade: websocket\r\n\r\n",
    f"GET /?token={SECRET} HTTP/1.1\r\nCookie: \x00{COOKIE}\r\n\r\n",
    f"GET /?token={SECRET} HTTP/1.1\r\nCookie: a={COOKIE}\nX: y\r\n\r\n",
    f"GET /?token={SECRET}{'x' * 9000} HTTP/1.1\r\n\r\n",
    f"GET / HTTP/1.1\r\nX: {SECRET * 9000}\r\n\r\n",
    "GET / HTTP/1.1\r\n" + f"X: {SECRET}\r\n" * 300 + "\r\n",
    f"POST /?token={SECRET} HTTP/1.1\r\nContent-Length: 5\r\n\r\n{SECRET}",
    f"CONNECT {SECRET}:443 HTTP/1.1\r\n\r\n", f"\x16\x03\x01{SECRET}", SECRET])
def test_no_broken_request_leaves_a_secret_or_a_control_character(proxy, everything, raw):
    logging.getLogger(__name__).info("so that something is logged")
    everything.answers.append(send(proxy, raw.encode("latin-1"), whole=False))
    everything.check(proxy)


@pytest.mark.parametrize("error", [exception.AgentUnavailable, exception.InstanceNotFound,
                                   exception.ConsolesError])
def test_no_failure_behind_the_token_leaves_it(proxy, consoleauth, everything, error):
    consoleauth.tokens[model.token_hash(SECRET)] = error("the agent says no")
    for origin in (None, proxy.own_origin):
        raw = ws_client.request(f"/?token={SECRET}", proxy.port,
                                headers=ws_client.upgrade_headers(origin, extra=CREDENTIALS))
        everything.answers.append(send(proxy, raw))
    everything.check(proxy)


def test_no_target_that_fails_leaves_token_or_ticket(proxy, consoleauth, everything):
    def script(sock):
        sock.recv(1000)
        sock.sendall(f"HTTP/1.1 404 {EVIL}\r\nX-Ticket: {TICKET}\r\n\r\n".encode("latin-1"))
        sock.close()
    consoleauth.add(SECRET, targets.Target(script).port,
                    internal_access_path=f"/console?ticket={TICKET}")
    with contextlib.suppress(ws_client.Refused):
        proxy.connect(SECRET, extra=CREDENTIALS)
    proxy.tally()
    everything.check(proxy)


@pytest.mark.parametrize("speech", [f"RFB {EVIL}\n", f"RFB 003.008\n\0\0\0\0\x10{EVIL * 3}"])
def test_what_a_target_says_reaches_no_log_raw(proxy, consoleauth, everything, speech):
    def script(sock):
        sock.sendall(speech.encode("latin-1"))
        sock.recv(12)
        sock.shutdown(socket.SHUT_WR)
    consoleauth.add(SECRET, targets.Target(script).port)
    with contextlib.suppress(ws_client.Refused):
        proxy.connect(SECRET)
    proxy.tally()
    everything.check(proxy)


def test_a_session_from_open_to_close_leaves_nothing(proxy, consoleauth, everything):
    consoleauth.add(SECRET, targets.Target(targets.rfb_server(targets.echo)).port)
    ws = proxy.connect(SECRET, extra=CREDENTIALS)
    ws.send(b"RFB 003.008\n\x01")
    ws.recv_exactly(18)
    ws.send(PASSWORD.encode())
    assert ws.recv_exactly(len(PASSWORD)) == PASSWORD.encode()
    ws.close(1000, PASSWORD)
    proxy.tally()
    everything.check(proxy)
