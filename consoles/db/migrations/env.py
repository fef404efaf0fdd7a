"""Run by Alembic, on the connection that `consoles.db.migration` hands over."""

from alembic import context

from consoles.db import models

context.configure(connection=context.config.attributes["connection"],
                  target_metadata=models.Base.metadata)
with context.begin_transaction():
    context.run_migrations()
