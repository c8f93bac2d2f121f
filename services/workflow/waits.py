"""What a season's flow may wait for. Each condition is decided by the facts, whenever somebody looks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from models.programme import Season
from services.store.transaction import Tx

Condition = Callable[[Tx, Season], Awaitable[bool]]


async def opens(tx: Tx, season: Season) -> bool:
    """Say whether the season's opening day has begun."""
    return tx.now >= season.opens_at


async def due(tx: Tx, season: Season) -> bool:
    """Say whether the season's due day has ended."""
    return tx.now >= season.due_at


async def all_closed(tx: Tx, season: Season) -> bool:
    """Say whether every case is filed or was ended by a named person. A hard close ends none."""
    return not await tx.rows(
        "SELECT 1 FROM cases WHERE bureau_id = $1 AND season_id = $2 AND state = 'open' LIMIT 1",
        (season.bureau_id, season.id),
    )


CONDITIONS: dict[str, Condition] = {"opens": opens, "due": due, "all-closed": all_closed}
"""By the name that a flow gives to `until`, which is also the wait's name in the store."""


async def is_met(tx: Tx, season: Season, name: str) -> bool:
    """Decide one condition; KeyError for a name that no flow may use."""
    return await CONDITIONS[name](tx, season)
