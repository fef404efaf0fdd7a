"""Who may see servers."""

from oslo_policy import policy

from consoles.api.policies import roles

INDEX = "consoles:servers:index"
SHOW = "consoles:servers:show"
ALL_PROJECTS = "consoles:servers:all_projects"
HOST = "consoles:servers:host"

_LISTS: list[policy.Operation] = [{"method": "GET", "path": "/servers"},
                                  {"method": "GET", "path": "/servers/detail"}]
_SHOW: list[policy.Operation] = [{"method": "GET", "path": "/servers/{server_id}"}]

RULES = [
    policy.DocumentedRuleDefault(
        INDEX, roles.PROJECT_READER_OR_ADMIN, "List the servers of the project.",
        _LISTS, scope_types=roles.ANY_SCOPE),
    policy.DocumentedRuleDefault(
        SHOW, roles.PROJECT_READER_OR_ADMIN, "Show a server.",
        _SHOW, scope_types=roles.ANY_SCOPE),
    policy.DocumentedRuleDefault(
        ALL_PROJECTS, roles.ADMIN,
        "See servers of all projects (all_tenants), and those that belong to none.",
        _LISTS + _SHOW, scope_types=roles.ANY_SCOPE),
    policy.DocumentedRuleDefault(
        HOST, roles.ADMIN, "See the hypervisor of a server, and list the servers of one.",
        _LISTS + _SHOW, scope_types=roles.ANY_SCOPE),
]
