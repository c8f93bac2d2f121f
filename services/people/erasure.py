"""Erasing a person's values after their retention period, while the audit chain stays whole."""

from __future__ import annotations

from uuid import UUID

from services.errors import NotFoundError
from services.people.access import Reader, require
from services.people.accounts import end_sessions, revoke_tokens
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
_REASONS = "UPDATE substitution SET reason = '—' WHERE bureau_id = $1 AND person_id = $2"
_NAMED_TO_OTHERS = """
UPDATE message SET subject = NULL, text = NULL, html = NULL WHERE bureau_id = $1 AND id IN (
    SELECT n.message_id FROM substitution s JOIN notification n ON n.subject_id = s.id
    WHERE s.bureau_id = $1 AND (s.person_id = $2 OR s.substitute_id = $2))
"""
"""Mails about a substitution name both people; what is not sent yet is written anew when it is."""
_MESSAGES = """
UPDATE message SET address = NULL, answer = NULL, subject = NULL, text = NULL, html = NULL, enclosed = NULL,
    state = CASE WHEN state IN ('waiting', 'sending') THEN 'void' ELSE state END, lease_until = NULL
WHERE bureau_id = $1 AND person_id = $2
"""
"""A server's answer often repeats the address. What was under way is void: whoever sends it has lost the lease."""


async def erase_person_values(tx: Tx, by: Reader, person_id: UUID) -> int:
    """Erase name, address and sign-in name of a person, why others stood in for them, what their mails said, and the salts of their digests.

    Decisions keep the bare id; of a mail stays that there was one, when, and what became of it.

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
    await tx.rows(_MESSAGES, place[:2])
    await tx.rows(_NAMED_TO_OTHERS, place[:2])
    await tx.rows(_REASONS, place[:2])
    await revoke_tokens(tx, by.bureau_id, person_id)
    await end_sessions(tx, by.bureau_id, person_id)
    erased = await erase_salts(tx, by.bureau_id, person_id)
    data = {"person": str(person_id), "events": erased}
    await append_event(tx, by.bureau_id, stream="bureau", kind="person-erased", person_id=by.person_id, data=data)
    return erased
