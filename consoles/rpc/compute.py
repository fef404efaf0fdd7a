"""compute: where a console is; served by the agent of each hypervisor, under its host's name."""

from typing import Any

from consoles import exception
from consoles.context import RequestContext
from consoles.rpc.interface import Client
from consoles.rpc.interface import Interface


class Compute(Client):
    """Ask the agent `at(host)`."""

    interface = Interface("consoles-compute", "1.0", exception.AgentUnavailable)

    def get_console(self, context: RequestContext, instance_id: str, console_type: str,
                    options: dict[str, Any] | None = None) -> Any:
        """→ a `model.ConnectInfo` dictionary.

        Raises InstanceNotFound, InstanceNotReady, ConsoleTypeUnavailable.
        """
        return self._call(context, "get_console", instance_id=instance_id,
                          console_type=console_type, options=options)

    def validate_console(self, context: RequestContext, instance_id: str, console_type: str,
                         host: str, port: int) -> Any:
        """→ the ConnectInfo of now, with a fresh ticket where tickets are used once.

        Raises PortChanged when the console is no longer at host and port, InstanceNotFound,
        InstanceNotReady.
        """
        return self._call(context, "validate_console", instance_id=instance_id,
                          console_type=console_type, host=host, port=port)

    def get_console_output(self, context: RequestContext, instance_id: str,
                           length: int | None = None) -> Any:
        """→ the last `length` lines of the console log, all that are kept for None.

        Raises InstanceNotFound, InstanceNotReady, NoConsoleLog, NotSupported.
        """
        return self._call(context, "get_console_output", instance_id=instance_id, length=length)

    def release(self, context: RequestContext, details: dict[str, Any]) -> Any:
        """Let the hypervisor forget what it keeps for these connection details."""
        return self._call(context, "release", details=details)

    def status(self, context: RequestContext) -> Any:
        """→ {contradictions: [{instance_id, text}]}: what running instances have that the agent's
        configuration says otherwise. An agent of an older release does not know this call."""
        return self._call(context, "status")
