"""What the `openstack` command asks of a plugin: its name, its options, and its API's client.

https://docs.openstack.org/python-openstackclient/latest/contributor/plugins.html
"""

import argparse
import contextlib

from keystoneauth1 import adapter
from keystoneauth1 import exceptions
from osc_lib import clientmanager
from osc_lib import utils

#: The client's name among those of the manager, and in the group of the commands.
API_NAME = "console"
API_VERSION_OPTION = "os_console_api_version"
#: Of the commands; the requests that they make are the same at every microversion.
DEFAULT_API_VERSION = "1"
API_VERSIONS = ("1",)
#: What a catalog has this API as: beside Nova's, or as its compute service.
SERVICE_TYPES = ("console", "compute")


def make_client(instance: clientmanager.ClientManager) -> adapter.Adapter:
    """→ what sends requests to the API, with the user's token. Raises EndpointNotFound."""
    connection = instance.sdk_connection
    config = connection.config
    for service_type in SERVICE_TYPES:
        client = adapter.Adapter(
            connection.session, service_type=service_type,
            interface=config.get_interface(service_type),
            region_name=config.get_region_name(service_type),
            endpoint_override=config.get_endpoint(service_type), raise_exc=False)
        with contextlib.suppress(exceptions.EndpointNotFound):
            if client.get_endpoint():
                return client
    raise exceptions.EndpointNotFound(
        f"The catalog has no service of type {' or '.join(SERVICE_TYPES)}.")


def client(manager: clientmanager.ClientManager) -> adapter.Adapter:
    """→ what `make_client` has made, which the loader puts where no type shows it."""
    return getattr(manager, API_NAME)


def build_option_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        "--os-console-api-version", metavar="<console-api-version>",
        default=utils.env("OS_CONSOLE_API_VERSION"),
        help=f"Console API version, default={DEFAULT_API_VERSION} (Env: OS_CONSOLE_API_VERSION)")
    return parser
