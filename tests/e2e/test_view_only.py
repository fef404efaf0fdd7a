"""Who only looks at a real guest sees it and types nothing, in a browser and in a native viewer."""

import contextlib
import os
import socket

import numpy as np
import pytest

from consoles import exception
from consoles.proxies import catalog
from tests.e2e.test_console import open_console
from tests.e2e.test_console import type_like_a_user
from tests.e2e.test_native_viewers import COLOURS
from tests.fixtures.processes import need
from tests.fixtures.processes import wait_for
from tests.fixtures.rfb_viewer import Viewer
from tests.fixtures.system import instance_id

#: What is typed by who only looks, then by who works.
UNHEARD, HEARD = "unheard", "heard"
SHIFT = 0xFFE1


def command(word):
    return f"\necho {word} word >/dev/ttyS0\n"


def works(guest):
    """Type at the guest itself, behind everything that came before."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", guest.vnc_port), 30)) as sock:
        hands = Viewer(sock).connect()

        def heard():
            for char in command(HEARD):
                press(hands, char)
                hands.refresh()  # an emulated keyboard keeps few keys
            return f"{HEARD} word" in guest.serial_text()
        wait_for(heard, 60, "the typed text on the serial line")


def press(hands, char):
    """With Shift where a user presses it: QEMU takes keys, not characters."""
    if shifted := char.isupper() or char in ">":
        hands.key(SHIFT, True)
    hands.type(char)
    if shifted:
        hands.key(SHIFT, False)


def test_in_a_browser_and_once(make_system, rabbit, guest, page, page_errors):
    system = make_system(rabbit.url, hosts=("one",))
    system.write_agent("one", [{"name": "debian", "id": instance_id("one"), "consoles": {
        "novnc": {"host": "127.0.0.1", "port": guest.vnc_port}}}])
    system.start()
    open_console(page, system.url(view_only=True, single_use=True, client_cidr="127.0.0.1"))
    type_like_a_user(page, command(UNHEARD))
    page.mouse.click(300, 300)
    page.wait_for_selector("html[data-state=connected]")
    works(guest)
    assert UNHEARD not in guest.serial_text()
    assert page_errors == []

    page.reload()
    page.wait_for_selector("html[data-state=refused][data-code='4401']", timeout=30000)
    assert exception.TokenUsed.public in page.inner_text("body")
    page.goto(system.url(client_cidr="192.0.2.0/24"))
    page.wait_for_selector("html[data-state=refused][data-code='4403']", timeout=30000)


@pytest.mark.parametrize(("spec", "path", "viewer", "package"), [
    (catalog.NOVNC, "/vnc_auto.html?path=%3Ftoken%3Dgood", "remote-viewer {file}", "virt-viewer"),
    (catalog.XVPVNC, "/console?token=good", "xtigervncviewer -FullScreen", "tigervnc-viewer")])
def test_in_a_native_viewer(make_proxy, consoleauth, guest, screen, connect, spec, path, viewer,
                            package):
    need(viewer.split()[0], package)
    proxy = make_proxy(spec=spec)
    consoleauth.add("good", guest.vnc_port, console_type=spec.console_type,
                    access_url_base=proxy.own_origin + path, options={"view_only": True})
    program = connect(proxy.own_origin + path, "--viewer", viewer, env={**os.environ, **screen.env})
    wait_for(lambda: np.isin(COLOURS, screen.sees()).all(), 60, "the guest in the viewer")
    with screen.hands() as hands:
        hands.point(300, 300)
        hands.refresh()
        for char in command(UNHEARD):
            hands.type(char)
            hands.refresh()
    before = screen.sees()
    works(guest)
    wait_for(lambda: (screen.sees() != before).any(), 60, "what was typed, in the viewer")
    assert UNHEARD not in guest.serial_text()
    assert consoleauth.tallies == []
    program.process.terminate()
    program.end()
    assert proxy.tally()["reason"] == "client_closed"
