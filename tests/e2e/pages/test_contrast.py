"""Everything that can be read or pressed stands out enough, light and dark (WCAG 2.2)."""

import pytest

from tests.fixtures import page_server
from tests.fixtures.page_guest import rfb
from tests.fixtures.page_server import close

#: Colours as they are seen: each ground painted over those behind it, then what is on it.
MEASURE = """() => {
    const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
        .getContext("2d", { willReadFrequently: true });
    function seen(colours) {
        pen.fillStyle = "white";
        pen.fillRect(0, 0, 1, 1);
        for (const colour of colours) {
            pen.fillStyle = colour;
            pen.fillRect(0, 0, 1, 1);
        }
        return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
    }
    function grounds(element) {
        const found = [];
        for (let at = element; at; at = at.parentElement) {
            found.unshift(getComputedStyle(at).backgroundColor);
        }
        return found;
    }
    function ratio(one, other) {        // WCAG 2.2, relative luminance and contrast ratio
        const [low, high] = [one, other].map((colour) => colour
            .map((value) => value / 255)
            .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0))
            .sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    }
    const pairs = [];
    for (const element of document.body.querySelectorAll("*")) {
        const style = getComputedStyle(element);
        const box = element.getBoundingClientRect();
        if (!box.width || element.closest(":disabled, .spoken")) {
            continue;
        }
        const name = `${element.tagName}.${element.className.baseVal ?? element.className}`;
        const words = [...element.childNodes].some((node) => node.nodeType === 3
            && node.data.trim());
        const below = grounds(element);
        const compare = (what, colour, under, least) => pairs.push(
            [`${what} of ${name}`, ratio(seen([...under, colour]), seen(under)), least]);
        if (words || element.matches("svg, textarea")) {
            compare("text", style.color, below, element.matches("svg") ? 3 : 4.5);
        }
        if (element.matches(".card button:not(.primary), .panel button:not(.primary), textarea")) {
            compare("edge", style.borderTopColor, grounds(element.parentElement), 3);
        }
        if (element.matches("button.primary")) {
            compare("ground", style.backgroundColor, grounds(element.parentElement), 3);
        }
        if (element.matches("button, textarea")) {
            const accent = getComputedStyle(document.documentElement).getPropertyValue("--accent");
            compare("focus", accent, grounds(element.parentElement), 3);
        }
    }
    return pairs;
}"""


def check(page, *wanted):
    pairs = page.evaluate(MEASURE)
    assert [pair for pair in pairs if pair[1] < pair[2]] == []
    measured = {pair[0] for pair in pairs}
    assert set(wanted) <= measured, measured


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_console_and_its_clipboard(console, server, page, scheme):
    server.plan("good", rfb)
    page.emulate_media(color_scheme=scheme)
    console("good")
    page.get_by_role("button", name="Clipboard").click()
    check(page, "text of SPAN.state", "text of STRONG.name", "text of svg.", "edge of TEXTAREA.",
          "text of P.hint", "edge of BUTTON.", "focus of BUTTON.tool", "ground of BUTTON.primary")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_refusal(console, server, page, scheme):
    server.plan("bad", close(4503, "Because."))
    page.emulate_media(color_scheme=scheme)
    console("bad", "refused", options="&reconnect_delay=20000")
    check(page, "text of SPAN.state", "text of H1.", "text of P.reason", "text of P.code",
          "text of P.timer", "text of BUTTON.primary", "edge of BUTTON.")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, ground[4:-1].split(","))) > 128) == (scheme == "light")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_fault_of_the_page(server, page, scheme):
    page.emulate_media(color_scheme=scheme)
    page.route("**/vendor/novnc/core/rfb.js", lambda route: route.fulfill(status=404))
    page.goto(f"{server.url}/?token=T")
    page.get_by_role("alert").wait_for()
    check(page, "text of P.fault")


def test_the_measure_finds_what_is_too_faint(console, server):
    server.plan("bad", page_server.close(4401))
    page = console("bad", "refused")
    page.evaluate("document.querySelector('.card h1').style.color = '#ccc'")
    with pytest.raises(AssertionError, match="text of H1"):
        check(page)
