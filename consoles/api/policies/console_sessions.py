"""Who may see and end sessions of consoles."""

from consoles.api.policies import roles

INDEX = "consoles:console_sessions:index"
ALL_PROJECTS = "consoles:console_sessions:all_projects"
DELETE = "consoles:console_sessions:delete"

_LISTS = ("GET /console-sessions", "GET /servers/{server_id}/console-sessions")
_DELETE = ("DELETE /console-sessions/{session_id}",)

RULES = [
    roles.rule(INDEX, roles.PROJECT_READER_OR_ADMIN, "List the sessions of the project's users.",
               _LISTS),
    roles.rule(ALL_PROJECTS, roles.ADMIN,
               "See sessions of all projects, and which proxy carries each.", _LISTS + _DELETE),
    roles.rule(DELETE, roles.PROJECT_MEMBER_OR_ADMIN, "End a session.", _DELETE),
]
