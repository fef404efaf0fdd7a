"""What Horizon asks for and shows, in its order: novaclient, real Keystone, proxies, Chromium.

Its tab Console tries kinds one after the other by the actions of old, WebMKS by a microversion, and
puts the first URL it is given into a frame, with a title behind it. A serial URL goes to a page of
its own, which opens the WebSocket itself. What it sends was read in Horizon 27's
openstack_dashboard: api/nova.py, dashboards/project/instances, and serialConsole.js below static.
"""

import urllib.request
from urllib.parse import urlencode

import pytest

from tests.fixtures import dashboard
from tests.fixtures import libvirt as lv
from tests.fixtures.cloud import BLUE
from tests.fixtures.cloud import RED
from tests.fixtures.open_cloud import BUILT_IN
from tests.fixtures.open_cloud import OpenCloud
from tests.fixtures.processes import free_port
from tests.fixtures.processes import Services
from tests.fixtures.processes import wait_for
from tests.fixtures.system import instance_id

#: CONSOLE_TYPE = "AUTO": the kinds in the order they are tried, and novaclient's method for each.
ORDER = {"VNC": ("get_vnc_console", "novnc"), "SPICE": ("get_spice_console", "spice-html5"),
         "RDP": ("get_rdp_console", "rdp-html5"), "SERIAL": ("get_serial_console", "serial"),
         "MKS": ("get_mks_console",)}
#: Horizon's preferred version, and those that it knows for WebMKS, the newest that fits first.
VERSION, MKS_VERSIONS = "2", ("2.53", "2.8")
PLACE = {"host": "192.0.2.7", "port": 3389, "internal_access_path": "vm-7"}
NAME = "vm ünïts & <more>"
SERVERS = {"all": BUILT_IN, "spice": {"spice-html5": PLACE}, "rdp": {"rdp-html5": PLACE},
           "line": {"serial": {"guest": "builtin"}}, "mks": {"webmks": PLACE}, "none": {}}
#: How Horizon's page opens a serial line: two subprotocols, Enter first, what comes is a Blob.
SERIAL = """(url) => new Promise((resolve) => {
  const socket = new WebSocket(url, ["binary", "base64"]);
  let text = "";
  socket.onopen = () => socket.send(new Uint8Array([13]).buffer);
  socket.onclose = (event) => resolve(`closed ${event.code} ${event.reason}`);
  socket.onmessage = async (event) => {
    text += event.data instanceof Blob ? await event.data.text() : "not a Blob";
    if (text.includes("$ ")) resolve(`${socket.protocol}: ${text}`);
  };
})"""
#: How many colours a canvas shows; none before its first picture.
PICTURE = """() => {
  const canvas = document.querySelector("canvas");
  if (!canvas?.width) return false;
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return pixels.some((value, index) => value !== pixels[index % 4]);
}"""


@pytest.fixture(scope="module")
def site():
    with dashboard.serving() as site:
        yield site


@pytest.fixture(scope="module")
def cloud(keystone, rabbit, site, tmp_path_factory):
    services = Services(tmp_path_factory.mktemp("horizon"))
    on = {"enabled": "true"}
    cloud = OpenCloud(services, rabbit.new_vhost(), keystone, spice=on, rdp=on, mks=on,
                      proxy={"frame_ancestors": f"self,{site.origin}"},
                      console={"allowed_origins": f"localhost:{site.server_port}"})
    red = keystone.projects["red"]
    cloud.write_agent("one", [
        {"name": NAME, "id": instance_id(name), "project_id": red, "consoles": consoles,
         "console_log": "one\ntwo\nthree\n"} for name, consoles in SERVERS.items()] + [
        {"name": "off", "id": instance_id("off"), "project_id": red, "consoles": BUILT_IN,
         "status": "SHUTOFF"},
        {"name": "red", "id": RED, "project_id": red, "consoles": BUILT_IN},
        {"name": "blue", "id": BLUE, "project_id": keystone.projects["blue"],
         "consoles": BUILT_IN}])
    try:
        yield cloud.start()
    finally:
        services.end()


@pytest.fixture
def libvirt_guest(cloud, libvirtd):
    """The ID of a real guest with a serial line alone, of a host whose hypervisor has no RDP."""
    first, owner = free_port(20), {"name": "kvm", "user": "mary"}
    domain = libvirtd.boot(lv.PTY, metadata=lv.NOVA.format(
        **owner, project=cloud.keystone.projects["red"]))
    cloud.instances["kvm1"] = cloud.services.write("agent-kvm1.conf", {
        "compute": {"host": "kvm1", "driver": "libvirt"},
        "libvirt": {"connection_uri": libvirtd.uri},
        "serial_console": {"port_range": f"{first}:{first + 20}"}})
    cloud.start_agent("kvm1")
    wait_for(lambda: cloud.status(cloud.of("mary"), f"/servers/{domain.UUIDString()}") == 200)
    return domain.UUIDString()


