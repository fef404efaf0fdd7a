"""A thousand domains on one agent, by libvirt's test driver."""

import libvirt
import pytest

from benchmarks import libvirt_domains
from consoles.compute.drivers import libvirt_status
from consoles.compute.drivers.libvirt_opened import run_events

COUNT = 1000


@pytest.fixture(scope="module")
def domains():
    run_events()
    connection = libvirt.open(libvirt_domains.URI)
    yield libvirt_domains.create(connection, COUNT)
    connection.close()


def test_all_are_told_found_and_seen(domains):
    driver = libvirt_domains.started()
    try:
        ids = {domain.UUIDString() for domain in domains}
        told = {one.id: one for one in driver.list_instances()}
        assert ids <= set(told)
        assert {(told[id].status, told[id].project_id) for id in ids} == {("ACTIVE", "p")}
        assert {driver.get_console(domain.UUIDString(), "novnc").port
                for domain in domains[::100]} == {5900 + n for n in range(0, COUNT, 100)}
        assert ids <= {one.instance_id for one in driver.live_consoles()}
        gone = domains.pop()
        gone.destroy()
        assert gone.UUIDString() not in {one.id for one in driver.list_instances()}
    finally:
        driver.stop()


def test_what_asks_of_all_has_a_deadline_for_each(domains):
    connection, calls = libvirt.open(libvirt_domains.URI), []

    def call(work, about="", timeout=0.0):
        calls.append(about)
        assert timeout
        return work(connection)

    try:
        found = libvirt_status.scan(call, {})
        assert calls[0] == "" and set(calls[1:]) == set(found)
        assert len(calls) == 1 + len(found) > len(domains)
        known = {id: domain for id, (domain, _) in found.items()}
        del calls[:], known[domains[0].UUIDString()]
        assert libvirt_status.scan(call, known) == found
        assert calls == ["", domains[0].UUIDString()]
    finally:
        connection.close()
