"""All domains, and the status of an instance by the state of its domain and the reason of that."""

import functools
from collections.abc import Callable
from typing import Any

import libvirt

from consoles import exception
from consoles.compute.drivers import libvirt_xml
from consoles.compute.drivers.libvirt_xml import Domain

#: Domains with their statuses, by id.
Found = dict[str, tuple[Domain, str]]
#: Connection.call.
Call = Callable[..., Any]
#: Seconds for what asks about all domains; in the thread that reports.
LIST_TIMEOUT = 30.0
#: Not here any more: its definition is what a migration left behind.
ELSEWHERE = "ELSEWHERE"
#: What libvirt's handles have for the life of a domain that is off.
OFF = -1

#: All of these have their consoles, but the last one. What is paused can be looked at, also where
#: the guest put itself to sleep or has crashed and is kept for inspection.
_BY_STATE = {
    libvirt.VIR_DOMAIN_NOSTATE: "ACTIVE",
    libvirt.VIR_DOMAIN_RUNNING: "ACTIVE",
    libvirt.VIR_DOMAIN_BLOCKED: "ACTIVE",
    libvirt.VIR_DOMAIN_SHUTDOWN: "ACTIVE",
    libvirt.VIR_DOMAIN_PAUSED: "PAUSED",
    libvirt.VIR_DOMAIN_PMSUSPENDED: "PAUSED",
    libvirt.VIR_DOMAIN_CRASHED: "PAUSED",
    libvirt.VIR_DOMAIN_SHUTOFF: "SHUTOFF",
}
_BY_REASON = {
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_MIGRATION): "MIGRATING",
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SAVED): "SUSPENDED",
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_MIGRATED): ELSEWHERE,
}


def of(state: int, reason: int) -> str:
    return _BY_REASON.get((state, reason)) or _BY_STATE.get(state, "ERROR")


def look_up(connection: Any, id: str) -> Domain:
    """As it is now. Raises libvirtError."""
    handle = connection.lookupByUUIDString(id)
    return libvirt_xml.parse(handle.XMLDesc(), persistent=bool(handle.isPersistent()))


def scan(call: Call, known: dict[str, Domain]) -> Found:
    """One question for all, and those of a look-up for each that is not among the `known` or began
    anew, a `call` of its own with a deadline of its own. Of a domain without a definition nothing
    is left once it stops, though libvirt may need a while."""
    found = {}
    for id, life, state, reason in call(_states, timeout=LIST_TIMEOUT):
        domain = known.get(id)
        if domain is None or (domain.life or OFF) != life:
            try:
                domain = call(functools.partial(look_up, id=id), id, LIST_TIMEOUT)
            except exception.InstanceNotFound:
                continue  # it went in between
        status = of(state, reason)
        if domain.persistent or status == ELSEWHERE or state != libvirt.VIR_DOMAIN_SHUTOFF:
            found[id] = domain, status
    return found


def active(call: Call) -> list[Domain]:
    """Those that run, as they are now."""
    return [domain for domain, _ in scan(call, {}).values() if domain.active]


def _states(connection: Any) -> list[tuple[str, int, int, int]]:
    """→ each domain's id, its life, its state and the reason of that."""
    return [(handle.UUIDString(), handle.ID(), stats["state.state"], stats["state.reason"])
            for handle, stats in connection.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE)]
