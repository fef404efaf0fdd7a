"""All domains, and the status of an instance by the state of its domain and the reason of that."""

from typing import Any

import libvirt

from consoles.compute.drivers import libvirt_xml
from consoles.compute.drivers.libvirt_xml import Domain

#: Domains with their statuses, by id.
Found = dict[str, tuple[Domain, str]]
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


def read(handle: Any) -> Domain:
    """Raises libvirtError."""
    return libvirt_xml.parse(handle.XMLDesc(), persistent=bool(handle.isPersistent()))


def scan(connection: Any, known: dict[str, Domain]) -> Found:
    """One question for all, two more for each that is not among the `known` or began anew. Of a
    domain without a definition nothing is left once it stops, though libvirt may need a while."""
    found = {}
    for handle, stats in connection.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE):
        id = handle.UUIDString()
        try:
            domain = known.get(id)
            if domain is None or (domain.life or OFF) != handle.ID():
                domain = read(handle)
        except libvirt.libvirtError as exc:
            if exc.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                raise
            continue  # it went in between
        if domain.persistent or stats["state.state"] != libvirt.VIR_DOMAIN_SHUTOFF:
            found[id] = domain, of(stats["state.state"], stats["state.reason"])
    return found


def active(connection: Any) -> list[Domain]:
    """Those that run, as they are now."""
    return [domain for domain, _ in scan(connection, {}).values() if domain.active]
