"""Which of the announced proxies answer, as `consoles-manage status` tells it."""

import pytest

from consoles import model
from consoles.command import reachable
from consoles.proxies import catalog
from tests.fixtures import targets
from tests.fixtures.processes import free_port


def host(name, up=True, **endpoints):
    return {"name": name, "up": up,
            "endpoints": {kind.replace("_", "-"): url for kind, url in endpoints.items()}}


def test_a_proxy_that_hosts_share_is_asked_once_and_those_of_others_never():
    url = "http://c.example/vnc_auto.html"
    assert reachable.announced([
        host("one", novnc=url, rdp_html5="http://other.example/"), host("two", novnc=url),
        host("down", up=False, novnc="http://gone.example/")]) == [
            reachable.Proxy(model.ConsoleType.NOVNC, url, ("one", "two"))]


@pytest.mark.parametrize("spec", [catalog.NOVNC, catalog.XVPVNC])
def test_a_proxy_that_runs_answers(make_proxy, spec):
    url = f"http://127.0.0.1:{make_proxy(spec=spec).port}"
    kind = spec.console_type.value
    [(well, text)] = reachable.check([host("one", **{kind: f"{url}/x"}),
                                      host("two", **{kind: f"{url}/x"})])
    # The bus of a proxy that has just started may not have answered it yet.
    assert text in (f"{kind} of one and 1 more: {url} answers",
                    f"{kind} of one and 1 more: {url} is not ready: see its log")
    assert well == text.endswith("answers")


@pytest.mark.parametrize(("data", "well"), [
    (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", True),
    (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", False),
    (b"SSH-2.0-OpenSSH\r\n", False)])
def test_what_else_may_answer(data, well):
    def script(sock):
        sock.recv(65536)
        sock.sendall(data)
        sock.close()
    target = targets.Target(script)
    [(found, _)] = reachable.check([host("one", serial=f"ws://127.0.0.1:{target.port}/")])
    assert found == well
    target.close()


def test_a_proxy_is_trusted_by_whom_its_authority_is_known_to(make_proxy, certificates):
    proxy = make_proxy(DEFAULT__cert=str(certificates.cert), DEFAULT__key=str(certificates.key))
    url = f"https://127.0.0.1:{proxy.port}"
    [(well, text)] = reachable.check([host("one", novnc=f"{url}/x")])
    assert not well
    assert "--ca-file" in text
    [(_, text)] = reachable.check([host("one", novnc=f"{url}/x")], certificates.client())
    assert text.startswith(f"novnc of one: {url} ")


def test_a_proxy_that_is_away_is_told_with_what_to_do():
    port = free_port()
    [(well, text)] = reachable.check([host("one", serial=f"ws://127.0.0.1:{port}/")])
    assert (well, text) == (False, (
        f"serial of one: ws://127.0.0.1:{port}: Connection refused. Nothing listens there: start "
        "consoles-serialproxy, or correct the port in [serial_console] base_url of one."))
