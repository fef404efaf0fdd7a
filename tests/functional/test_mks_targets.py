"""What a hypervisor of VMware's may do wrong: told as its fault, in time, with the reason."""

import json
import time

import pytest

from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.mks import agreed
from tests.fixtures.mks import BANNER
from tests.fixtures.mks import CFG_FILE
from tests.fixtures.mks import greeted
from tests.fixtures.mks import MODES
from tests.fixtures.mks import SERVER_INIT
from tests.fixtures.mks import TICKET
from tests.fixtures.mks import Websocket
from tests.fixtures.processes import free_port

ENDED = "the peer ended the connection"
TLS = "TLS: "


def refused(mks, caplog, text):
    caplog.set_level("INFO")
    with pytest.raises(ws_client.Refused, match="^502 "):
        mks.connect()
    assert mks.tally()["reason"] == "target_protocol"
    assert text in next(r.getMessage() for r in caplog.records if "refused: target: " in
                        r.getMessage())
    assert TICKET not in caplog.text


def say(data):
    """Says it and ends; what comes meanwhile is taken, or the end would be a reset."""
    def script(sock):
        sock.sendall(data)
        sock.shutdown(1)
        while sock.recv(65536):
            pass
    return script


# -- authd ----------------------------------------------------------------------------------------

BANNERS = {
    "nothing": (b"", ENDED),
    "half a line": (BANNER[:50], ENDED),
    "an endless line": (b"220 " + b"x" * 5000, "within 1024 bytes"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n", "is not authd's"),
    "RFB": (b"RFB 003.008\n", "is not authd's"),
    "garbage": (bytes(range(256)) * 40, "is not authd's"),
    "a refusal": (b"530 Too many connections\r\n", "answers 530 (at first), not 220"),
    "no TLS": (BANNER, ENDED),
    "half a record": (BANNER + b"\x16\x03\x03\x00\x50half", ENDED),
    "no record": (BANNER + b"HTTP/1.1 400\r\n\r\n", TLS),
    "a long record": (BANNER + b"\x16\x03\x03\xff\xff" + b"x" * 65535, "TLS: no record"),
    "an alert": (BANNER + b"\x15\x03\x03\x00\x02\x02\x28", TLS),
}


@pytest.mark.parametrize(("said", "text"), BANNERS.values(), ids=BANNERS)
def test_what_is_no_authd(mks, caplog, said, text):
    mks.says(say(said), **MODES["authd"])
    refused(mks, caplog, text)


REPLIES = {
    "a user that is not let in": ({"USER": b"530 No\r\n"}, "530 (USER), not 331"),
    "no code": ({"USER": b"Password?\r\n"}, "(USER) is not authd's"),
    "an endless line": ({"PASS": b"230 " + b"x" * 5000}, "within 1024 bytes"),
    "a ticket that is refused": ({"PASS": f"530 Bad ticket {TICKET}\r\n".encode()},
                                 "530 (PASS), not 230"),
    "a line that is too long": ({"USER": b"331 " + b"x" * 5000 + b"\r\n"}, "within 1024 bytes"),
    "no hash": ({"THUMBPRINT": b"200 Command okay\r\n"}, "neither SHA-1 nor SHA-256"),
    "the hash of nothing": ({"THUMBPRINT": b"200 " + b"0" * 40 + b"\r\n"},
                            "certificate's thumbprint"),
    "no such machine": ({"CONNECT": b"550 No such VM\r\n"}, "550 (CONNECT), not 200"),
    "a hundred lines": ({"PASS": b"230-More\r\n" * 100 + b"230 Logged in\r\n"},
                        "more lines than"),
    "lines of several codes": ({"PASS": b"230-More\r\n530 Not so\r\n"}, "530 (PASS), not 230"),
    "more behind the last line": ({"CONNECT": b"200 ok\r\nmore"}, "bytes where TLS ends"),
    "an end": ({"end": lambda inside: inside.close()}, "target: "),  # who is faster says which
    "an end of TLS": ({"CONNECT": b"", "end": lambda inside: inside.unwrap()}, "ended TLS"),
    "no second TLS": ({"end": lambda inside: inside.sendall(b"in the first")}, "TLS"),
    "an end before the screen": ({"show": lambda stream: stream.close()}, ENDED),
    "half a ServerInit": ({"show": lambda stream: stream.sendall(SERVER_INIT[:23])}, ENDED),
    "a name of 4 GiB": ({"show": lambda stream: stream.sendall(SERVER_INIT[:20] + b"\xff" * 4)},
                        "a name of 4294967295 bytes"),
    "no ServerInit": ({"show": lambda stream: stream.sendall(b"RFB 003.008\n" * 2)},
                      "no ServerInit"),
}


@pytest.mark.parametrize(("replies", "text"), REPLIES.values(), ids=REPLIES)
def test_an_authd_that_goes_wrong(mks, authd, caplog, replies, text):
    mks.says(authd(**replies), **MODES["authd"])
    refused(mks, caplog, text)


def test_an_authd_of_many_words(mks, authd):
    """As in SMTP a hyphen behind the code says that another line comes."""
    target = mks.says(authd(banner=b"220-ESXi\r\n" + BANNER,
                            PASS=b"230-Welcome\r\n230-back\r\n230 Logged in\r\n"), **MODES["authd"])
    greeted(mks.connect(), "authd").close()
    assert target.errors == []


@pytest.mark.parametrize(("mode", "text"), [("authd", "530 (PASS)"), ("wss", "refused with 404"),
                                            ("vcenter", "refused with 404")])
def test_a_ticket_is_good_once(mks, hypervisor, mode, text, caplog):
    mks.says(hypervisor[mode], **MODES[mode])
    greeted(mks.connect(), mode).close()
    assert mks.tally()["reason"] == "client_closed"
    refused(mks, caplog, text)


# -- WebSockets -----------------------------------------------------------------------------------

def answers(data):
    return {"answer": lambda head, accept: data, "show": lambda framed: None}


def shows(data):
    """What comes behind the 101, byte by byte as it is."""
    return {"show": lambda framed: framed.sock.sendall(data)}


OPENINGS = {
    "nothing": (answers(b""), ENDED),
    "half a head": (answers(b"HTTP/1.1 101 Switching"), ENDED),
    "another protocol": (answers(b"220 authd\r\n\r\n"), "is not HTTP/1.1"),
    "HTTP/1.0": (answers(b"HTTP/1.0 101 x\r\n\r\n"), "is not HTTP/1.1"),
    "garbage": (answers(bytes(range(256)) * 40), "within 8192 bytes"),
    "an endless head": (answers(b"HTTP/1.1 101 x\r\n" + b"a: b\r\n" * 5000), "within 8192 bytes"),
    "a hundred and one headers": (answers(b"HTTP/1.1 101 x\r\n" + b"a: b\r\n" * 101 + b"\r\n"),
                                  "is not HTTP/1.1"),
    "a page": (answers(b"HTTP/1.1 200 OK\r\n\r\n"), "refused with 200"),
    "another place": (answers(b"HTTP/1.1 302 x\r\nLocation: /\r\n\r\n"), "refused with 302"),
    "no ticket of its own": (answers(f"HTTP/1.1 403 {TICKET}\r\n\r\n".encode()), "with 403"),
    "no headers": (answers(b"HTTP/1.1 101 x\r\n\r\n"), "does not fit"),
    "somebody else's answer": ({"answer": lambda head, accept: agreed(accept[::-1])},
                               "does not fit"),
    "another subprotocol": (
        {"answer": lambda head, accept: agreed(accept, protocol="vmware-vvc")}, "not binary"),
    "an extension": ({"answer": lambda head, accept: agreed(
        accept, extra="Sec-WebSocket-Extensions: permessage-deflate\r\n")}, "extension"),
    "an end": ({"show": lambda framed: None}, ENDED),
    "a Close": (shows(b"\x88\x02\x03\xf0"), "closes the WebSocket with 1008"),
    "a Close without a code": (shows(b"\x88\x00"), "closes the WebSocket with 1005"),
    "no RFB": (shows(b"\x82\x04SSH-"), "does not speak RFB"),
    "text": (shows(b"\x81\x04RFB "), "text where only binary"),
    "a masked frame": (shows(b"\x82\x84\0\0\0\0RFB "), "a masked frame"),
    "reserved bits": (shows(b"\xf2\x04RFB "), "reserved bits"),
    "a ping of 4 GiB": (shows(b"\x89\x7f\0\0\0\1\0\0\0\0"), "a control frame that is too long"),
    "a frame of 16 EiB": (shows(b"\x82\x7f" + b"\xff" * 8), "the top bit"),
    "half a frame": (shows(b"\x82\x0cRF"), ENDED),
    "a flood of nothing": (shows(b"\x82\x00" * 1000), "a flood"),
}


@pytest.mark.parametrize(("how", "text"), OPENINGS.values(), ids=OPENINGS)
def test_a_websocket_that_goes_wrong(mks, pki, caplog, how, text):
    mks.says(Websocket(pki.hypervisor, **{"show": targets.echo} | how), mode="wss")
    refused(mks, caplog, text)


@pytest.mark.parametrize("mode", ["wss", "vcenter"])
def test_a_port_without_tls(mks, mode, caplog):
    mks.says(say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), **MODES[mode])
    refused(mks, caplog, "TLS")


