"""Which pages may open a console: the check of the header Origin (RFC 6454) against ours."""

import dataclasses
from collections.abc import Iterable
from urllib.parse import urlsplit

from consoles.exception import BadRequest
from consoles.exception import OriginRefused

#: A page's scheme fits the URL that the token was made with, where that is a WebSocket's too.
SCHEMES = {"ws": {"ws", "http"}, "wss": {"wss", "https"}, "http": {"http"}, "https": {"https"}}


#: Bytes of the longest name there is.
MAX_HOST = 253


@dataclasses.dataclass(frozen=True)
class Origin:
    """A parsed Origin, Host or allowed origin; `port` is None where none is named."""

    scheme: str
    host: str
    port: int | None


def parse(value: str) -> Origin:
    """Raises OriginRefused for what no browser sends for a page of the web (`null` included)."""
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise OriginRefused("an Origin that cannot be read") from None
    if (not parts.hostname or not _is_name(parts.hostname) or parts.scheme not in SCHEMES
            or parts.username is not None
            or parts.path or parts.query or parts.fragment):
        raise OriginRefused("an Origin that cannot be read")
    return Origin(parts.scheme, _normal(parts.hostname), port)


def host_of(value: str) -> str:
    """The host of a Host header or of an allowed entry. Raises BadRequest."""
    return _authority(value).host


def check_host(origin: Origin, host: str, allowed: Iterable[str], base_url: str = "") -> None:
    """The Origin's host must be the request's own, that of `base_url`, or an allowed entry's.

    Ports count only for an entry that names one. Raises OriginRefused.
    """
    if origin.host == host_of(host):
        return
    if base_url and origin.host == _normal(urlsplit(base_url).hostname or ""):
        return
    for entry in map(_authority, allowed):
        if origin.host == entry.host and entry.port in (None, origin.port):
            return
    raise OriginRefused(f"Origin {origin.host} is not the host that was asked, "
                        f"nor in [console] allowed_origins")


def check_scheme(origin: Origin, base_url: str) -> None:
    """The Origin's scheme must fit the one the token was made with. Raises OriginRefused."""
    scheme = urlsplit(base_url).scheme.lower()
    if base_url and origin.scheme not in SCHEMES.get(scheme, {scheme}):
        raise OriginRefused(f"Origin has scheme {origin.scheme}, the console's URL {scheme}")


def _authority(value: str) -> Origin:
    try:
        parts = urlsplit("//" + value.strip())
        port = parts.port
    except ValueError:
        raise BadRequest("a Host that cannot be read") from None
    if (not parts.hostname or not _is_name(parts.hostname) or parts.username is not None
            or parts.path or parts.query):
        raise BadRequest("a Host that cannot be read")
    return Origin("", _normal(parts.hostname), port)


def _is_name(host: str) -> bool:
    """Names reach the log: only what a name or an address may be made of (RFC 1035, 3986)."""
    return len(host) <= MAX_HOST and host.isascii() and host.isprintable()


def _normal(host: str) -> str:
    return host.lower().removesuffix(".")
