"""What a URL of the API leads to: which type of console, spoken how, at which address."""

import dataclasses
import json
import re
from urllib.parse import parse_qs
from urllib.parse import quote
from urllib.parse import SplitResult
from urllib.parse import urlunsplit

from consoles.client import reach
from consoles.client.reach import BadUrl
from consoles.model import ConsoleType

#: How pages and paths are named where the operator has left them as they come.
NAMES = (
    (r"vnc[^/]*\.html$", ConsoleType.NOVNC),
    (r"spice[^/]*\.html$", ConsoleType.SPICE_HTML5),
    (r"/console$", ConsoleType.XVPVNC),
    (r"/nova$", ConsoleType.SPICE_DIRECT),
    (r"^/?$", ConsoleType.WEBMKS),
)
#: What a native viewer speaks, by the type; the other types are not for one.
VIEWERS = {
    ConsoleType.NOVNC: "vnc",
    ConsoleType.XVPVNC: "vnc",
    ConsoleType.WEBMKS: "vnc",
    ConsoleType.SPICE_HTML5: "spice",
    ConsoleType.SPICE_DIRECT: "spice",
}
_WHAT = "a console; it begins with http://, https://, ws:// or wss://"


@dataclasses.dataclass(frozen=True)
class Place:
    """`viewer` is `vnc` or `spice`. `url` is a WebSocket's; for xvpvnc and spice-direct, HTTP's."""

    type: ConsoleType
    viewer: str
    url: str = dataclasses.field(repr=False)
    origin: str = ""


def parse(text: str, type_: str | None = None) -> Place:
    """From a URL, or from the API's answer in JSON, which has the type too. Raises BadUrl."""
    url, answered = unwrap(text)
    parts = reach.split(url, _WHAT)
    kind = _known(type_ or answered) or _guess(parts)
    if kind is None:
        raise BadUrl("The URL does not show which type of console it is of; say it with --type.")
    if kind == ConsoleType.SERIAL:
        raise BadUrl("This is a serial console: consoles-serial opens it.")
    if kind not in VIEWERS:
        raise BadUrl(f"No viewer can be connected with a console of type {kind}.")
    return Place(kind, VIEWERS[kind], *_address(parts, kind))


def unwrap(text: str) -> tuple[str, str | None]:
    """→ the URL alone, and its type where the API's answer in JSON says it. Raises BadUrl."""
    if not text.lstrip().startswith("{"):
        return text, None
    try:
        answer = json.loads(text)
        answer = answer.get("remote_console") or answer.get("console") or answer
        return str(answer["url"]), answer.get("type")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise BadUrl("This JSON is no answer with the URL of a console.") from None


def _known(name: str | None) -> ConsoleType | None:
    return ConsoleType(name) if name in list(ConsoleType) else None


def _guess(parts: SplitResult) -> ConsoleType | None:
    if _inner_path(parts) is not None:
        return ConsoleType.NOVNC
    if parts.scheme in ("ws", "wss"):
        return ConsoleType.SERIAL
    return next((kind for pattern, kind in NAMES if re.search(pattern, parts.path)), None)


def _address(parts: SplitResult, kind: ConsoleType) -> tuple[str, str]:
    """→ URL and origin. A WebSocket is where the proxy's page would open it."""
    scheme = reach.SCHEMES[parts.scheme]
    secure = scheme == "wss"
    page = "https" if secure else "http"
    path, query = parts.path or "/", parts.query
    if kind in (ConsoleType.XVPVNC, ConsoleType.SPICE_DIRECT):
        scheme = page
    elif (inner := _inner_path(parts)) is not None:
        place, _, query = inner.partition("?")
        path = "/" + quote(place.lstrip("/"), safe="/%:@+") if place else _directory(path)
        query = quote(query, safe="=&%/:@+-._~")
    else:
        path = _directory(path)
    return urlunsplit((scheme, parts.netloc, path, query, "")), f"{page}://{parts.netloc}"


def _directory(path: str) -> str:
    return path.rpartition("/")[0] + "/"


def _inner_path(parts: SplitResult) -> str | None:
    """noVNC's `path`, when it is where the token is."""
    for path in parse_qs(parts.query).get("path", []):
        if parse_qs(path.partition("?")[2]).get("token"):
            return path
    return None
