"""Domains of a real libvirt daemon in Chromium: their consoles, and what becomes of them."""

import socket

import libvirt
import pytest

from consoles.compute.drivers import libvirt_xml
from tests.e2e.test_console import COLOURS
from tests.e2e.test_console import PICTURES
from tests.fixtures import libvirt as lv
from tests.fixtures.browser import wait_terminal_text
from tests.fixtures.domains import KINDS

#: The BIOS speaks on the first serial line, too.
BIOS = "<bios useserial='yes'/>"


@pytest.fixture
def tab(context):
    """Opens URLs, each in a tab of its own."""
    def opened(url):
        page = context.new_page()
        page.goto(url.replace("ws://", "http://"))
        return page
    return opened


def vnc_port(domain):
    return libvirt_xml.parse(domain.XMLDesc()).graphics["vnc"].port


def wait_live(page, kind):
    page.wait_for_selector("html[data-state=connected]")
    if kind == "serial":
        wait_terminal_text(page, "SeaBIOS")
    else:
        page.wait_for_function(f"() => ({COLOURS})() > 1")


def wait_ended(page, code, state="closed"):
    page.wait_for_selector(f"html[data-state={state}][data-code='{code}']")


def test_consoles_of_a_domain_in_the_browser(domains, libvirtd, tab):
    """No report but those that libvirt's events lead to is made meanwhile."""
    domain = libvirtd.connection.defineXML(lv.domain_xml("web", lv.VNC, lv.SPICE, lv.PTY,
                                                         boot=BIOS))
    domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    urls = {kind: domains.console(domain, kind) for kind in KINDS}
    tabs = {kind: tab(url) for kind, url in urls.items()}
    tabs["serial"].wait_for_selector("html[data-state=connected]")
    domain.resume()
    for kind, page in tabs.items():
        wait_live(page, kind)

    former = vnc_port(domain)
    domain.destroy()
    for page in tabs.values():
        wait_ended(page, 4409)
    with socket.create_server(("127.0.0.1", former)):
        domain.create()
    assert vnc_port(domain) != former
    page = tab(domains.console(domain, "novnc"))
    wait_live(page, "novnc")
    for url in urls.values():
        wait_ended(tab(url), 4401, "refused")

    domain.undefine()  # it is transient now
    domain.destroy()
    wait_ended(page, 4404)
    page.screenshot(path=PICTURES / "undefined.png")
