"""Real guests of a libvirt daemon through API, RabbitMQ, agent and proxies: each service a process.
"""

import json
import socket

from tests.fixtures import libvirt as lv
from tests.fixtures import rfb_viewer
from tests.fixtures.domains import KINDS
from tests.fixtures.processes import free_port
from tests.fixtures.processes import wait_for
from tests.fixtures.system import closed_in_time

SPICE_LINK = bytes.fromhex("52454451 02000000 02000000 12000000 00000000 0101 00000000 00000000"
                           "12000000")


def test_guests_stop_start_elsewhere_and_go(domains, libvirtd):
    domain = libvirtd.boot(lv.VNC, lv.SPICE, lv.PTY)
    urls = {kind: domains.console(domain, kind) for kind in KINDS}
    open_ = {kind: domains.open_as_page(kind, urls[kind]) for kind in KINDS}
    rfb_viewer.Viewer(open_["novnc"]).connect().refresh()
    spice = domains.open_as_page("spice-html5", urls["spice-html5"])
    spice.send(SPICE_LINK)
    assert spice.recv_message().startswith(b"REDQ")
    spice.close()
    wait_for(lambda: domains.live() == 3)
    place = domains.rows("select host, port from connections where console_type='novnc'")[0]

    assert closed_in_time(domain.destroy, open_.values()) == [4409] * len(KINDS)
    wait_for(lambda: not domains.rows("select 1 from connections"))
    with socket.create_server(place):
        domain.create()
        ws = domains.open_as_page("novnc", domains.console(domain, "novnc"))
        rfb_viewer.Viewer(ws).connect().refresh()
    assert domains.rows("select port from connections")[0][0] != place[1]
    for kind in KINDS:  # what was good before is not, though the guest runs again
        assert domains.open_as_page(kind, urls[kind]).until_closed()[0] == 4401

    wait_for(lambda: domains.live() == 1)
    domain.undefine()  # it is transient now
    assert closed_in_time(domain.destroy, [ws]) == [4404]
    wait_for(lambda: not domains.rows("select 1 from instances"))


def test_a_line_at_qemus_own_port_is_probed(domains, libvirtd):
    """It takes one client at a time: a user is not disturbed, and afterwards it is free."""
    first, second = free_port(), free_port()
    domain = libvirtd.boot(lv.tcp(first), lv.tcp(second))
    user = domains.open_as_page("serial", domains.console(domain, "serial"))
    other = domains.open_as_page("serial", domains.console(domain, "serial", line=1))
    wait_for(lambda: domains.live() == 2)
    assert domains.rows("select port from connections order by created_at") == [
        (first,), (second,)]
    other.close()
    wait_for(lambda: domains.live() == 1)
    done = probe(domains, domain)
    assert done.returncode == 6
    assert "In use since" in done.stdout
    done = probe(domains, domain, "--line", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    user.close()
    wait_for(lambda: domains.live() == 0)
    for _ in range(2):
        done = probe(domains, domain)
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)[-1]["text"].startswith("the line is open")


def probe(domains, domain, *words):
    return domains.manage("probe", domain.UUIDString(), "--type", "serial", "--json", *words)
