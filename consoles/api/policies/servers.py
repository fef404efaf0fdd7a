"""Who may see servers."""

from consoles.api.policies import roles

INDEX = "consoles:servers:index"
SHOW = "consoles:servers:show"
ALL_PROJECTS = "consoles:servers:all_projects"
HOST = "consoles:servers:host"

_LISTS = ("GET /servers", "GET /servers/detail")
_SHOW = ("GET /servers/{server_id}",)

RULES = [
    roles.rule(INDEX, roles.PROJECT_READER_OR_ADMIN, "List the servers of the project.", _LISTS),
    roles.rule(SHOW, roles.PROJECT_READER_OR_ADMIN, "Show a server.", _SHOW),
    roles.rule(ALL_PROJECTS, roles.ADMIN,
               "See servers of all projects (all_tenants), and those that belong to none.",
               _LISTS + _SHOW),
    roles.rule(HOST, roles.ADMIN,
               "See the hypervisor of a server, list the servers of one, and sort by it.",
               _LISTS + _SHOW),
]
