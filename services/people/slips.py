"""Printed slips: a one-time code that sets a password, so that nobody needs a mailbox to get in.

A slip is issued by the unit's own administrator or the bureau's, printed, and handed over. Only the code's digest is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from services.errors import GuantongError, NotFoundError
from services.people.access import Reader, Subject, may_issue_slip, require
from services.people.accounts import (
    Checked,
    bureau_named,
    count_attempt,
    end_sessions,
    find_account,
    note,
    refuse_unknown,
    revoke_tokens,
    set_password,
)
from services.people.passwords import check_password, hash_password
from services.people.positions import BUREAU_ROLES
from services.store.transaction import Tx

Purpose = Literal["activate", "reset"]
VALID = timedelta(days=14)
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32 characters that nobody mistakes for another: no I, O, 0 or 1."""
GROUPS, GROUP = 3, 4


class WrongSlipError(GuantongError):
    code, status, default = "wrong-slip", 422, "This code is wrong, was used, or is too old. Ask for a new slip."


@dataclass(frozen=True)
class Slip:
    """A slip as it is printed, once: the code is known to nobody afterwards."""

    person_id: UUID
    name: str
    bureau_code: str
    login: str
    code: str
    purpose: Purpose
    expires_at: datetime

    def url(self, public_url: str) -> str:
        """Return what the slip's QR code holds. Name and code stand in the fragment, which no server ever logs."""
        values = urlencode({"bureau": self.bureau_code, "login": self.login, "code": self.code})
        return f"{public_url.rstrip('/')}/activate#{values}"


