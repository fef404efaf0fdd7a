"""Who may read a console log."""

from consoles.api.policies import roles

SHOW = "consoles:console_output:show"

RULES = [
    roles.rule(SHOW, roles.PROJECT_MEMBER_OR_ADMIN, "Read a server's console log.",
               ("POST /servers/{server_id}/action (os-getConsoleOutput)",), roles.PROJECT_SCOPE),
]
