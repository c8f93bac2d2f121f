"""Bringing a database to this release's schema, with a backup of what it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.adapters.backup import backup_before_migrating
from services.errors import SetupError
from services.i18n import N_
from services.settings import Settings
from services.store import migrate


async def bring_up_to_date(settings: Settings, *, say: Callable[..., None]) -> bool:
    """Migrate the database, after a backup where it holds something.

    Returns:
        Whether there was anything to do.

    Raises:
        NewerSchemaError: a newer release wrote it; nothing was done, not even a backup.
        SetupError: it does not answer, or the backup failed.
    """
    url = settings.required_database_url()
    try:
        found = await migrate.current(url)
        await _refuse_newer(url)
    except (OSError, asyncpg.PostgresError, DBAPIError) as error:
        raise SetupError("The database does not answer: {words}", words=_first_line(error)) from error
    if found == migrate.head():
        return False
    if found is not None:
        saved = await asyncio.to_thread(backup_before_migrating, settings)
        say(N_("Saved the data as {path} before the database is brought up to date."), path=saved)
    try:
        await migrate.upgrade(url)
    except (OSError, asyncpg.PostgresError, DBAPIError) as error:
        raise SetupError("The database could not be brought up to date: {words}", words=_first_line(error)) from error
    return True


def _first_line(error: Exception) -> str:
    # SQLAlchemy adds the statement and a link below it.
    return str(error).partition("\n")[0]


async def _refuse_newer(url: str) -> None:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        await migrate.require_head(engine)
    except migrate.OldSchemaError:
        return
    finally:
        await engine.dispose()
