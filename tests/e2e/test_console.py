"""A user's whole way: ask the API, open the URL in a browser, work on a guest."""

import pathlib

import pytest

from tests.fixtures.processes import wait_for
from tests.fixtures.system import instance_id

PICTURES = pathlib.Path("build/screenshots")

#: How many colours the canvas shows: one while nothing has been drawn.
COLOURS = """() => {
  const canvas = document.querySelector("canvas");
  if (!canvas || !canvas.width) return 0;
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  for (let i = 0; i < pixels.length; i += 4)
    seen.add(pixels[i] << 16 | pixels[i + 1] << 8 | pixels[i + 2]);
  return seen.size;
}"""


@pytest.fixture
def system(make_system, rabbit):
    return make_system(rabbit.url, hosts=("one",))


def open_console(page, url):
    """Go to the URL and wait until the guest's screen is there."""
    page.goto(url)
    page.wait_for_selector("html[data-state=connected]", timeout=20000)
    page.wait_for_function(f"() => ({COLOURS})() > 1", timeout=20000)


def type_like_a_user(page, text):
    """With Shift pressed where a user presses it: QEMU is sent keys, not characters."""
    for char in text:
        shifted = char.isupper() or char in ">"
        if shifted:
            page.keyboard.down("Shift")
        page.keyboard.press("Enter" if char == "\n" else char)
        if shifted:
            page.keyboard.up("Shift")


def test_a_qemu_guest_in_chromium(system, guest, page, page_errors):
    system.write_agent("one", [{"name": "debian", "id": instance_id("one"), "consoles": {
        "novnc": {"host": "127.0.0.1", "port": guest.vnc_port}}}])
    system.start()
    url = system.url()
    token = url.rpartition("token%3D")[2]
    open_console(page, url)
    assert "noVNC" in page.title()
    assert token not in page.url

    marker = "typed-in-the-browser"
    type_like_a_user(page, f"echo {marker} > /dev/ttyS0\n")
    wait_for(lambda: marker in guest.serial_text(), 20, "the typed text on the serial line")

    page.reload()
    open_console(page, page.url)
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "qemu.png")
    assert page_errors == []


def test_our_own_guest_shows_its_card_the_time_and_what_is_typed(system, page, page_errors):
    system.start()
    open_console(page, system.url())
    page.set_viewport_size({"width": 1000, "height": 660})

    before = page.locator("canvas").screenshot()
    wait_for(lambda: page.locator("canvas").screenshot() != before, 5, "the clock to move")
    page.keyboard.type("hello from the browser")
    page.mouse.move(640, 470)
    page.wait_for_timeout(500)
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "console.png")
    assert page_errors == []

    (session_id,), = system.rows("select id from sessions where state='live'")
    assert system.manage("session", "kill", session_id).returncode == 0
    page.wait_for_selector("html[data-state=closed][data-code='4441']", timeout=30000)


def test_a_page_says_why_it_was_refused(system, page):
    system.start()
    page.goto(system.url()[:-4] + "0000")
    page.wait_for_selector("html[data-state=refused][data-code='4401']", timeout=30000)
    page.screenshot(path=PICTURES / "refused.png")


def test_the_distributions_novnc_works_as_well(system, page, page_errors):
    """Debian's application, from its own directory, with its own idea of a URL."""
    config = system.base["vnc"]
    config["web"] = "/usr/share/novnc"
    config["novncproxy_base_url"] = "http://127.0.0.1:6080/vnc_lite.html"
    system.services.configure(system.base)
    system.start()
    page.goto(system.url())
    page.wait_for_function(f"() => ({COLOURS})() > 1",
                           timeout=20000)