@pytest.fixture
def show(clients):
    """`show(user, server, kind ...)` → the kind and the address that Horizon's tab shows, both None
    for "Console is currently unavailable.", and the statuses of what it passed over."""
    def show(user, server, *kinds):
        kinds = kinds or tuple(ORDER)
        answer = clients.dashboard(user, *(call(kind, server) for kind in kinds))
        skipped = answer["skipped"]
        if answer["found"] is None:
            return None, None, skipped
        kind = kinds[len(skipped)]
        url = answer["found"]["remote_console" if kind == "MKS" else "console"]["url"]
        title = "" if kind == "SERIAL" else f"&{urlencode({'title': NAME})}({server})"
        return kind, url + title, skipped
    return show


def call(kind, server):
    method, *words = ORDER[kind]
    version = MKS_VERSIONS[0] if kind == "MKS" else VERSION
    return version, f"servers.{method}", server, *words


@pytest.mark.parametrize("server, kind, skipped", [
    ("all", "VNC", []), ("spice", "SPICE", [400]), ("rdp", "RDP", [400] * 2),
    ("line", "SERIAL", [400] * 3), ("mks", "MKS", [400] * 4), ("none", None, [400] * 5),
    ("off", None, [409, 400, 400, 409, 400])])
def test_auto_shows_the_first_kind_that_a_server_has(show, server, kind, skipped):
    """What is refused is refused for good: nothing that would be worth a second try, no 5xx."""
    shown, url, statuses = show("mary", instance_id(server))
    assert (shown, statuses) == (kind, skipped)
    assert url is None or "token" in url


def test_auto_goes_on_where_a_hypervisor_cannot_do_a_kind_at_all(show, libvirt_guest):
    """501 for RDP, which libvirt's guests never have, and 400 for what this guest has not."""
    shown, url, statuses = show("mary", libvirt_guest)
    assert (shown, statuses) == ("SERIAL", [400, 400, 501])
    assert "token" in url


@pytest.mark.parametrize("user, status", [("rita", 403), ("nora", 403), ("max", 404)])
def test_the_wrong_user_is_shown_no_console_and_no_log(show, clients, user, status):
    assert show(user, RED) == (None, None, [status] * 5)
    log = clients.dashboard(user, (VERSION, "servers.get_console_output", RED, 35))
    assert log["skipped"] == [status]


def test_the_page_begins_with_the_server(clients):
    found = clients.dashboard("mary", (VERSION, "servers.get", instance_id("all")))["found"]
    assert (found["name"], found["status"]) == (NAME, "ACTIVE")
    assert clients.dashboard("max", (VERSION, "servers.get", RED))["skipped"] == [404]


def test_versions_of_webmks_that_horizon_knows(clients):
    """It asks which there are, and takes the newest that it knows itself."""
    there = clients.dashboard("mary", (VERSION, "versions.get_current"))["found"]
    assert there["min_version"] == "2.1"
    assert float(there["version"].partition(".")[2]) >= 53
    for version in MKS_VERSIONS:
        answer = clients.dashboard(
            "mary", (version, "servers.get_mks_console", instance_id("mks")))
        console = answer["found"]["remote_console"]
        assert (console["protocol"], console["type"]) == ("mks", "webmks")


@pytest.mark.parametrize("length, shown", [(2, "two\nthree"), ("2", "two\nthree"),
                                           (None, "one\ntwo\nthree")])
def test_the_tab_log_shows_the_last_lines(clients, length, shown):
    """A number from the settings, or what a user typed, which Horizon sends as a text."""
    answer = clients.dashboard(
        "mary", (VERSION, "servers.get_console_output", instance_id("none"), length))
    assert answer["found"] == shown, answer


def test_a_vnc_console_in_horizons_frame(show, site, page, page_errors):
    _, site.shown, _ = show("mary", instance_id("all"))
    page.goto(site.origin)
    frame = page.locator("iframe").element_handle().content_frame()
    frame.wait_for_selector("html[data-state=connected]")
    frame.wait_for_function(PICTURE)
    assert frame.title() == f"{NAME} - noVNC"
    assert "token" not in frame.url
    assert page_errors == []


def test_an_address_with_a_title_is_opened_alone(show):
    """`Click here to show only console`, and what auto_console redirects to."""
    _, url, _ = show("mary", instance_id("all"))
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert answer.status == 200
        assert b"noVNC" in answer.read()


def test_a_serial_console_on_horizons_own_page(show, site, page):
    kind, url, _ = show("mary", instance_id("line"), "SERIAL")
    assert kind == "SERIAL"
    page.goto(site.origin)
    assert page.evaluate(SERIAL, url).startswith("binary: ")


def test_a_serial_console_on_a_page_that_is_not_allowed(show, page):
    _, url, _ = show("mary", instance_id("line"), "SERIAL")
    with dashboard.serving() as other:
        page.goto(other.origin)
        assert page.evaluate(SERIAL, url).startswith("closed 1006")