def test_vcenters_stream_begins_at_server_init(mks, pki, caplog):
    mks.says(Websocket(pki.hypervisor, lambda framed: framed.sendall(b"RFB 003.008\n" * 2)),
             **MODES["vcenter"])
    refused(mks, caplog, "no ServerInit")


# -- all of them ----------------------------------------------------------------------------------

@pytest.mark.parametrize("mode", MODES)
def test_a_closed_port(mks, mode):
    mks.shows(free_port(), **MODES[mode])
    with pytest.raises(ws_client.Refused, match="^502 "):
        mks.connect()
    assert mks.tally()["reason"] == "target_unreachable"


SILENT = {
    "authd from the first": ("authd", lambda authd, pki: targets.silent),
    "authd after its line": ("authd", lambda authd, pki: authd(banner=BANNER[:9])),
    "authd after the lines": ("authd", lambda authd, pki: authd(end=targets.silent)),
    "authd before the screen": ("authd", lambda authd, pki: authd(show=targets.gone)),
    "wss from the first": ("wss", lambda authd, pki: targets.silent),
    "wss after TLS": ("wss", lambda authd, pki: Websocket(pki.hypervisor, targets.silent,
                                                           lambda head, accept: b"HTTP")),
    "wss after 101": ("wss", lambda authd, pki: Websocket(pki.hypervisor, targets.silent)),
}


