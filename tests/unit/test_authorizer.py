"""What of a token a proxy tells consoleauth."""

import asyncio
import uuid

import pytest

from consoles import model
from consoles.context import RequestContext
from consoles.proxies.authorizer import Authorizer
from consoles.rpc.consoleauth import ConsoleAuth

NOVAS = str(uuid.NAMESPACE_DNS)
OURS = "QI25C7S0lNNe6fO6IA37JgEPelDcvbplx6URb9Z1ZqI"
SESSION = model.SessionRequest(id="s", worker="w", kind="novnc", client_address="192.0.2.1")
DETAILS = {"instance_id": "i", "console_type": "novnc", "host": "h", "port": 1}


def told(token, **configured):
    """→ the arguments as they get on the bus."""
    calls = []

    async def caller(interface, server, context, method, arguments):
        calls.append(arguments)
        return DETAILS

    authorizer = Authorizer(ConsoleAuth(caller), (), "http://c.example/", **configured)
    asyncio.run(authorizer.authorize(RequestContext(), token, SESSION))
    return calls[0]


@pytest.mark.parametrize(("token", "configured"), [
    (OURS, {}), (OURS, {"nova_tokens": True}), (NOVAS, {}),
    (NOVAS.upper(), {"nova_tokens": True}), (NOVAS + "\n", {"nova_tokens": True})])
def test_a_token_leaves_the_proxy_as_its_hash_only(token, configured):
    assert told(token, **configured) == {"token": model.token_hash(token),
                                         "session": SESSION.to_dict()}


def test_a_token_that_nova_is_to_be_asked_about_leaves_it_as_it_is():
    assert told(NOVAS, nova_tokens=True) == {
        "token": model.token_hash(NOVAS), "session": SESSION.to_dict(), "nova_token": NOVAS}
