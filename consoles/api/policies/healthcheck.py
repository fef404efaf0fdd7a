"""Who may see what the API hangs on."""

from consoles.api.policies import roles

SHOW = "consoles:healthcheck:show"

RULES = [
    roles.rule(SHOW, roles.ADMIN,
               "See the state of the bus, of consoleauth and of the hypervisors' agents.",
               ("GET /healthcheck/details",)),
]
