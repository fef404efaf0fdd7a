"""A WebMKS console in Chromium: the noVNC page at the proxy's root, each way to the hypervisor."""

import contextlib

import pytest

from tests.e2e.pages.steps import wait_pixel
from tests.fixtures.mks import MODES
from tests.fixtures.mks import Websocket
from tests.fixtures.page_guest import desktop
from tests.fixtures.page_guest import rfb
from tests.fixtures.page_server import SocketPeer

KEY_A = 0x61


def shows(guest, heard):
    def show(stream):
        with contextlib.suppress(ConnectionError):
            guest(SocketPeer(stream, lambda name, value: heard.append((name, value))))
    return show


@pytest.mark.parametrize("mode", MODES)
def test_the_page_shows_the_screen_and_sends_keys(mks, authd, pki, page, page_errors, mode):
    heard = []
    script = {"authd": authd(show=shows(desktop, heard)),
              "wss": Websocket(pki.hypervisor, shows(rfb, heard)),
              "vcenter": Websocket(pki.hypervisor, shows(desktop, heard))}[mode]
    target = mks.says(script, **MODES[mode])
    page.goto(f"{mks.own_origin}/?token=good")
    page.wait_for_selector("html[data-state=connected]", timeout=30000)
    wait_pixel(page)
    page.keyboard.press("a")
    for _ in range(300):    # Playwright's own waiting lets its events come
        if ("key", (0, KEY_A)) in heard:
            break
        page.wait_for_timeout(100)
    assert [value for name, value in heard if name == "key"] == [(1, KEY_A), (0, KEY_A)]
    assert "good" not in page.url
    assert page_errors == []
    assert target.errors == []
