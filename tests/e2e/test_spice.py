"""A SPICE console in Chromium, on QEMU's own SPICE server: our page and the distribution's."""

import collections
import pathlib

import pytest

from consoles.command import trial_guest
from consoles.proxies import catalog
from tests.e2e.test_console import COLOURS
from tests.fixtures.processes import free_port
from tests.fixtures.processes import need
from tests.fixtures.processes import wait_for
from tests.fixtures.system import instance_id
from tests.fixtures.ws_client import Refused

PICTURES = pathlib.Path("build/screenshots")
KEY = 20     # ms that a key is held: an emulated PS/2 keyboard keeps only 16 bytes
DISTRIBUTION = pathlib.Path("/usr/share/spice-html5")
TEXT = "enc.toString(16)"   # where its page makes a text of an encrypted password
LINKED = 206     # bytes of a channel before it says anything
SPICE = {"console_type": "spice-html5", "access_url_base": "http://127.0.0.1:6082/spice_auto.html"}
PIXELS = """() => document.querySelector("canvas").toDataURL()"""


@pytest.fixture
def console(make_proxy, consoleauth, spice_guest):
    """A proxy; the token `good` leads to the guest."""
    consoleauth.add("good", spice_guest.spice_port, **SPICE)
    return make_proxy(spec=catalog.SPICE_HTML5)


@pytest.fixture
def faults(page):
    """Page errors and breaches of the policy."""
    seen = []
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("console", lambda message: seen.append(message.text)
            if message.type == "error" or "Content Security Policy" in message.text else None)
    return seen


def shown(page):
    page.wait_for_selector("html[data-state=connected]")
    page.wait_for_function(f"() => ({COLOURS})() > 3")


def say(page, guest, marker):
    """Type it on the screen, key by key, and hear it on the serial line; the picture changes."""
    before = page.evaluate(PIXELS)
    for key in (*f"echo {marker} ", "Shift+Period", *"/dev/tty", "Shift+S", "0"):
        shows = page.evaluate(PIXELS)
        page.keyboard.press(key, delay=KEY)
        if key != " ":  # a guest that is busy has no place for more keys than it has shown
            page.wait_for_function(f"shows => ({PIXELS})() !== shows", arg=shows)
    page.keyboard.press("Enter")
    wait_for(lambda: marker in guest.serial_text(), what="the typed text on the serial line")
    page.wait_for_function(
        "(before) => document.querySelector('canvas').toDataURL() !== before", arg=before)


def sound(page):
    """What becomes of sound as spice-html5 plays it."""
    return page.evaluate("""() => new Promise((done) => {
        const source = new MediaSource();
        source.addEventListener("sourceopen", () => done("open"));
        const audio = new Audio(URL.createObjectURL(source));
        audio.addEventListener("error", () => done("refused"));
    })""")


def test_the_guests_screen_shows_and_typing_works(console, page, faults, spice_guest, consoleauth):
    opened = []
    page.on("websocket", lambda socket: opened.append(socket.url))
    page.goto(f"{console.own_origin}/spice_auto.html?token=good")
    shown(page)
    say(page, spice_guest, "typed-on-our-page")
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "spice.png")

    assert "good" not in page.url
    assert page.title() == "Console - SPICE"
    assert page.evaluate("document.cookie") == ""
    assert set(opened) == {f"ws://127.0.0.1:{console.port}/?token=good"}
    assert len(opened) == 4     # main, cursor, inputs, display
    page.reload()
    shown(page)
    say(page, spice_guest, "typed-after-a-reload")
    assert sound(page) == "open"
    assert faults == []


def bytes_of_channels(page):
    """→ what is filled with the bytes that each channel has got."""
    got = collections.Counter()
    page.on("websocket", lambda socket: socket.on(
        "framereceived", lambda data: got.update({socket: len(data)})))
    return got


def with_whole_tickets(route):
    """The distribution's page loses one of some sixty consoles; see js/channels.js of ours."""
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace(TEXT, f"{TEXT}.padStart(256, '0')"))


