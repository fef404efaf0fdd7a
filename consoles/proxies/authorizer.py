"""The door between data plane and bus: may this request open this console?"""

from collections.abc import Sequence

from consoles import exception
from consoles import model
from consoles.context import RequestContext
from consoles.proxies.frontends.frontend import Frontend
from consoles.proxies.frontends.request import Request
from consoles.rpc.consoleauth import ConsoleAuth
from consoles.rpc.consoleauth import is_nova_token
from consoles.wire import origin


class Authorizer:
    """Asks consoleauth; refuses what can be refused without asking."""

    def __init__(self, consoleauth: ConsoleAuth, allowed_origins: Sequence[str],
                 base_url: str, nova_tokens: bool = False) -> None:
        """`nova_tokens`: consoleauth gets what looks like a token of Nova's itself."""
        self._consoleauth = consoleauth
        self._allowed_origins = tuple(allowed_origins)
        self._base_url = base_url
        self._nova_tokens = nova_tokens

    def check(self, frontend: Frontend) -> None:
        """What needs no question: a rightful request, of a page that may.

        Raises BadRequest, OriginRefused.
        """
        request = frontend.request
        page = request.origin
        if page is not None:
            origin.check_host(page, request.forwarded_host or request.host, self._allowed_origins,
                              self._base_url)
        frontend.check()

    async def authorize(self, context: RequestContext, token: str,
                        session: model.SessionRequest) -> model.Details:
        """→ where the console is. Claims the token; raises what consoleauth raises.

        Raises InvalidToken when nothing is claimed, because there is no such token.
        """
        if not token:
            raise exception.InvalidToken("no token")
        nova_token = token if self._nova_tokens and is_nova_token(token) else None
        answer = await self._consoleauth.get_connection_details(
            context, token, session.to_dict(), nova_token)
        if answer is None:
            raise exception.InvalidToken("unknown or expired token")
        return model.Details.from_dict(answer)

    def check_scheme(self, request: Request, details: model.Details) -> None:
        """Raises OriginRefused for a page of another scheme than the console's URL."""
        page = request.origin
        if page is not None:
            origin.check_scheme(page, details.access_url_base)
