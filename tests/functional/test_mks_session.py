"""WebMKS consoles: three ways to a hypervisor's screen, one page for all of them."""

import os
import socket
import ssl
import threading
import urllib.request

import pytest
from websockets.sync.server import serve

from tests.fixtures import ws_client
from tests.fixtures.mks import CFG_FILE
from tests.fixtures.mks import CLONE_TICKET
from tests.fixtures.mks import greeted
from tests.fixtures.mks import MODES
from tests.fixtures.mks import screen
from tests.fixtures.mks import thumbprint
from tests.fixtures.mks import TICKET
from tests.fixtures.mks import VCENTER
from tests.fixtures.mks import Websocket
from tests.fixtures.processes import wait_for
from tests.fixtures.xvp import VERSION

BIG = os.urandom(300_000)


@pytest.mark.parametrize("mode", MODES)
def test_a_viewer_is_led_to_the_screen(mks, hypervisor, mode, caplog):
    caplog.set_level("DEBUG")
    target = mks.says(hypervisor[mode], **MODES[mode])
    ws = greeted(mks.connect(), mode)
    for data in (b"x", BIG):
        ws.send(data)
        assert ws.recv_exactly(len(data)) == data
    ws.close()
    assert mks.tally()["reason"] == "client_closed"
    assert target.errors == []
    for secret in (TICKET, CLONE_TICKET):
        assert secret not in caplog.text
    assert ("unverified" in caplog.text) == (mode == "vcenter")


def test_a_ticket_without_a_mode_is_authds(mks, authd):
    mks.says(authd(), cfgFile=CFG_FILE)
    greeted(mks.connect(), "authd")


def test_authd_says_the_second_certificates_hash_as_it_likes(mks, authd, pki):
    second = thumbprint(pki.proxy[0], "sha256").replace(":", "")
    mks.says(authd(THUMBPRINT=f"200 {second}\r\n".encode()), **MODES["authd"])
    greeted(mks.connect(), "authd")


def test_authd_over_tls_1_2(mks, authd):
    target = mks.says(authd(newest=ssl.TLSVersion.TLSv1_2), **MODES["authd"])
    greeted(mks.connect(), "authd")
    assert target.errors == []


@pytest.mark.parametrize("hash_name", ["sha1", "sha256"])
@pytest.mark.parametrize("write", [str, str.lower, lambda text: text.replace(":", "")])
def test_every_spelling_of_the_right_thumbprint(mks, hypervisor, pki, hash_name, write):
    mks.says(hypervisor["wss"], mode="wss",
             thumbprint=write(thumbprint(pki.hypervisor[0], hash_name)))
    greeted(mks.connect())


@pytest.mark.parametrize("hash_name", ["sha1", "sha256"])
@pytest.mark.parametrize("mode", MODES)
def test_another_certificate_is_told_nothing(mks, hypervisor, pki, mode, hash_name, caplog):
    caplog.set_level("INFO")
    wrong = thumbprint(pki.proxy[0], hash_name)
    mks.says(hypervisor[mode], **MODES[mode] | {"thumbprint": wrong})
    with pytest.raises(ws_client.Refused, match="^502 "):
        mks.connect()
    assert mks.tally()["reason"] == "target_protocol"
    found = thumbprint(pki.hypervisor[0], hash_name)
    found, wrong = (text.replace(":", "").lower() for text in (found, wrong))
    assert f"target: the certificate's thumbprint is {found}, not {wrong}" in caplog.text
    assert hypervisor[mode].heard == []


def test_authds_second_certificate_is_checked_too(mks, authd, pki, caplog):
    caplog.set_level("INFO")
    shown = []
    mks.says(authd(THUMBPRINT=b"200 " + thumbprint(pki.hypervisor[0]).encode() + b"\r\n",
                   show=shown.append), **MODES["authd"])
    with pytest.raises(ws_client.Refused, match="^502 "):
        mks.connect()
    assert "target: the certificate's thumbprint is" in caplog.text
    assert shown == []


def test_what_the_websockets_are_asked(mks, hypervisor):
    target = mks.says(hypervisor["wss"], mode="wss", ticket="a/b c?d")
    greeted(mks.connect())
    head = hypervisor["wss"].heard[0]
    assert hypervisor["wss"].paths == ["/ticket/a%2Fb%20c%3Fd"]
    assert f"\r\nHost: 127.0.0.1:{target.port}\r\n" in head


def asked(pki):
    pin = thumbprint(pki.hypervisor[0]).replace(":", "").lower()
    return ("/console/authd?vmId=vm-227&vmName=n%C3%A4m+%26+co&host=vc.example%3A443"
            f"&sessionTicket={CLONE_TICKET}&thumbprint={pin}")


def test_vcenter_is_asked_with_the_documents_fields(mks, hypervisor, pki):
    mks.says(hypervisor["vcenter"], **VCENTER)
    greeted(mks.connect(), "vcenter")
    assert hypervisor["vcenter"].paths == [asked(pki)]


def test_vcenters_port_7331_is_without_tls(mks, pki):
    pid = os.getpid()
    host = f"127.{pid >> 8 & 255}.{pid & 255}.73"  # every test process has one for itself
    vcenter = Websocket(None, screen)
    with socket.create_server((host, 7331)) as listener:
        thread = threading.Thread(target=lambda: vcenter(listener.accept()[0]))
        thread.start()
        mks.shows(7331, host=host, **VCENTER)
        greeted(mks.connect(), "vcenter").close()
        thread.join(20)
    assert vcenter.paths == [asked(pki)]


def test_the_page_is_at_the_root(mks):
    for path in ("/", "/?token=good", "/vnc_lite.html"):
        with urllib.request.urlopen(f"{mks.own_origin}{path}", timeout=20) as answer:
            assert "data-page" in answer.read().decode()


def test_a_directory_of_the_operators_may_hold_another_viewer(make_mks, tmp_path):
    (tmp_path / "index.html").write_text("<title>WMKS</title>")
    proxy = make_mks(mks__web=str(tmp_path))
    with urllib.request.urlopen(f"{proxy.own_origin}/?token=good", timeout=20) as answer:
        assert "WMKS" in answer.read().decode()


def test_a_server_of_the_websockets_library(mks, pki):
    """Fragments, pings in both directions, masks, a Close: judged by somebody else's code."""
    heard, ends = [], []

    def guest(ws):
        ws.send(VERSION)
        ws.send([b"frag", b"mented", b""])
        ws.ping().wait(20)
        for message in ws:
            heard.append(message)
            ws.send(message)
        ends.append(ws.close_code)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pki.hypervisor)
    with serve(guest, "127.0.0.1", 0, ssl=context, subprotocols=["binary"],
               compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        mks.shows(server.socket.getsockname()[1], mode="wss")
        ws = mks.connect()
        assert ws.recv_exactly(22) == VERSION + b"fragmented"
        ws.send(b"hello")
        assert ws.recv_exactly(5) == b"hello"
        ws.close()
        wait_for(lambda: ends)
        server.shutdown()
        thread.join(20)
    assert (heard, ends) == ([b"hello"], [1000])
