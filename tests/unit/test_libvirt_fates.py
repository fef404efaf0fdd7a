"""What is known of domains that ended, without any libvirt."""

import libvirt

from consoles import exception
from consoles.compute.drivers.libvirt_fates import Fates

STOPPED = libvirt.VIR_DOMAIN_EVENT_STOPPED, libvirt.VIR_DOMAIN_EVENT_STOPPED_DESTROYED


def test_a_stop_is_told_until_it_has_arrived():
    fates = Fates()
    fates.happened("a", *STOPPED)
    assert [fates.stopped({"a": 1}) for _ in range(2)] == [{"a"}, {"a"}]
    fates.told()
    assert fates.stopped({"a": 1}) == set()


def test_a_stop_while_another_is_being_told_is_told_too():
    fates = Fates()
    fates.happened("a", *STOPPED)
    fates.stopped({"a": 1})
    fates.happened("a", *STOPPED)
    fates.told()
    assert fates.stopped({"a": 1}) == {"a"}


def test_a_report_without_libvirt_tells_of_no_stop():
    fates = Fates()
    fates.happened("a", *STOPPED)
    fates.stopped({"a": 1})
    fates.put_back(fates.take())  # the next list, for which libvirt did not answer
    fates.told()
    assert fates.stopped({"a": 1}) == {"a"}


def test_another_life_is_a_stop_that_nobody_saw():
    fates = Fates()
    fates.stopped({"a": 1, "b": 2, "gone": 3})
    fates.told()
    assert fates.stopped({"a": 1, "b": 4, "new": 5}) == {"b"}
    fates.told()
    assert fates.stopped({"a": 1, "b": 4, "gone": 6}) == set()  # it was told to be off


def test_a_guest_that_is_leaving_has_moved_before_its_end_is_told():
    """Its console ends while libvirt still puts the rest away, and says nothing."""
    fates = Fates()
    fates.happened("a", libvirt.VIR_DOMAIN_EVENT_SUSPENDED,
                   libvirt.VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED)
    fates.happened("a", libvirt.VIR_DOMAIN_EVENT_SHUTDOWN, 0)
    assert isinstance(fates.end("a"), exception.InstanceMoving)
    assert fates.moving() == {"a"}
    fates.happened("a", libvirt.VIR_DOMAIN_EVENT_RESUMED, 0)  # it could not go
    assert fates.moving() == set()
    assert isinstance(fates.end("a"), exception.InstanceNotReady)
    fates.happened("a", libvirt.VIR_DOMAIN_EVENT_SUSPENDED,
                   libvirt.VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED)
    fates.happened("a", libvirt.VIR_DOMAIN_EVENT_STOPPED,
                   libvirt.VIR_DOMAIN_EVENT_STOPPED_CRASHED)
    assert isinstance(fates.end("a"), exception.InstanceNotReady)
