"""What the commands share that work on the store: one transaction, a bureau by its code, a person by their sign-in name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import typer

from models.people import Bureau
from services.errors import GuantongError, InvalidInputError, NotFoundError
from services.i18n import N_, Localizable
from services.people.access import Reader, reader_for
from services.people.accounts import find_account
from services.settings import Settings, load_settings
from services.store.clock import StoreClock, SystemClock
from services.store.transaction import Store, Tx

T = TypeVar("T")
REFUSED = 1


class UnknownError(NotFoundError):
    """A command names what is not there."""

    code = "unknown"


def in_transaction(work: Callable[[Tx], Awaitable[T]]) -> T:
    """Run `work` in one transaction on the installation's database; a mistake in what was typed ends the command."""
    from services.adapters.database import database

    settings = load_settings()
    try:
        with database(settings) as running:
            return asyncio.run(_run(running, work))
    except InvalidInputError as error:
        for problem in error.problems:
            message = problem["message"]
            text = message.in_(settings.locale) if isinstance(message, Localizable) else message
            typer.echo(f"{problem['field']}: {text}", err=True)
        raise typer.Exit(REFUSED) from None


async def _run(settings: Settings, work: Callable[[Tx], Awaitable[T]]) -> T:
    clock = StoreClock() if settings.clock == "store" else SystemClock()
    store = Store(settings.required_database_url(), clock=clock, pooled=False)
    try:
        async with store.transaction() as tx:
            return await work(tx)
    finally:
        await store.close()


async def bureaus(tx: Tx, code: str | None) -> list[Bureau]:
    """Return the bureau of that code, or all of them.

    Raises:
        UnknownError: there is none of that code.
    """
    rows = await tx.rows("SELECT * FROM bureau WHERE $1::text IS NULL OR code = $1 ORDER BY code", (code,))
    if code is not None and not rows:
        raise UnknownError(N_("There is no bureau “{code}”."), code=code)
    return [Bureau(**row) for row in rows]


async def person_signing_in_as(tx: Tx, bureau_code: str | None, login: str) -> Reader:
    """Return the reader with that sign-in name.

    Raises:
        UnknownError: there is no such bureau or account.
        GuantongError: no bureau was named and there are several.
    """
    found = await bureaus(tx, bureau_code)
    if len(found) > 1:
        raise GuantongError(N_("There are several bureaus here; name one with --bureau."))
    account = await find_account(tx, found[0].id, login) if found else None
    if account is None:
        raise UnknownError(N_("There is no account “{login}” in this bureau."), login=login)
    return await reader_for(tx, bureau_id=account["bureau_id"], person_id=account["person_id"])


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))
