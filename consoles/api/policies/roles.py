"""The roles that the rules speak of, to be changed in one place, and how a rule is written."""

from oslo_policy import policy

#: A token of the whole cloud does for what an administrator does to no project's own.
ANY_SCOPE = ("system", "project")
PROJECT_SCOPE = ("project",)

ADMIN = "rule:admin"
PROJECT_MEMBER_OR_ADMIN = "rule:project_member_or_admin"
PROJECT_READER_OR_ADMIN = "rule:project_reader_or_admin"

RULES = [
    policy.RuleDefault(
        "admin", "role:admin", description="An administrator of the cloud."),
    policy.RuleDefault(
        "project_member_or_admin",
        "rule:admin or (role:member and project_id:%(project_id)s)",
        description="A member of the server's project, or an administrator."),
    policy.RuleDefault(
        "project_reader_or_admin",
        "rule:admin or ((role:reader or role:member) and project_id:%(project_id)s)",
        description="A reader or member of the server's project, or an administrator."),
]


def rule(name: str, who: str, description: str, operations: tuple[str, ...],
         scopes: tuple[str, ...] = ANY_SCOPE) -> policy.DocumentedRuleDefault:
    """`who` is one of the above, `operations` are written as "GET /servers"."""
    asked: list[policy.Operation] = []
    for operation in operations:
        method, _, path = operation.partition(" ")
        asked.append({"method": method, "path": path})
    return policy.DocumentedRuleDefault(name, who, description, asked, scope_types=list(scopes))
