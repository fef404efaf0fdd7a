"""Who may see and end sessions of consoles."""

from oslo_policy import policy

from consoles.api.policies import roles

INDEX = "consoles:console_sessions:index"
ALL_PROJECTS = "consoles:console_sessions:all_projects"
DELETE = "consoles:console_sessions:delete"

_LISTS: list[policy.Operation] = [
    {"method": "GET", "path": "/console-sessions"},
    {"method": "GET", "path": "/servers/{server_id}/console-sessions"}]
_DELETE: list[policy.Operation] = [
    {"method": "DELETE", "path": "/console-sessions/{session_id}"}]

RULES = [
    policy.DocumentedRuleDefault(
        INDEX, roles.PROJECT_READER_OR_ADMIN, "List the sessions of the project's users.",
        _LISTS, scope_types=roles.ANY_SCOPE),
    policy.DocumentedRuleDefault(
        ALL_PROJECTS, roles.ADMIN,
        "See sessions of all projects, and which proxy carries each.",
        _LISTS + _DELETE, scope_types=roles.ANY_SCOPE),
    policy.DocumentedRuleDefault(
        DELETE, roles.PROJECT_MEMBER_OR_ADMIN, "End a session.",
        _DELETE, scope_types=roles.ANY_SCOPE),
]
