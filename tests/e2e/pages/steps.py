"""What every test of the pages does and looks at."""

import re

from tests.fixtures import page_guest

PAGES = ["vnc_auto.html", "vnc_lite.html"]
AUTOMATIC, MANUAL, NEVER = "automatic", "manual", "never"


def visit(page, server, where, state="connected"):
    page.goto(f"{server.url}/{where}")
    wait_state(page, state)
    return page


def wait_state(page, state):
    page.wait_for_selector(f'html[data-state="{state}"]')


def wait_pixel(page):
    """Until the middle of the canvas has the colour of the guest's screen."""
    page.wait_for_function("""(wanted) => {
        const canvas = document.querySelector("canvas");
        const found = canvas.getContext("2d").getImageData(
            canvas.width / 2, canvas.height / 2, 1, 1).data;
        return wanted.every((value, index) => found[index] === value);
    }""", arg=list(page_guest.COLOUR))


def buttons(page):
    return page.locator(".card button").all_inner_texts()


def sockets(server):
    return server.all("websocket")


def check_offer(page, retry):
    offered = {AUTOMATIC: ["Reconnect now", "Cancel"], MANUAL: ["Reconnect"], NEVER: []}[retry]
    assert buttons(page) == offered
    assert page.locator(".timer").count() == (retry == AUTOMATIC)
    if retry == AUTOMATIC:
        assert re.fullmatch(r"Reconnecting in \d+ s", page.locator(".timer").inner_text())
