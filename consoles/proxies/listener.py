"""The listening socket that all workers of a proxy share."""

import socket

from consoles import exception

BACKLOG = 1024


def listen(host: str, port: int, ipv6: bool = False) -> socket.socket:
    """`host` is an address, a name, or empty for all; `::` takes IPv4, too. Raises ConfigError.

    `ipv6` chooses among the addresses of a name that has both kinds.
    """
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM,
                                   flags=socket.AI_PASSIVE)
        family, *_, address = next(
            (entry for entry in found if entry[0] == socket.AF_INET6 and ipv6), found[0])
        return socket.create_server(
            address[:2], family=family, backlog=BACKLOG,
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6())
    except OSError as exc:
        raise exception.ConfigError(
            f"cannot listen on {host} port {port}: {exc.strerror or exc}. Is another service "
            "there? Change the *_host and *_port options of this proxy.") from exc
