"""Limits of sessions: a row that a project's openings take turns by, an index to count them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLE_ARGS: Any = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4",
                   "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    op.create_table("projects", sa.Column("id", sa.String(255), nullable=False),
                    sa.PrimaryKeyConstraint("id"), **TABLE_ARGS)
    op.create_index("ix_sessions_project_id_ended_at", "sessions", ["project_id", "ended_at"])
    op.drop_index("ix_sessions_project_id", "sessions")
