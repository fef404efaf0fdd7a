"""The roles that the other rules speak of, to be changed in one place."""

from oslo_policy import policy

#: A token of the whole cloud does for what an administrator does to no project's own.
ANY_SCOPE = ["system", "project"]

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
