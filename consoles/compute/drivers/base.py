"""What a hypervisor must tell, and how its driver is found."""

import abc
from collections.abc import Callable
from typing import Any

import stevedore
from oslo_config import cfg
from stevedore import exception as stevedore_exception

from consoles import exception
from consoles import model
from consoles.compute.shape import LiveConsole

NAMESPACE = "consoles.compute.drivers"


class ConsoleDriver(abc.ABC):
    """One kind of hypervisor. Methods are called from several threads at a time and may block."""

    def __init__(self, conf: cfg.ConfigOpts, host: str) -> None:
        """`host` is the agent's name on the bus. Nothing is reached before `start`."""
        self.conf = conf
        self.host = host

    @abc.abstractmethod
    def start(self, changed: Callable[[], None]) -> None:
        """Reach the hypervisor; from now on call `changed` when instances came, went or changed.

        Raises ConfigError for what the operator must mend.
        """

    @abc.abstractmethod
    def stop(self) -> None:
        """Leave the hypervisor; within a second."""

    @abc.abstractmethod
    def list_instances(self) -> list[model.Instance]:
        """All instances on this host, running or not."""

    def reported(self) -> None:  # noqa: B027 -- most drivers need not know
        """The inventory has what list_instances answered last."""

    @abc.abstractmethod
    def get_console(self, instance_id: str, console_type: str,
                    options: dict[str, Any] | None = None) -> model.ConnectInfo:
        """Where the console is now, without `access_url_base`, which is not the hypervisor's.

        `options` are what the user asked for beside the type. Raises InstanceNotFound,
        InstanceNotReady, ConsoleTypeUnavailable; NotSupported for what no guest here can have.
        """

    def validate_console(self, instance_id: str, console_type: str, host: str,
                         port: int) -> model.ConnectInfo:
        """The same for a console that was said to be at host and port.

        Raises PortChanged when it is not there any more, and what get_console raises. A driver
        whose tickets are used once gives a fresh one with each answer.
        """
        info = self.get_console(instance_id, console_type)
        if (info.host, info.port) != (host, port):
            raise exception.PortChanged(
                f"the {console_type} console of {instance_id} is no longer at {host}:{port}")
        return info

    def live_consoles(self) -> list[LiveConsole]:
        """The console servers of running instances, as far as the hypervisor tells how they were
        started; what contradicts the configuration is told to the operator."""
        return []

    def get_console_output(self, instance_id: str, length: int | None) -> str:
        """The last `length` lines of the console log, all that is kept for None.

        Raises InstanceNotFound, InstanceNotReady, NoConsoleLog; NotSupported where nobody has any.
        """
        raise exception.NotSupported(f"{type(self).__name__} has no console logs")

    @abc.abstractmethod
    def release(self, details: dict[str, Any]) -> None:
        """Forget what is held for these connection details (`model.Details`, without token or
        ticket): a session, a ticket, a stream. May be repeated, also for an instance that is gone.
        """


def only_line(options: dict[str, Any] | None) -> None:
    """Of drivers that know of no line but the first. Raises ConsoleTypeUnavailable."""
    if (options or {}).get("line"):
        raise exception.ConsoleTypeUnavailable("no serial line but the first is known here")


def load(name: str, conf: cfg.ConfigOpts, host: str) -> ConsoleDriver:
    """The driver of that name. Raises ConfigError when there is none or it cannot be loaded."""
    try:
        loaded: Any = stevedore.DriverManager(NAMESPACE, name, invoke_on_load=True,
                                              invoke_args=(conf, host)).driver
        return loaded
    except stevedore_exception.NoMatches:
        known = ", ".join(sorted(stevedore.ExtensionManager(NAMESPACE).names()))
        raise exception.ConfigError(
            f"[compute] driver = {name}: no such driver, or a library that it needs is missing; "
            f"there are: {known}") from None