OFFICES = f"""
SELECT DISTINCT o.role FROM appointment t JOIN position o ON o.bureau_id = t.bureau_id AND o.id = t.position_id
    JOIN unit u ON u.bureau_id = o.bureau_id AND u.id = o.unit_id AND u.kind = 'bureau'
    WHERE t.person_id = p.id AND o.role IN ('{"', '".join(sorted(BUREAU_ROLES))}')
    AND (t.ends_on IS NULL OR t.ends_on >= ($3::timestamptz AT TIME ZONE b.zone)::date)
"""  # noqa: S608 - constant parts
"""The bureau's offices that person p of bureau b holds or is to hold; $3 is the business time."""
_SUBJECT = f"""
SELECT p.id AS person_id, p.bureau_id, p.unit_id, p.name, b.code AS bureau_code, a.id, a.login,
    ARRAY({OFFICES}) AS offices
FROM person p JOIN bureau b ON b.id = p.bureau_id
JOIN account a ON a.bureau_id = p.bureau_id AND a.person_id = p.id AND a.disabled_at IS NULL
WHERE p.bureau_id = $1 AND p.id = $2 AND (p.left_at IS NULL OR p.left_at > $3) FOR UPDATE OF a
"""  # noqa: S608 - constant parts
_VOID = "UPDATE activation_slip SET void_at = $3 WHERE bureau_id = $1 AND person_id = $2 AND used_at IS NULL AND void_at IS NULL"
_ISSUE = """
INSERT INTO activation_slip (id, bureau_id, person_id, code_hash, purpose, issued_by, issued_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_REDEEMABLE = """
SELECT id, purpose FROM activation_slip WHERE bureau_id = $1 AND person_id = $2 AND code_hash = $3
AND used_at IS NULL AND void_at IS NULL AND expires_at > $4
"""
_UNLOCK = "UPDATE account SET failures = 0, locked_until = NULL WHERE id = $1"


async def issue_slip(
    tx: Tx, by: Reader | None, person_id: UUID, *, purpose: Purpose, bureau_id: UUID | None = None
) -> Slip:
    """Issue a slip for a person with an account; it voids their earlier ones and takes a lock away.

    A reset ends all sessions of the person and revokes their API tokens: it is asked for when somebody else may know the
    password, and who knew it could make a token, which no new password would end. Both happen again when the slip is
    redeemed, for what was opened with the old password meanwhile. Valid for 14 days of business time.

    Args:
        tx: the transaction.
        by: who issues it; None is the installation itself, which then names `bureau_id`.
        person_id: for whom.
        purpose: `activate` or `reset`.
        bureau_id: the person's bureau, where `by` is None.

    Raises:
        NotFoundError: no such person with an account in the issuer's bureau.
        ForbiddenError: the issuer may not (`may_issue_slip`).
    """
    subject = await _subject(tx, by, person_id, bureau_id)
    code = _new_code(tx)
    expires_at = tx.now + VALID
    await void_slips(tx, subject["bureau_id"], person_id)
    issued_by = by.person_id if by else None
    digest = _digest(person_id, code)
    await tx.rows(
        _ISSUE, (tx.new_id(), subject["bureau_id"], person_id, digest, purpose, issued_by, tx.now, expires_at)
    )
    await tx.rows(_UNLOCK, (subject["id"],))
    if purpose == "reset":
        await end_sessions(tx, subject["bureau_id"], person_id)
        await revoke_tokens(tx, subject["bureau_id"], person_id)
    await note(tx, subject, "slip-issued", by=issued_by, purpose=purpose)
    return Slip(person_id, subject["name"], subject["bureau_code"], subject["login"], code, purpose, expires_at)


async def void_slips(tx: Tx, bureau_id: UUID, person_id: UUID) -> None:
    """Void the slips of a person that nobody has redeemed."""
    await tx.rows(_VOID, (bureau_id, person_id, tx.now))


async def unlock(tx: Tx, by: Reader, person_id: UUID) -> None:
    """Take away the lock that wrong passwords brought.

    Raises:
        NotFoundError: no such person with an account in the reader's bureau.
        ForbiddenError: the reader may not (`may_issue_slip`).
    """
    subject = await _subject(tx, by, person_id, None)
    await tx.rows(_UNLOCK, (subject["id"],))
    await note(tx, subject, "unlocked", by=by.person_id)


async def redeem_slip(tx: Tx, bureau_code: str | None, login: str, *, code: str, new_password: str) -> Checked[UUID]:
    """Set a password with a slip's code; the person's sessions and API tokens end. Wrong codes count as wrong passwords.

    Returns:
        The person, or why it is refused; commit in both cases.

    Raises:
        InvalidInputError: the password is not accepted, or the bureau is missing and there are several.
    """
    check_password(new_password, login=login)
    bureau_id = await bureau_named(tx, bureau_code)
    account = await find_account(tx, bureau_id, login)
    # Hashed before anything is known or locked: an unknown name takes as long, and nobody waits for it.
    hashed = await hash_password(new_password)
    if account is None:
        return Checked(refusal=await refuse_unknown(tx, bureau_id, login, bureau_code, wrong=WrongSlipError()))
    slip = await _redeemable(tx, account, code)
    refusal = await count_attempt(tx, account, right=slip is not None, kind="slip-refused", wrong=WrongSlipError())
    # Looked up again under the account's lock: of two who redeem at once, one does.
    slip = await _redeemable(tx, account, code) if refusal is None else None
    if slip is None:
        return Checked(refusal=refusal or WrongSlipError())
    await tx.rows("UPDATE activation_slip SET used_at = $2 WHERE id = $1", (slip["id"], tx.now))
    await set_password(tx, account, hashed)
    await note(tx, account, "slip-redeemed", purpose=slip["purpose"])
    return Checked(value=account["person_id"])


async def _subject(tx: Tx, by: Reader | None, person_id: UUID, bureau_id: UUID | None) -> Mapping[str, Any]:
    within = by.bureau_id if by else bureau_id
    found = await tx.rows(_SUBJECT, (within, person_id, tx.now))
    if not found:
        raise NotFoundError
    row = found[0]
    if by is not None:
        require(
            may_issue_slip(by, Subject(row["person_id"], row["bureau_id"], row["unit_id"], frozenset(row["offices"])))
        )
    return row


async def _redeemable(tx: Tx, account: Mapping[str, Any], code: str) -> Mapping[str, Any] | None:
    person_id = account["person_id"]
    found = await tx.rows(_REDEEMABLE, (account["bureau_id"], person_id, _digest(person_id, code), tx.now))
    return found[0] if found else None


def _new_code(tx: Tx) -> str:
    noise = hashlib.sha256(tx.ids.token().encode()).digest()
    letters = "".join(ALPHABET[byte % len(ALPHABET)] for byte in noise[: GROUPS * GROUP])
    return "-".join(letters[start : start + GROUP] for start in range(0, len(letters), GROUP))


def _digest(person_id: UUID, code: str) -> str:
    letters = "".join(letter for letter in code.upper() if letter in ALPHABET)
    return hashlib.sha256(f"slip {person_id} {letters}".encode()).hexdigest()
