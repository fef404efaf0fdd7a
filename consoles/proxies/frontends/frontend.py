"""What a proxy's server and a session need of the code that faces the client."""

import dataclasses
from typing import Any
from typing import Protocol

from consoles import exception
from consoles.proxies.frontends.request import Request
from consoles.relay.relay import End
from consoles.stream.connection import Connection
from consoles.wire.ops import Op


@dataclasses.dataclass(frozen=True)
class Terms:
    """What clients may send: bytes a message, and whether text frames count like binary ones."""

    max_message_size: int
    text: bool = False


class Frontend(Protocol):
    """One request for a session: accepted or refused; then a stream for handshakes."""

    request: Request

    def __init__(self, connection: Connection, request: Request, terms: Terms) -> None: ...

    @staticmethod
    def claims(request: Request) -> bool:
        """Whether the request is for a session, not for a page."""

    @property
    def token(self) -> str:
        """Empty when there is none."""

    def check(self) -> None:
        """What can be said without a question. Raises BadRequest."""

    def accept(self) -> None:
        """Tell the client that the session is open."""

    def reject(self, exc: exception.ConsolesError) -> None:
        """Tell the client why not, and close."""

    async def perform(self, op: Op) -> Any: ...

    def detach(self) -> End:
        """Hand over to the relay."""
