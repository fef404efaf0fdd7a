"""The distribution's noVNC, served by the proxy under the policy for pages that are not ours."""

import pytest

from tests.e2e.pages.steps import wait_pixel
from tests.fixtures.page_guest import rfb
from tests.fixtures.page_server import SocketPeer
from tests.fixtures.processes import wait_for
from tests.fixtures.targets import Target


@pytest.mark.parametrize("name", ["vnc_lite.html", "vnc.html", "vnc_auto.html"])
def test_its_pages_work_and_breach_no_policy(page, make_proxy, consoleauth, name):
    proxy = make_proxy(vnc__web="/usr/share/novnc")     # the package novnc
    keys = []
    guest = Target(lambda sock: rfb(SocketPeer(sock, lambda *what: keys.append(what))))
    consoleauth.add("T", guest.port)
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text)
            if "Content Security Policy" in message.text else None)
    page.goto(f"{proxy.own_origin}/{name}?path=%3Ftoken%3DT&autoconnect=true&title=x")
    page.wait_for_function("() => document.querySelector('canvas')?.width === 320")
    wait_pixel(page)
    page.locator("canvas").click()
    page.keyboard.press("a")
    wait_for(lambda: ("key", (1, ord("a"))) in keys, 5, "the key at the guest")
    assert faults == []
