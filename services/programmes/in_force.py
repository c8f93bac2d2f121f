"""The version of a programme that is in force, by its code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.errors import ConflictError, NotFoundError
from services.process.packs import Pack
from services.programmes.pinned import pinned_pack
from services.store.transaction import Tx

IN_FORCE = """
SELECT p.version_id, p.bureau_id FROM programme p JOIN bureau b ON b.id = p.bureau_id
WHERE p.code = $1 AND ($2::text IS NULL OR b.code = $2) ORDER BY b.code LIMIT 2
"""


async def bureau_of(tx: Tx, programme: str, *, bureau: str | None = None) -> UUID:
    """Return the bureau that has the programme.

    Args:
        tx: the transaction.
        programme: its code.
        bureau: the code of its bureau; may be left out where only one bureau has such a programme.

    Raises:
        NotFoundError: there is no such programme.
        ConflictError: several bureaus have it, and none was named.
    """
    found: UUID = (await _in_force(tx, programme, bureau))["bureau_id"]
    return found


async def _in_force(tx: Tx, programme: str, bureau: str | None) -> Mapping[str, Any]:
    rows = await tx.rows(IN_FORCE, (programme, bureau))
    if not rows:
        raise NotFoundError("There is no programme “{programme}”.", programme=programme)
    if len(rows) > 1:
        raise ConflictError("Several bureaus have a programme “{programme}”; name one: --bureau", programme=programme)
    return rows[0]


async def pack_in_force(tx: Tx, programme: str, *, bureau: str | None = None) -> Pack:
    """Return the pack under which new seasons of a programme begin.

    Args:
        tx: the transaction.
        programme: its code.
        bureau: the code of its bureau; may be left out where only one bureau has such a programme.

    Raises:
        NotFoundError: there is no such programme.
        ConflictError: several bureaus have it, and none was named.
    """
    return await pinned_pack(tx, (await _in_force(tx, programme, bureau))["version_id"])
