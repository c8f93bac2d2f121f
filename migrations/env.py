"""Alembic's environment. The connection comes from `services.store.migrate`; there is no alembic.ini."""

from alembic import context
from sqlalchemy import Connection

import models

target = models.base.metadata
connection: Connection = context.config.attributes["connection"]

context.configure(
    connection=connection,
    target_metadata=target,
    compare_type=True,
    transaction_per_migration=True,
    include_object=lambda _object, name, kind, _reflected, _compare: (
        not (kind == "table" and name == "alembic_version")
    ),
)
with context.begin_transaction():
    context.run_migrations()
