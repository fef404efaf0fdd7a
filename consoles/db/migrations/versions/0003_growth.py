"""Indexes for what is asked of a long record of sessions: a worker's living ones, the newest."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_sessions_worker_ended_at", "sessions", ["worker", "ended_at"])
    op.create_index("ix_sessions_started_at_id", "sessions", ["started_at", "id"])
    op.drop_index("ix_sessions_worker", "sessions")
