"""The endpoints are what their clients say."""

import pytest

from consoles.consoleauth.inventory import InventoryEndpoint
from consoles.consoleauth.manager import ConsoleAuthManager
from consoles.consoleauth.sessions import SessionsEndpoint
from consoles.rpc.consoleauth import ConsoleAuth
from consoles.rpc.interface import declared
from consoles.rpc.inventory import Inventory
from consoles.rpc.sessions import Sessions


@pytest.mark.parametrize("endpoint, client", [
    (ConsoleAuthManager, ConsoleAuth), (SessionsEndpoint, Sessions),
    (InventoryEndpoint, Inventory)])
def test_an_endpoint_has_the_methods_of_its_client(endpoint, client):
    assert declared(endpoint) == declared(client)