@pytest.mark.parametrize(("mode", "make"), SILENT.values(), ids=SILENT)
def test_silence_is_a_504_in_time(make_mks, authd, pki, mode, make):
    mks = make_mks(proxy__handshake_timeout=1)
    mks.says(make(authd, pki), **MODES[mode])
    began = time.monotonic()
    with pytest.raises(ws_client.Refused, match="^504 "):
        mks.connect()
    assert time.monotonic() - began < 10
    assert mks.tally()["reason"] == "target_timeout"


@pytest.mark.parametrize("mode", MODES)
def test_one_byte_a_packet_is_understood(mks, hypervisor, fault_proxy, mode):
    target = mks.says(hypervisor[mode], **MODES[mode])
    mks.shows(fault_proxy(target.port, drip=1).port, **MODES[mode])
    ws = greeted(mks.connect(), mode)
    ws.send(b"drip")
    assert ws.recv_exactly(4) == b"drip"
    assert target.errors == []


TICKETS = {
    "nothing": (None, "is not JSON"),
    "no JSON": (f"/console?ticket={TICKET}", "is not JSON"),
    "no object": (json.dumps([TICKET]), "has no mode"),
    "no end of lists": ("[" * 100_000, "is not JSON"),
    "an unknown mode": (json.dumps({"mode": "vvc", "ticket": TICKET}), "has no mode"),
    "a mode that is a list": (json.dumps({"mode": [TICKET]}), "has no mode"),
    "no ticket": (json.dumps({"mode": "wss", "thumbprint": "0" * 40}), "has no ticket"),
    "a number": (json.dumps({"mode": "wss", "thumbprint": "0" * 40, "ticket": 7}), "no ticket"),
    "no thumbprint": (json.dumps({"mode": "wss", "ticket": TICKET}), "has no thumbprint"),
    "half a thumbprint": (json.dumps({"mode": "wss", "ticket": TICKET, "thumbprint": "0" * 39}),
                          "neither SHA-1 nor SHA-256"),
    "two lines in one": (json.dumps({"cfgFile": f"{CFG_FILE}\r\nQUIT", "ticket": TICKET,
                                     "thumbprint": "0" * 40}), "has no cfgFile"),
    "two words in one": (json.dumps({"cfgFile": CFG_FILE, "ticket": f"{TICKET} x",
                                     "thumbprint": "0" * 40}), "cannot be sent"),
    "vCenter's for authd": (json.dumps(MODES["vcenter"] | {"mode": "authd", "thumbprint": "x"}),
                            "has no ticket, cfgFile"),
}


@pytest.mark.parametrize(("path", "text"), TICKETS.values(), ids=TICKETS)
def test_a_ticket_that_is_none_is_not_used(mks, consoleauth, caplog, path, text):
    heard = []
    target = mks.says(lambda sock: heard.append(sock.recv(100)))
    consoleauth.add("good", target.port, console_type="webmks", internal_access_path=path)
    refused(mks, caplog, text)
    assert not any(heard)
