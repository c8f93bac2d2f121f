"""Erasing a person's values after their retention period, while the audit chain stays whole."""

from __future__ import annotations

from uuid import UUID

from services.errors import NotFoundError
from services.people.access import Reader, require
from services.people.accounts import end_sessions
from services.store.chain import append_event, erase_salts
from services.store.transaction import Tx

_PERSON = """
UPDATE person SET name = '—', sort_key = '', email = NULL, left_at = COALESCE(left_at, $3)
WHERE bureau_id = $1 AND id = $2 RETURNING id
"""
_ACCOUNT = """
UPDATE account SET login = 'erased-' || replace(id::text, '-', ''), password_hash = NULL, disabled_at = COALESCE(disabled_at, $3)
WHERE bureau_id = $1 AND person_id = $2
"""
_TOKENS = "UPDATE api_token SET revoked_at = COALESCE(revoked_at, $3) WHERE bureau_id = $1 AND person_id = $2"


async def erase_person_values(tx: Tx, by: Reader, person_id: UUID) -> int:
    """Erase name, address and sign-in name of a person, and the salts of their digests; decisions keep the bare id.

    Returns:
        How many events' digests can no longer be read.

    Raises:
        ForbiddenError: the reader is not the bureau's administrator, or means themselves.
        NotFoundError: no such person in the bureau.
    """
    require(by.is_administrator and person_id != by.person_id)
    place = (by.bureau_id, person_id, tx.now)
    if not await tx.rows(_PERSON, place):
        raise NotFoundError
    await tx.rows(_ACCOUNT, place)
    await tx.rows(_TOKENS, place)
    await end_sessions(tx, by.bureau_id, person_id)
    erased = await erase_salts(tx, by.bureau_id, person_id)
    data = {"person": str(person_id), "events": erased}
    await append_event(tx, by.bureau_id, stream="bureau", kind="person-erased", person_id=by.person_id, data=data)
    return erased
