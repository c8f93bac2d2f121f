"""Bring a database to the schema of this release, or say that it is not for this release."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

import migrations
from models.base import metadata
from services.errors import SetupError
from services.store.transaction import sqlalchemy_url

LOCK = 4_726_541_009
"""The advisory lock under which one process at a time migrates."""


class NewerSchemaError(SetupError):
    """The database was written by a newer release."""

    code = "newer-schema"
    default = "The database has the schema {found}, which this release does not know; start the release that wrote it."


class OldSchemaError(SetupError):
    """The database must be migrated before this process may use it."""

    code = "old-schema"
    default = (
        "The database has the schema {found}, but this release needs {wanted}; run “guantong migrate” or “guantong up”."
    )


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    if connection is not None:
        config.attributes["connection"] = connection
    return config


def head() -> str:
    """Return the revision that this release brings a database to."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise SetupError("This installation holds no migrations; install it again.")
    return revision


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(found: str | None) -> None:
    if found is None:
        return
    try:
        ScriptDirectory.from_config(_config()).get_revision(found)
    except CommandError as error:
        raise NewerSchemaError(found=found) from error


def _upgrade(connection: Connection) -> None:
    _refuse_newer(_current(connection))
    connection.execute(text("SET lock_timeout = '30s'"))
    command.upgrade(_config(connection), "head")


async def current(url: str) -> str | None:
    """Return the database's revision, or None when it is empty."""
    engine = create_async_engine(sqlalchemy_url(url))
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_current)
    finally:
        await engine.dispose()


async def upgrade(url: str) -> None:
    """Migrate the database at `url` to `head()`; a second process waits and then finds nothing to do.

    Raises:
        NewerSchemaError: the database is of a newer release; nothing was changed.
    """
    engine = create_async_engine(sqlalchemy_url(url))
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


async def require_head(engine: AsyncEngine) -> None:
    """Raise NewerSchemaError or OldSchemaError unless the database is exactly at `head()`."""
    async with engine.connect() as connection:
        found = await connection.run_sync(_current)
    if found != head():
        _refuse_newer(found)
        raise OldSchemaError(found=found or "-", wanted=head())


def differences(connection: Connection) -> list[object]:
    """Return how the database differs from the models; empty when the migrations say what the models say."""
    context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": metadata})
    return list(compare_metadata(context, metadata))
