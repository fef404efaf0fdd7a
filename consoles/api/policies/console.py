"""Who may open a console."""

from oslo_policy import policy

from consoles.api.policies import roles

CREATE = "consoles:console:create"

RULES = [
    policy.DocumentedRuleDefault(
        CREATE, roles.PROJECT_MEMBER_OR_ADMIN, "Get the URL of a server's console.",
        [{"method": "POST", "path": f"/servers/{{server_id}}/{path}"}
         for path in ("console", "remote-consoles", "action (os-getVNCConsole)",
                      "action (os-getSPICEConsole)", "action (os-getSerialConsole)",
                      "action (os-getRDPConsole)")],
        scope_types=["project"]),
]
