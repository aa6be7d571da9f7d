"""What alembic runs to migrate; the connection is given by `database.migrate`."""

from __future__ import annotations

from alembic import context

from entitybench.leaderboard.server.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
