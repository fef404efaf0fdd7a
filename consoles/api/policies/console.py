"""Who may open a console."""

from consoles.api.policies import roles

CREATE = "consoles:console:create"

_WAYS = ("console", "remote-consoles", "action (os-getVNCConsole)", "action (os-getSPICEConsole)",
         "action (os-getSerialConsole)", "action (os-getRDPConsole)")

RULES = [
    roles.rule(CREATE, roles.PROJECT_MEMBER_OR_ADMIN, "Get the URL of a server's console.",
               tuple(f"POST /servers/{{server_id}}/{way}" for way in _WAYS), roles.PROJECT_SCOPE),
]
