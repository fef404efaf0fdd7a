"""What consoles asks Nova, and what its refusals mean.

Compute API reference, "Server Consoles" and "Servers"; every question needs an administrator.
"""

import contextlib
import dataclasses
import logging
from collections.abc import Iterator
from typing import Any

from keystoneauth1 import exceptions as keystone_errors

from consoles import exception
from consoles import model
from consoles.nova import connection
from consoles.wire import access_url

LOG = logging.getLogger(__name__)

#: The newest microversion that is understood (2.99: the `tls_port` of spice-direct), and the
#: first with which Nova looks up tokens of all types.
NEWEST, OLDEST = "2.99", (2, 31)
REFUSALS: dict[int, type[exception.ConsolesError]] = {
    400: exception.ConsoleTypeUnavailable,
    404: exception.InstanceNotFound,
    409: exception.InstanceNotReady,
    501: exception.NotSupported,
}
WHAT_TO_DO = {
    401: "check the username and password in [nova]",
    403: "the user in [nova] needs the role admin in its project",
    406: "it must know microversion 2.31",
}


@dataclasses.dataclass(frozen=True)
class Place:
    """Where Nova says that a console is; 0 and less: the guest has it, and does not run."""

    instance_id: str
    host: str
    port: int
    tls_port: int | None = None
    #: It may hold a hypervisor's ticket.
    internal_access_path: str | None = dataclasses.field(default=None, repr=False)


class Nova:
    """Questions block, at most as long as the connection's timeouts; they may come from several
    threads at a time. Beside what is said there, each raises NovaUnavailable."""

    def __init__(self, opened: Any) -> None:
        """`opened`: what `connection.connect` answers."""
        self._connection = opened

    def servers(self, host: str | None = None) -> list[Any]:
        """openstacksdk's `Server` of each that is on this host, of all projects."""
        query = {"compute_host": host} if host else {}
        with _asking("list servers"):
            return list(self._connection.compute.servers(details=True, all_projects=True, **query))

    def server(self, id: str) -> Any:
        """openstacksdk's `Server`. Raises InstanceNotFound."""
        with _asking(f"show server {id}"):
            return self._connection.compute.get_server(id)

    def output(self, id: str, length: int | None) -> str:
        """Lines of the console log. Raises InstanceNotFound, InstanceNotReady, NotSupported."""
        with _asking(f"show the console log of {id}"):
            return str(self._connection.compute.get_server_console_output(id, length)["output"])

    def place(self, id: str, console_type: str) -> Place:
        """Where a server's console is now: Nova makes a token, and is asked what it leads to.

        Raises InstanceNotFound, InstanceNotReady, ConsoleTypeUnavailable, NotSupported.
        """
        console = {"protocol": model.PROTOCOLS[model.ConsoleType(console_type)],
                   "type": console_type}
        with _asking(f"open the {console_type} console of {id}"):
            answer = self._connection.compute.post(
                f"/servers/{id}/remote-consoles", json={"remote_console": console}, log=False,
                microversion=self._microversion())
            _check(answer)
            token = access_url.token_in(answer.json()["remote_console"]["url"])
        place = self.lookup(token) if token else None
        if place is None:
            raise exception.NovaUnavailable(f"Nova does not know its own token for {id}")
        return place

    def lookup(self, token: str) -> Place | None:
        """What a token leads to, None when it is unknown or expired.

        The token is part of the request's URL, so neither the request may be logged (`log=False`)
        nor the text of its errors, as keystoneauth would before it tries again.
        """
        try:
            with _asking("look up a token", secret=token):
                answer = self._connection.compute.get(
                    connection.TOKENS + token, log=False, connect_retries=0,
                    microversion=self._microversion())
                _check(answer)
                found = answer.json()["console"]
                return Place(str(found["instance_uuid"]), str(found["host"]), int(found["port"]),
                             found.get("tls_port"), found.get("internal_access_path"))
        except exception.InstanceNotFound:
            return None

    def _microversion(self) -> str:
        from openstack import utils
        version: str | None = utils.maximum_supported_microversion(self._connection.compute, NEWEST)
        if version is None:
            raise exception.NovaUnavailable("Nova does not say which versions it has")
        if tuple(map(int, version.split("."))) < OLDEST:
            raise keystone_errors.NotAcceptable(f"microversion {version}")
        return version


def _check(answer: Any) -> None:
    from openstack import exceptions
    exceptions.raise_from_response(answer)


@contextlib.contextmanager
def _asking(what: str, secret: str = "") -> Iterator[None]:
    """Errors of the libraries become ours; what the operator must mend is logged as well."""
    from openstack import exceptions as sdk_errors
    try:
        yield
    except (sdk_errors.SDKException, keystone_errors.ClientException) as exc:
        status = getattr(exc, "status_code", None) or getattr(exc, "http_status", None)
        if status in REFUSALS:
            raise REFUSALS[status](f"Nova answers {status} to: {what}") from None
        text = f"{type(exc).__name__}: {exc}"
        text = text.replace(secret, "***") if secret else text
        if status in WHAT_TO_DO:
            LOG.error("Nova does not let this service %s (%s): %s", what, text,
                      WHAT_TO_DO[status])
        raise exception.NovaUnavailable(f"cannot {what} ({text})") from None
    except (KeyError, TypeError, ValueError) as exc:
        raise exception.NovaUnavailable(
            f"Nova's answer is not understood, to: {what} ({type(exc).__name__})") from None
