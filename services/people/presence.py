"""Whether a person is of a bureau and has not left."""

from __future__ import annotations

from uuid import UUID

from services.people.access import PRESENT
from services.store.transaction import Tx


async def is_present(tx: Tx, bureau_id: UUID, person_id: UUID) -> bool:
    """Tell whether there is such a person in the bureau who has not left."""
    rows = await tx.rows(
        f"SELECT 1 FROM person p WHERE p.bureau_id = $2 AND p.id = $3 AND {PRESENT}",  # noqa: S608 - a constant
        (tx.now, bureau_id, person_id),
    )
    return bool(rows)
