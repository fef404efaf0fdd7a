"""Real viewers of the distribution, through consoles-connect and a proxy, to a real guest."""

import os

import numpy as np
import pytest

from consoles.proxies import catalog
from tests.fixtures.processes import need
from tests.fixtures.processes import wait_for

#: Of the guest's banner: black, blue, green and grey of a text screen.
COLOURS = [0x000000, 0x0000A8, 0x00A800, 0xA8A8A8]
MARKER = "typed-in-the-viewer"


@pytest.mark.parametrize(("spec", "path", "viewer", "package"), [
    (catalog.NOVNC, "/vnc_auto.html?path=%3Ftoken%3Dgood", "remote-viewer {file}", "virt-viewer"),
    (catalog.XVPVNC, "/console?token=good", "xtigervncviewer -FullScreen", "tigervnc-viewer"),
    (catalog.SPICE_HTML5, "/spice_auto.html?token=good", "remote-viewer", "virt-viewer")])
def test_a_viewer_shows_the_guest_and_types(
        make_proxy, consoleauth, spice_guest, screen, connect, spec, path, viewer, package):
    need(viewer.split()[0], package)
    proxy = make_proxy(spec=spec)
    spice = spec is catalog.SPICE_HTML5
    consoleauth.add("good", spice_guest.spice_port if spice else spice_guest.vnc_port,
                    console_type=spec.console_type, access_url_base=proxy.own_origin + path)
    assert not np.isin(COLOURS, screen.sees()).all()
    program = connect(proxy.own_origin + path, "--viewer", viewer, env={**os.environ, **screen.env})
    wait_for(lambda: np.isin(COLOURS, screen.sees()).all(), 60, "the guest in the viewer")

    with screen.hands() as hands:
        hands.point(300, 300)

        def heard():
            """An emulated keyboard keeps few keys, so each is looked after."""
            for char in f"\necho {MARKER} >/dev/ttyS0\n":
                hands.type(char)
                hands.refresh()
            return MARKER in spice_guest.serial_text()
        wait_for(heard, 60, "the typed text on the serial line")
    program.process.terminate()
    assert program.end() == 1
    assert proxy.tally()["reason"] == "client_closed"
