"""What the handlers work with: the other services' clients, and what the policy allows."""

import dataclasses
from collections.abc import Callable

import falcon
from oslo_policy import policy

from consoles.api.rates import Rates
from consoles.context import RequestContext
from consoles.rpc.compute import Compute
from consoles.rpc.consoleauth import ConsoleAuth
from consoles.rpc.inventory import Inventory
from consoles.rpc.sessions import Sessions


@dataclasses.dataclass(frozen=True, kw_only=True)
class Services:
    """`shares_any_project`: instances of project `*` belong to whoever asks (noauth only).

    `token_ttl`: seconds that the URL of a console is good for, unless it is asked for a shorter
    time.
    `bus_answers`: whether a broker takes connections now; may wait a second for each.
    """

    inventory: Inventory
    compute: Compute
    consoleauth: ConsoleAuth
    sessions: Sessions
    enforcer: policy.Enforcer
    rates: Rates
    bus_answers: Callable[[], bool]
    shares_any_project: bool
    token_ttl: int

    def allows(self, context: RequestContext, rule: str, project_id: str | None) -> bool:
        """Whether the caller may do `rule` to what belongs to `project_id` (None: to nobody)."""
        return bool(self.enforcer.authorize(rule, {"project_id": project_id or ""}, context))

    def require(self, context: RequestContext, rule: str, project_id: str | None) -> None:
        if not self.allows(context, rule, project_id):
            raise falcon.HTTPForbidden(
                description=f"Policy does not allow {rule} to be performed.")
