"""An HTTP request as websockify understands it, read from bytes and answered in bytes.

websockify's request handler and WebSocket handshake, without its server: what came is handed in,
what it would send is handed out.
"""

import io
import re
from http import HTTPStatus
from urllib.parse import parse_qs
from urllib.parse import SplitResult
from urllib.parse import urlsplit

from websockify.websocketserver import HttpWebSocket
from websockify.websocketserver import WebSocketRequestHandler

from consoles import exception
from consoles.wire import origin

MAX_LINE = 8192
MAX_HEAD = 65536
SUBPROTOCOL = "binary"
_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")


class UpgradeRequired(exception.BadRequest):
    """The client's WebSocket version is not ours (RFC 6455, section 4.4)."""

    http_status = HTTPStatus.UPGRADE_REQUIRED


class UriTooLong(exception.BadRequest):
    """The request line is longer than any URL of ours."""

    http_status = HTTPStatus.REQUEST_URI_TOO_LONG


class HeadTooLarge(exception.BadRequest):
    """A header's line, their number or all of them together are over the limit (RFC 6585)."""

    http_status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class _WebSocket(HttpWebSocket):
    """Chooses `binary` wherever it is offered; websockify does not trim the offers."""

    def select_subprotocol(self, protocols: list[str]) -> str:
        return next((p for p in protocols if p.strip() == SUBPROTOCOL), "")


