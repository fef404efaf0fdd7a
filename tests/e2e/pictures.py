"""The pictures of the guide, taken of the running system: `make pictures`.

Every service runs over RabbitMQ, the guest is QEMU's, the pages are ours in Chromium. The file is
no test: pytest is named it by the Makefile, for its fixtures.
"""

import pathlib

import pytest

from tests.e2e.test_console import open_console
from tests.e2e.test_console import type_like_a_user
from tests.e2e.test_spice import KEY
from tests.e2e.test_spice import shown
from tests.fixtures.browser import wait_terminal_text
from tests.fixtures.guest_image import LOGIN
from tests.fixtures.guest_image import PASSWORD
from tests.fixtures.guest_image import PROMPT_SERIAL
from tests.fixtures.guest_image import USER
from tests.fixtures.processes import free_port
from tests.fixtures.processes import wait_for
from tests.fixtures.system import instance_id

IMAGES = pathlib.Path(__file__).parents[2] / "doc/source/images"
SIZE = {"width": 960, "height": 600}
KINDS = {"novnc": "vnc", "spice-html5": "spice", "serial": "serial"}


@pytest.fixture
def system(make_system, rabbit, spice_guest):
    spice, serial = free_port(), free_port()
    system = make_system(rabbit.url, hosts=("one",), spice={
        "enabled": "true", "html5proxy_host": "127.0.0.1", "html5proxy_port": spice,
        "html5proxy_base_url": f"http://127.0.0.1:{spice}/spice_auto.html",
    }, serial_console={
        "enabled": "true", "serialproxy_host": "127.0.0.1", "serialproxy_port": serial,
        "base_url": f"ws://127.0.0.1:{serial}/"})
    places = {"novnc": spice_guest.vnc_port, "spice-html5": spice_guest.spice_port,
              "serial": spice_guest.serial_port}
    system.write_agent("one", [{"name": "web-1", "id": instance_id("one"), "consoles": {
        kind: {"host": "127.0.0.1", "port": port} for kind, port in places.items()}}])
    system.start()
    system.services.start("spice", "consoles-spicehtml5proxy", port=spice)
    system.services.start("serial", "consoles-serialproxy", port=serial)
    return system


@pytest.fixture
def url(system):
    """→ a new URL of this type, as a browser opens it."""
    def ask(kind):
        if kind == "novnc":
            return system.url()
        return system.ask(f"/servers/{instance_id('one')}/console", {
            "protocol": KINDS[kind], "type": kind})["url"].replace("ws://", "http://")
    return ask


def take(page, name, *schemes):
    """A picture of the page, in each of the schemes with its name behind it."""
    for scheme in schemes or ("light",):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(1000)  # what the page and the guest still draw
        page.screenshot(path=IMAGES / f"{name}{'-' + scheme if schemes else ''}.png")


def test_graphical(page, url, spice_guest):
    page.set_viewport_size(SIZE)
    open_console(page, url("novnc"))
    for command in ("uname -a", "free", "df"):
        type_like_a_user(page, f"{command}\n")
        page.wait_for_timeout(1000)  # what is typed ahead would stand within the output
    take(page, "novnc", "light", "dark")
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Clipboard").click()
    page.get_by_label("Text for the server").fill("ip address show dev eth0")
    take(page, "clipboard")

    page.goto(url("spice-html5"))
    shown(page)
    for key in (*"clear", "Enter", *"ls -l /", "Enter"):
        page.keyboard.press(key, delay=KEY)
    take(page, "spice", "light", "dark")

    page.goto(url("novnc")[:-4] + "0000")
    page.wait_for_selector("html[data-state=refused]")
    take(page, "refused")


def test_serial(page, url, spice_guest):
    page.set_viewport_size(SIZE)
    page.goto(url("serial"))
    page.wait_for_selector("html[data-state=connected]")
    page.keyboard.press("Enter")
    wait_terminal_text(page, LOGIN)
    page.keyboard.type(f"{USER}\n")
    wait_terminal_text(page, "Password:")
    page.keyboard.type(f"{PASSWORD}\n")
    wait_terminal_text(page, PROMPT_SERIAL)
    page.keyboard.type("uname -a; uptime; ls -l /\n")
    wait_terminal_text(page, "proc")
    wait_for(lambda: "tmp" in spice_guest.serial_text())
    take(page, "serial", "light", "dark")

    second = page.context.new_page()
    second.set_viewport_size(SIZE)
    second.goto(url("serial"))
    second.wait_for_selector("html[data-state=refused][data-code='4409']")
    take(second, "in-use")
