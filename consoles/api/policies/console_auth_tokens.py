"""Who may look up the token of a console, and who may take it back."""

from consoles.api.policies import roles

SHOW = "consoles:console_auth_tokens:show"
DELETE = "consoles:console_auth_tokens:delete"

RULES = [
    roles.rule(SHOW, roles.ADMIN,
               "See where the console of a token is, and the hypervisor's ticket for it; for "
               "gateways.", ("GET /os-console-auth-tokens/{token}",)),
    roles.rule(DELETE, roles.PROJECT_MEMBER_OR_ADMIN,
               "Take a token back, and end the sessions that were opened with it.",
               ("DELETE /os-console-auth-tokens/{token}",)),
]