class Request(WebSocketRequestHandler):
    """A parsed head. Raises BadRequest for what is not HTTP as clients of consoles speak it."""

    protocol_version = "HTTP/1.1"
    server_version = "consoles"
    sys_version = ""

    def __init__(self, head: bytes) -> None:
        line, _, headers = head.partition(b"\r\n")
        if len(line) > MAX_LINE:
            raise UriTooLong("the request line is too long")
        if any(len(header) > MAX_LINE for header in headers.split(b"\r\n")):
            raise HeadTooLarge("a header is too long")
        if b"\0" in head or re.search(rb"[^\r]\n|\r[^\n]|\r\n[ \t]", head):
            raise exception.BadRequest("the head has characters that no head may have")
        self.raw_requestline = line + b"\r\n"
        self.rfile = io.BytesIO(headers)
        self.wfile = io.BytesIO()
        self.request = None
        self.client_address = ("", 0)
        self.requestline = ""
        self._error = 0
        if not self.parse_request():
            raise (HeadTooLarge("too many headers")
                   if self._error == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
                   else exception.BadRequest("the request cannot be parsed"))
        if self.has_body:
            if self.command in ("GET", "HEAD"):
                raise exception.BadRequest("a body where none belongs")
            self.close_connection = True  # it is not read
        self.url = _split(_one_slash(self.path))
        self.forwarded_host: str | None = None  # what a trusted balancer was asked for

    # -- what was asked --------------------------------------------------------------------------

    @property
    def is_upgrade(self) -> bool:
        return self.headers.get("Upgrade", "").lower() == "websocket"

    @property
    def has_body(self) -> bool:
        """Whether something is announced behind the head, or said about it that is not clear."""
        lengths = self.headers.get_all("Content-Length", ["0"])
        return "Transfer-Encoding" in self.headers or lengths != ["0"]

    @property
    def keeps_alive(self) -> bool:
        return not self.close_connection

    @property
    def host(self) -> str:
        """The host that the browser asked for, checked: `forwarded_host`, else Host.

        Raises BadRequest when Host is missing or twice, and when either is not a host.
        """
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1:
            raise exception.BadRequest("exactly one Host is needed")
        if self.forwarded_host is not None:
            hosts.append(self.forwarded_host)
        for host in hosts:
            if not host.isascii():
                raise exception.BadRequest("a Host that is not ASCII")
            origin.host_of(host)
        return hosts[-1]

    @property
    def origin(self) -> origin.Origin | None:
        """None for a client that is no browser. Raises OriginRefused."""
        origins = self.headers.get_all("Origin", [])
        if not origins:
            return None
        if len(origins) > 1:
            raise exception.OriginRefused("more than one Origin")
        return origin.parse(origins[0])

    @property
    def token(self) -> str:
        """From the query (the last one counts), from a `path` in it (noVNC), or from the cookie.

        An empty one in the query is one: no cookie of another console takes its place.
        """
        if self.query_token is not None:
            return self.query_token
        for path in parse_qs(self.url.query, keep_blank_values=True).get("path", []):
            token = _token(_split(path))
            if token is not None:
                return token
        return self._cookie("token")

    @property
    def query_token(self) -> str | None:
        return _token(self.url)

    @property
    def takes_over(self) -> bool:
        """Whether it asks to end the session of who has the console: `takeover=1` in the query."""
        return parse_qs(self.url.query).get("takeover", [""])[-1] in ("1", "true")

    def _cookie(self, name: str) -> str:
        """By hand: http.cookies takes seconds over quotes that nobody sends in good faith."""
        for part in ";".join(self.headers.get_all("Cookie", [])).split(";"):
            key, _, value = part.partition("=")
            if key.strip() == name:
                return value.strip().strip('"')
        return ""

    # -- the answer ------------------------------------------------------------------------------

    def check_upgrade(self) -> None:
        """Raises BadRequest for what RFC 6455, section 4.2.1, does not let pass."""
        if self.command != "GET" or self.request_version != "HTTP/1.1":
            raise exception.BadRequest("an upgrade is GET with HTTP/1.1")
        if "upgrade" not in re.split(r"\s*,\s*", self.headers.get("Connection", "").lower()):
            raise exception.BadRequest("Connection does not say Upgrade")
        if self.headers.get("Sec-WebSocket-Version") != "13":
            raise UpgradeRequired("only version 13 of WebSocket is spoken")
        keys = self.headers.get_all("Sec-WebSocket-Key", [])
        if len(keys) != 1 or not _KEY.fullmatch(keys[0].strip()):
            raise exception.BadRequest("Sec-WebSocket-Key is not 16 bytes in base64")
        offers = self.headers.get("Sec-WebSocket-Protocol")
        if offers and SUBPROTOCOL not in re.split(r"\s*,\s*", offers.strip()):
            raise exception.BadRequest("of the subprotocols only `binary` is spoken")

    def upgrade(self) -> bytes:
        """→ websockify's 101 for a request that `check_upgrade` lets pass."""
        _WebSocket(self).accept(None, self.headers)
        return self.wfile.getvalue()

    def answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> bytes:
        """→ a whole response; HEAD and 304 get the head of it."""
        self.send_response_only(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        bare = self.command == "HEAD" or status == HTTPStatus.NOT_MODIFIED
        return self.wfile.getvalue() + (b"" if bare else body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Called by parse_request: whoever made us answers, by the table of refusals."""
        self._error = code

    def log_message(self, format: str, *args: object) -> None:
        """Said nowhere: a request's path has the token."""


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        raise exception.BadRequest("the URL cannot be read") from None


def _token(url: SplitResult) -> str | None:
    tokens = parse_qs(url.query, keep_blank_values=True).get("token")
    return tokens[-1] if tokens else None


def _one_slash(path: str) -> str:
    """urlsplit takes what follows `//` for a host."""
    return "/" + path.lstrip("/") if path.startswith("//") else path


def refusal(exc: exception.ConsolesError) -> bytes:
    """A response with an empty body for a connection that ends with it."""
    status = HTTPStatus(exc.http_status)
    extra = f"Retry-After: {exc.retry_after}\r\n" if exc.retry_after else ""
    if isinstance(exc, UpgradeRequired):
        extra += "Sec-WebSocket-Version: 13\r\n"
    return (f"HTTP/1.1 {status.value} {status.phrase}\r\n{extra}"
            f"Content-Length: 0\r\nConnection: close\r\n\r\n").encode()
