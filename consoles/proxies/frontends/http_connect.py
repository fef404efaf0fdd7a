"""The native viewer's side while a session opens: its HTTP CONNECT, the 200, then bare RFB.

`CONNECT /console?token=T`, as the viewers of XenServer's time send it; any other verb will do,
with HTTP/1.0 or 1.1, with Host or without.
"""

from typing import Any

from consoles import exception
from consoles.proxies import health
from consoles.proxies.frontends import request as http
from consoles.proxies.frontends.frontend import Terms
from consoles.proxies.reached import Plain
from consoles.relay.relay import End
from consoles.stream.connection import Connection
from consoles.wire.ops import Op

#: Nothing more: viewers wait for the empty line, and what follows is the guest's.
ACCEPTED = b"HTTP/1.1 200 OK\r\n\r\n"


class HttpConnectFrontend:
    """Accepts or refuses one request; then the connection itself is the stream."""

    def __init__(self, connection: Connection, request: http.Request, terms: Terms) -> None:
        self.request = request
        self._connection = connection
        self._accepted = False

    @staticmethod
    def claims(request: http.Request) -> bool:
        """Everything: there are no pages. But a balancer may ask for the proxy's health."""
        return (request.command not in health.METHODS
                or request.path.partition("?")[0] != health.PATH)

    @property
    def token(self) -> str:
        """From the query only: a cookie is sent by whatever page makes the browser ask."""
        return self.request.query_token or ""

    def check(self) -> None:
        if self.request.request_version not in ("HTTP/1.0", "HTTP/1.1"):
            raise exception.BadRequest("neither HTTP/1.0 nor HTTP/1.1")
        if self.request.has_body:
            raise exception.BadRequest("a body where RFB begins")
        if not self.token:
            raise exception.BadRequest("no token in the query")

    def accept(self) -> None:
        self._connection.write(ACCEPTED)
        self._accepted = True

    def reject(self, exc: exception.ConsolesError) -> None:
        """An HTTP status and no body. Behind the 200 the bytes are RFB's: just the end."""
        if self._connection.ended:
            self._connection.abort()
            return
        if not self._accepted:
            self._connection.write(http.refusal(exc))
        self._connection.close()

    async def perform(self, op: Op) -> Any:
        return await self._connection.perform(op)

    def detach(self) -> End:
        return Plain(self._connection).detach()
