"""A SPICE session in process: a WebSocket for each channel, all with one token."""

import urllib.request

import pytest

from consoles.proxies import catalog
from tests.fixtures import targets
from tests.fixtures.processes import wait_for

#: The first bytes of a SPICE client: "REDQ", major 2, minor 2 (spice-protocol, protocol.h).
HELLO = b"REDQ\x02\0\0\0\x02\0\0\0"
CHANNELS = ("main", "display", "inputs", "cursor", "playback")


@pytest.fixture
def proxy(make_proxy):
    return make_proxy(spec=catalog.SPICE_HTML5)


@pytest.fixture
def guest(consoleauth):
    """A SPICE server that echoes, behind the token `good`."""
    target = targets.Target(targets.echo)
    consoleauth.add("good", target.port, console_type="spice-html5",
                    access_url_base="http://127.0.0.1:6082/spice_auto.html")
    yield target
    target.close()
    assert target.errors == []


def test_every_channel_is_a_session_of_its_own_with_the_same_token(proxy, guest, consoleauth):
    channels = {name: proxy.connect(subprotocol="binary") for name in CHANNELS}
    for name, ws in channels.items():
        ws.send(HELLO + name.encode())
        assert ws.recv_exactly(len(HELLO) + len(name)) == HELLO + name.encode()
        assert ws.answer["sec-websocket-protocol"] == "binary"
    assert guest.connections == len(CHANNELS)
    assert len({session["id"] for _, session in consoleauth.asked}) == len(CHANNELS)
    assert {session["kind"] for _, session in consoleauth.asked} == {"spice-html5"}

    channels.pop("cursor").close()
    assert proxy.tally()["reason"] == "client_closed"
    for ws in channels.values():        # the others go on
        ws.send(b"x")
        assert ws.recv_exactly(1) == b"x"


def test_nothing_is_said_to_either_side_before_the_client_speaks(proxy, consoleauth):
    heard = []
    target = targets.Target(lambda sock: heard.append(sock.recv(100)))
    consoleauth.add("good", target.port, console_type="spice-html5")
    ws = proxy.connect()
    ws.sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        ws.recv_frame()
    assert heard == []
    ws.send(HELLO)
    wait_for(lambda: heard == [HELLO], 5, "the client's own first bytes at the target")


@pytest.mark.parametrize("where", ["/?token=good", "/websockify?token=good", "/?a=b&token=good"])
def test_the_token_is_taken_from_the_query(proxy, guest, where):
    ws = proxy.connect(path=where)
    ws.send(HELLO)
    assert ws.recv_exactly(len(HELLO)) == HELLO


def test_the_token_is_taken_from_the_cookie_of_the_distributions_page(proxy, guest):
    ws = proxy.connect(path="/websockify", origin=proxy.own_origin,
                       extra=[("Cookie", "token=good")])
    ws.send(HELLO)
    assert ws.recv_exactly(len(HELLO)) == HELLO


def test_two_tabs_never_mix_a_cookie_gives_way_to_the_query(proxy, guest, consoleauth):
    other = targets.Target(targets.silent)
    consoleauth.add("other", other.port, console_type="spice-html5")
    proxy.connect(extra=[("Cookie", "token=other")])
    wait_for(lambda: guest.connections == 1)
    assert other.connections == 0



def get(proxy, path):
    with urllib.request.urlopen(f"{proxy.own_origin}{path}", timeout=30) as answer:
        return answer.read().decode()


def test_the_page_is_at_the_root_and_by_its_name(proxy):
    for path in ("/", "/spice_auto.html?token=good"):
        assert 'data-console="spice"' in get(proxy, path)


def test_the_distributions_page_is_at_the_root(make_proxy):
    proxy = make_proxy(spec=catalog.SPICE_HTML5, spice__web="/usr/share/spice-html5")
    assert "Spice Javascript client" in get(proxy, "/")


def test_single_bytes_and_lengths_of_4_gib_pass_as_they_are(proxy, guest):
    """Nothing of SPICE is read here, so nothing that it says of lengths can do harm."""
    ws = proxy.connect()
    sent = b"REDQ" + b"\xff" * 12
    for byte in sent:
        ws.send(bytes([byte]))
    assert ws.recv_exactly(len(sent)) == sent


def test_the_guests_end_is_the_channels(proxy, consoleauth):
    target = targets.Target(lambda sock: sock.close())
    consoleauth.add("good", target.port, console_type="spice-html5")
    assert proxy.connect().until_closed()[0] == 1000
    assert proxy.tally()["reason"] == "target_closed"
