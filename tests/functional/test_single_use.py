"""What of a token for one use a proxy reports as used, and what it never asks about."""

import socket

import pytest

from consoles import exception
from consoles import model
from tests.fixtures import targets
from tests.fixtures import ws_client
from tests.fixtures.novnc import greeted
from tests.fixtures.processes import wait_for
from tests.functional.test_refusals import closed
from tests.functional.test_refusals import refused
from tests.functional.test_static import ask


def test_a_session_that_was_carried_used_it(proxy, echoing_guest):
    ws = greeted(proxy.connect())
    ws.close()
    ws.until_closed()
    assert proxy.tally()["opened"] is True


def test_a_client_that_leaves_once_the_target_is_reached_used_it(proxy, echoing_guest):
    ws = proxy.connect()
    ws.recv_message()
    ws.close()
    ws.until_closed()
    assert proxy.tally()["opened"] is True


def test_a_target_that_is_not_there(proxy, consoleauth):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    consoleauth.add("good", port)
    assert refused(proxy)[0] == 502
    assert proxy.tally()["opened"] is False


def test_a_target_that_speaks_wrongly(proxy, consoleauth):
    target = targets.Target(lambda sock: sock.sendall(b"SSH-2.0-hello\r\n"))
    consoleauth.add("good", target.port)
    assert closed(proxy)[0] == 4502
    assert proxy.tally()["opened"] is False
    target.close()


def test_a_page_of_another_scheme(proxy, echoing_guest, consoleauth):
    consoleauth.add("t", echoing_guest.port, access_url_base="https://127.0.0.1:6080/")
    assert refused(proxy, "t", origin=proxy.own_origin)[0] == 403
    assert proxy.tally()["opened"] is False
    assert echoing_guest.connections == 0


def test_a_foreign_page_asks_nobody(proxy, echoing_guest, consoleauth):
    assert refused(proxy, origin="http://evil.example")[0] == 403
    assert consoleauth.asked == []


def test_loading_the_page_asks_nobody(proxy, echoing_guest, consoleauth):
    for path in ("/vnc_auto.html?path=%3Ftoken%3Dgood", "/?token=good"):
        assert ask(proxy, path)[0] == 200
    assert consoleauth.asked == []


def test_a_client_that_leaves_before_the_answer(proxy, echoing_guest, consoleauth):
    consoleauth.gate.clear()
    with socket.create_connection(("127.0.0.1", proxy.port), 30) as sock:
        sock.sendall(ws_client.request("/?token=good", proxy.port,
                                       headers=ws_client.upgrade_headers()))
        wait_for(lambda: consoleauth.asked)
    wait_for(lambda: not proxy.worker._sessions.all)
    consoleauth.gate.set()
    assert proxy.tally()["opened"] is False


def test_used_tokens_make_nobody_wait(proxy, consoleauth):
    """Who reloads the page has not guessed."""
    consoleauth.tokens[model.token_hash("t")] = exception.TokenUsed()
    for _ in range(proxy.conf.proxy.max_failed_tokens + 3):
        assert closed(proxy, "t") == (4401, exception.TokenUsed.public)
        with pytest.raises(ws_client.Refused) as caught:
            proxy.connect("t")
        assert caught.value.status == 401
