"""Who may look up the token of a console, and who may take it back."""

from oslo_policy import policy

from consoles.api.policies import roles

SHOW = "consoles:console_auth_tokens:show"
DELETE = "consoles:console_auth_tokens:delete"

RULES = [
    policy.DocumentedRuleDefault(
        SHOW, roles.ADMIN,
        "See where the console of a token is, and the hypervisor's ticket for it; for gateways.",
        [{"method": "GET", "path": "/os-console-auth-tokens/{token}"}],
        scope_types=roles.ANY_SCOPE),
    policy.DocumentedRuleDefault(
        DELETE, roles.PROJECT_MEMBER_OR_ADMIN,
        "Take a token back, and end the sessions that were opened with it.",
        [{"method": "DELETE", "path": "/os-console-auth-tokens/{token}"}],
        scope_types=roles.ANY_SCOPE),
]