def test_the_distributions_page_works_and_breaches_no_policy(
        make_proxy, consoleauth, spice_guest, page):
    """It takes the token from its URL into a cookie, and that to each socket."""
    assert TEXT in (DISTRIBUTION / "ticket.js").read_text()
    proxy = make_proxy(spec=catalog.SPICE_HTML5, spice__web=str(DISTRIBUTION))
    consoleauth.add("good", spice_guest.spice_port, **SPICE)
    breaches = []
    page.on("console", lambda message: breaches.append(message.text)
            if "Content Security Policy" in message.text else None)
    got = bytes_of_channels(page)
    page.route("**/ticket.js", with_whole_tickets)
    page.goto(f"{proxy.own_origin}/spice_auto.html?token=good&title=guest(1)")
    page.wait_for_function(f"() => ({COLOURS})() > 3")
    wait_for(lambda: page.evaluate("1") and len(got) == 4 and min(got.values()) > LINKED,
             what="all channels, as it drops the keys that come before")
    page.locator("canvas").focus()
    say(page, spice_guest, "typed-on-the-distributions-page")
    assert breaches == []


@pytest.fixture
def system(make_system, rabbit, spice_guest):
    """Every service over RabbitMQ, and the guest."""
    port = free_port()
    system = make_system(rabbit.url, hosts=("one",), spice={
        "enabled": "true", "html5proxy_host": "127.0.0.1", "html5proxy_port": port,
        "html5proxy_base_url": f"http://127.0.0.1:{port}/spice_auto.html"})
    system.write_agent("one", [{"name": "debian", "id": instance_id("one"), "consoles": {
        "novnc": {"guest": "builtin"},
        "spice-html5": {"host": "127.0.0.1", "port": spice_guest.spice_port}}}])
    system.start()
    system.services.start("spice", "consoles-spicehtml5proxy", port=port)
    return system


def ask(system, **options):
    return system.ask(f"/servers/{instance_id('one')}/console",
                      {"protocol": "spice", "type": "spice-html5", **options})


def disconnect(page, system):
    page.get_by_role("button", name="Disconnect").click()
    wait_for(lambda: not system.rows("select 1 from sessions where state='live'"), 20,
             "the end of all channels")


def test_the_whole_way_from_the_api_over_rabbitmq(system, spice_guest, page, faults):
    answer = ask(system)
    assert (answer["protocol"], answer["type"]) == ("spice", "spice-html5")

    page.goto(answer["url"])
    shown(page)
    say(page, spice_guest, "typed-over-the-whole-way")
    live = system.rows("select connection_id from sessions where state='live'")
    assert len(live) == 4
    assert len(set(live)) == 1
    disconnect(page, system)
    assert faults == []
    with pytest.raises(Refused) as refused:     # the other kind's door stays shut to it
        system.connect(answer["url"].rpartition("token=")[2])
    assert refused.value.status == 403


def test_a_url_for_one_use_takes_all_channels_of_one_page(system, spice_guest, page):
    url = ask(system, single_use=True)["url"]
    page.goto(url)
    shown(page)
    say(page, spice_guest, "typed-once")
    assert len(system.rows("select 1 from sessions where state='live'")) == 4
    disconnect(page, system)
    page.goto("about:blank")
    page.goto(url)
    page.wait_for_selector("html[data-state=refused][data-code='4401']")


def test_the_trials_guest_shows_what_is_typed(conf, make_proxy, consoleauth, page, faults,
                                              tmp_path):
    need("qemu-system-x86_64", "qemu-system-x86")
    with trial_guest.running(tmp_path, conf.spice) as port:
        consoleauth.add("good", port, **SPICE)
        proxy = make_proxy(spec=catalog.SPICE_HTML5)
        page.goto(f"{proxy.own_origin}/spice_auto.html?token=good")
        page.wait_for_selector("html[data-state=connected]")
        page.wait_for_function("""() => {       // blue, when the BIOS is done
            const canvas = document.querySelector("canvas");
            if (!canvas) return false;
            const { data } = canvas.getContext("2d").getImageData(canvas.width / 2, 200, 1, 1);
            return data[0] === 0 && data[2] > 100;
        }""")
        before = page.evaluate(PIXELS)
        page.get_by_role("button", name="Type text").click()
        page.get_by_label("Text for the server").fill("Hello, World! ~(42)")
        page.get_by_role("button", name="Type", exact=True).click()
        page.get_by_text("Typed.").wait_for()
        page.get_by_role("button", name="Close").click()
        page.wait_for_function(
            "(before) => document.querySelector('canvas').toDataURL() !== before", arg=before)
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / "spice-trial.png")
    page.wait_for_selector("html[data-state=closed]")
    assert faults == []
