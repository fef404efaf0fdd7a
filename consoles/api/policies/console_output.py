"""Who may read a console log."""

from oslo_policy import policy

from consoles.api.policies import roles

SHOW = "consoles:console_output:show"

RULES = [
    policy.DocumentedRuleDefault(
        SHOW, roles.PROJECT_MEMBER_OR_ADMIN, "Read a server's console log.",
        [{"method": "POST", "path": "/servers/{server_id}/action (os-getConsoleOutput)"}],
        scope_types=["project"]),
]
