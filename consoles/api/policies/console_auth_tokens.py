"""Who may look up the token of a console."""

from oslo_policy import policy

from consoles.api.policies import roles

SHOW = "consoles:console_auth_tokens:show"

RULES = [
    policy.DocumentedRuleDefault(
        SHOW, roles.ADMIN,
        "See where the console of a token is, and the hypervisor's ticket for it; for gateways.",
        [{"method": "GET", "path": "/os-console-auth-tokens/{token}"}], scope_types=["project"]),
]
