"""Microversions as Nova's clients ask for them.

https://specs.openstack.org/openstack/api-wg/guidelines/microversion_specification.html: the
header names a service and a version of it; what nobody serves is a 406.
"""

import re

import falcon

MINIMUM = "2.1"
MAXIMUM = "2.1"

HEADER = "OpenStack-API-Version"
#: What clients sent before there was a header for all services.
OLD_HEADER = "X-OpenStack-Nova-API-Version"
SERVICE = "compute"
VERSION = re.compile(r"([1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})", re.ASCII)


class Negotiation:
    """Falcon middleware: 400 or 406 for what is not served, and what was served in the answer."""

    def __init__(self, public: frozenset[str]) -> None:
        self._public = public

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        if req.path in self._public:
            return
        resp.set_headers({HEADER: f"{SERVICE} {MAXIMUM}", OLD_HEADER: MAXIMUM,
                          "Vary": f"{HEADER}, {OLD_HEADER}"})
        check(_wanted(req))


def check(version: str | None) -> None:
    """Raises 400 for what is no version, 406 for one that is not served; None is the default."""
    if version is None or version == "latest":
        return
    match = VERSION.fullmatch(version)
    if match is None:
        raise falcon.HTTPBadRequest(
            description="The microversion must be of the form MAJOR.MINOR, or latest.")
    if not _pair(MINIMUM) <= _pair(version) <= _pair(MAXIMUM):
        raise falcon.HTTPNotAcceptable(
            description=f"Version {version} is not supported by the API. Minimum is {MINIMUM} "
                        f"and maximum is {MAXIMUM}.")


def _wanted(req: falcon.Request) -> str | None:
    """The version that is asked of us; those of other services in the same header do not count."""
    for entry in (req.get_header(HEADER) or "").split(","):
        service, _, version = entry.strip().partition(" ")
        if service.lower() == SERVICE:
            return version.strip()
    return req.get_header(OLD_HEADER)


def _pair(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
