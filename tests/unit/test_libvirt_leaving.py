"""What a report says of a guest that leaves: libvirt's list and its events come in any order."""

import threading

import libvirt
import pytest

from consoles.compute.drivers import libvirt_fates
from consoles.compute.drivers.libvirt import LibvirtDriver
from tests.unit.test_libvirt_connection import Opened

ID = "5f0c6a7e-1f5b-4f4e-9c39-0a3f5f6f2b11"
RUNNING = libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED
PAUSED = libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER
LEFT = libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_MIGRATED


class Host(Opened):
    """A connection and its one guest, both; libvirt lists it in this state, or not at all."""

    def __init__(self):
        super().__init__()
        self.state = RUNNING
        self.persistent = True
        self.told = {}

    def domainEventRegisterAny(self, domain, event, told, opaque):
        self.told[event] = told

    def happens(self, event, detail):
        self.told[libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE](self, self, event, detail, None)

    def getAllDomainStats(self, stats):
        return [(self, dict(zip(("state.state", "state.reason"), self.state, strict=True)))
                ] if self.state else []

    def UUIDString(self):
        return ID

    def lookupByUUIDString(self, id):
        return self

    def close(self):
        """It was opened more than once."""

    def ID(self):
        return -1 if self.state == LEFT else 1

    def XMLDesc(self):
        life = "" if self.state == LEFT else " id='1'"
        return f"<domain{life}><name>web</name><uuid>{ID}</uuid></domain>"

    def isPersistent(self):
        return self.persistent


@pytest.fixture
def host(monkeypatch):
    host = Host()
    monkeypatch.setattr(libvirt, "open", lambda uri: host)
    return host


@pytest.fixture
def told(conf, host):
    """`told()`: the guest's status as the inventory is told now; None where it is said to be gone.
    """
    driver, connected = LibvirtDriver(conf, "kvm1"), threading.Event()
    driver.start(connected.set)
    assert connected.wait(30)

    def told():
        statuses = [one.status for one in driver.list_instances()]
        driver.reported()
        return statuses[0] if statuses else None
    yield told
    driver.stop()


@pytest.mark.parametrize("state", [None, LEFT])
def test_a_guest_that_leaves_is_not_gone_before_its_end_is_told(host, told, state):
    assert told() == "ACTIVE"
    host.happens(libvirt.VIR_DOMAIN_EVENT_SUSPENDED, libvirt.VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED)
    host.state = state
    assert told() == "MIGRATING"
    host.happens(libvirt.VIR_DOMAIN_EVENT_STOPPED, libvirt.VIR_DOMAIN_EVENT_STOPPED_MIGRATED)
    assert told() == "MIGRATING"


@pytest.mark.parametrize("persistent", [True, False])
def test_a_paused_guest_that_left_is_moving_for_a_while(host, told, persistent, monkeypatch):
    """No event tells before its end; what is left of it is listed, maybe for ever."""
    host.state, host.persistent = PAUSED, persistent
    assert told() == "PAUSED"
    host.state = LEFT
    assert [told(), told()] == ["MIGRATING", "MIGRATING"]
    monkeypatch.setattr(libvirt_fates, "MOVE_TIME", 0.0)
    assert [told(), told()] == [None, None]
