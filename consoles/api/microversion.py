"""Microversions as Nova's clients ask for them.

https://specs.openstack.org/openstack/api-wg/guidelines/microversion_specification.html: the
header names a service and a version of it; what nobody serves is a 406.
"""

import re

import falcon

Version = tuple[int, int]

FIRST: Version = (2, 1)
#: `remote-consoles`, for which the actions of each kind of console went.
REMOTE_CONSOLES: Version = (2, 6)
WEBMKS: Version = (2, 8)
#: Tokens of any type of console can be looked up.
ANY_TOKEN: Version = (2, 31)
SPICE_DIRECT: Version = (2, 99)
LAST = SPICE_DIRECT

HEADER = "OpenStack-API-Version"
#: What clients sent before there was a header for all services.
OLD_HEADER = "X-OpenStack-Nova-API-Version"
SERVICE = "compute"
VERSION = re.compile(r"([1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})", re.ASCII)


class Negotiation:
    """Falcon middleware: `req.context.version`, and what was served in the answer.

    Raises 400 or 406 for what is not served; the answer then names no version.
    """

    def __init__(self, public: frozenset[str]) -> None:
        self._public = public

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        if req.path in self._public:
            return
        resp.set_header("Vary", f"{HEADER}, {OLD_HEADER}")
        version = parse(_wanted(req))
        req.context.version = version
        resp.set_headers({HEADER: f"{SERVICE} {text(version)}", OLD_HEADER: text(version)})


def parse(version: str | None) -> Version:
    """Raises 400 for what is no version, 406 for one that is not served; None is the first."""
    if version is None:
        return FIRST
    if version == "latest":
        return LAST
    match = VERSION.fullmatch(version)
    if match is None:
        raise falcon.HTTPBadRequest(
            description="The microversion must be of the form MAJOR.MINOR, or latest.")
    wanted = int(match[1]), int(match[2])
    if not FIRST <= wanted <= LAST:
        raise falcon.HTTPNotAcceptable(
            description=f"Version {version} is not supported by the API. Minimum is "
                        f"{text(FIRST)} and maximum is {text(LAST)}.")
    return wanted


def text(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


def _wanted(req: falcon.Request) -> str | None:
    """The version that is asked of us; those of other services in the same header do not count."""
    for entry in (req.get_header(HEADER) or "").split(","):
        service, _, version = entry.strip().partition(" ")
        if service.lower() == SERVICE:
            return version.strip()
    return req.get_header(OLD_HEADER)
