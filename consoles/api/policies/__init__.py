"""The policy's defaults, in code; operators override them in policy.yaml."""

from oslo_policy import policy

from consoles.api.policies import console
from consoles.api.policies import console_auth_tokens
from consoles.api.policies import console_output
from consoles.api.policies import console_sessions
from consoles.api.policies import healthcheck
from consoles.api.policies import roles
from consoles.api.policies import servers


def list_rules() -> list[policy.RuleDefault]:
    return [*roles.RULES, *console.RULES, *console_auth_tokens.RULES, *console_output.RULES,
            *console_sessions.RULES, *healthcheck.RULES, *servers.RULES]
