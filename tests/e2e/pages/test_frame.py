"""A console of a real proxy in the page of a foreign site: only where the operator allows it."""

import pytest

from consoles.stream import tls
from tests.e2e.pages.steps import wait_pixel
from tests.e2e.pages.steps import wait_state
from tests.fixtures import dashboard
from tests.fixtures.page_guest import rfb
from tests.fixtures.page_server import SocketPeer
from tests.fixtures.targets import Target

SCHEMES = ["http", "https"]


@pytest.fixture(params=SCHEMES)
def scheme(request):
    """That of the site and of the console in it."""
    return request.param


@pytest.fixture
def site(scheme, certificates):
    context = tls.server_context(str(certificates.cert), str(certificates.key), "default", None)
    with dashboard.serving(context if scheme == "https" else None) as site:
        yield site


@pytest.fixture
def heard():
    return []


@pytest.fixture
def framed(site, scheme, certificates, make_proxy, consoleauth, heard):
    """Start a proxy with the options and show its console in the site's frame."""
    if scheme == "https":
        options_of_tls = {"DEFAULT__cert": str(certificates.cert),
                          "DEFAULT__key": str(certificates.key), "DEFAULT__ssl_only": True}
    else:
        options_of_tls = {}

    def start(**options):
        proxy = make_proxy(**options, **options_of_tls)
        guest = Target(lambda sock: rfb(SocketPeer(sock, lambda *what: heard.append(what))))
        origin = f"{scheme}://127.0.0.1:{proxy.port}"
        consoleauth.add("T", guest.port, access_url_base=f"{origin}/vnc_auto.html")
        site.shown = f"{origin}/vnc_auto.html?path=%3Ftoken%3DT&title=server"
        return origin

    return start


@pytest.fixture
def visitor(context):
    """A tab that knows nobody and trusts the tests' certificates."""
    fresh = context.browser.new_context(ignore_https_errors=True)
    yield fresh.new_page()
    fresh.close()


def frame_of(page):
    return page.locator("iframe").element_handle().content_frame()


@pytest.mark.parametrize("allowed", [["self"], ["none"], ["self", "https://dashboard.example.org"]])
def test_a_foreign_site_may_not_frame_a_console(framed, site, visitor, consoleauth, allowed):
    framed(proxy__frame_ancestors=allowed)
    with visitor.expect_console_message(lambda m: "frame-ancestors" in m.text):
        visitor.goto(site.origin)
    visitor.wait_for_load_state()
    assert frame_of(visitor).url.startswith("chrome-error:")
    assert consoleauth.asked == []


def test_a_site_that_is_allowed_frames_a_console_that_works(framed, site, visitor, consoleauth,
                                                           heard):
    origin = framed(proxy__frame_ancestors=["self", site.origin])
    faults = []
    visitor.on("pageerror", lambda error: faults.append(str(error)))
    visitor.on("console", lambda message: faults.append(message.text)
               if message.type == "error" else None)
    visitor.goto(site.origin)
    frame = frame_of(visitor)
    wait_state(frame, "connected")
    wait_pixel(frame)
    assert frame.url.startswith(f"{origin}/vnc_auto.html?title=server&console=")
    visitor.locator("iframe").click()
    visitor.keyboard.press("a")
    frame.get_by_role("button", name="Disconnect").click()
    wait_state(frame, "closed")
    assert ("key", (1, ord("a"))) in heard
    assert len(consoleauth.asked) == 1
    assert faults == []


def test_a_console_in_a_frame_is_reloaded_with_its_token(framed, site, visitor):
    """Also where the browser forbids all storage to what is in a foreign frame, as here."""
    framed(proxy__frame_ancestors=[site.origin])
    visitor.goto(site.origin)
    wait_state(frame_of(visitor), "connected")
    assert frame_of(visitor).evaluate("(() => { try { sessionStorage } catch { return 1 } })()")
    frame_of(visitor).evaluate("location.reload()")
    frame_of(visitor).wait_for_function("() => performance.getEntriesByType('navigation')[0]"
                                        ".type === 'reload'")
    wait_state(frame_of(visitor), "connected")
    wait_pixel(frame_of(visitor))


def test_a_frame_may_do_what_its_site_lets_it(framed, site, visitor):
    framed(proxy__frame_ancestors=[site.origin])
    for allow, shown in (("", False), ("fullscreen; clipboard-write", True)):
        site.allow = allow
        visitor.goto(site.origin)
        wait_state(frame_of(visitor), "connected")
        button = frame_of(visitor).get_by_role("button", name="Full screen")
        assert button.is_visible() == shown
        frame_of(visitor).get_by_role("button", name="Clipboard").click()
        frame_of(visitor).get_by_role("button", name="Copy").click()
        frame_of(visitor).get_by_text("Copied." if shown else "The browser does not").wait_for()


def test_headers_of_transport_go_with_tls_only(framed, scheme, visitor):
    answer = visitor.request.get(f"{framed()}/")
    assert answer.ok
    assert ("strict-transport-security" in answer.headers) == (scheme == "https")
