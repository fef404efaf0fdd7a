"""Who may open a console."""

from oslo_policy import policy

from consoles.api.policies import roles

CREATE = "consoles:console:create"

RULES = [
    policy.DocumentedRuleDefault(
        CREATE, roles.PROJECT_MEMBER_OR_ADMIN, "Get the URL of a server's console.",
        [{"method": "POST", "path": "/servers/{server_id}/console"}], scope_types=["project"]),
]
