"""Accounts: signing in and out, sessions, passwords, lockout.

A wrong password must be counted although the sign-in is refused, so nothing here raises for it: the use case returns a
`Checked`, the edge commits and then asks it for its value, which raises the refusal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from services.errors import (
    GuantongError,
    InvalidInputError,
    NotFoundError,
    NotSignedInError,
    WrongCredentialsError,
)
from services.i18n import Message
from services.people.access import PRESENT, WHO, Reader, find_reader
from services.people.lockout import FAILURES, LOCKED, is_worth_an_event, locked, refuse_stranger
from services.people.passwords import check_password, hash_password, is_password, needs_rehash
from services.store.chain import append_event
from services.store.transaction import Tx

SESSION_HOURS = 12.0

T = TypeVar("T")


@dataclass(frozen=True)
class Checked(Generic[T]):
    """What came of an attempt that counts: a value or a refusal. Commit first, then `or_raise()`."""

    value: T | None = None
    refusal: GuantongError | None = None

    def or_raise(self) -> T:
        """Return the value, or raise the refusal."""
        if self.refusal is not None:
            raise self.refusal
        assert self.value is not None
        return self.value


@dataclass(frozen=True)
class Session:
    """A new session. `token` goes into the cookie and is known to nobody else; `expires_at` is by the real clock."""

    person_id: UUID
    bureau_id: UUID
    token: str
    csrf: str
    expires_at: datetime


def token_digest(token: str) -> str:
    """Return what the store keeps of a session's or an API token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def clean_login(login: str) -> str:
    """Return a sign-in name as it is compared: small letters, no spaces around, at most what the column holds."""
    return login.strip().lower().replace("\x00", "").encode("utf-8", "replace").decode()[:60]


# --- signing in -----------------------------------------------------------------------------------------------------

_FIND = f"""
SELECT a.id, a.bureau_id, a.person_id, a.login, a.password_hash, b.zone
FROM account a JOIN person p ON p.bureau_id = a.bureau_id AND p.id = a.person_id JOIN bureau b ON b.id = a.bureau_id
WHERE a.bureau_id = $2 AND a.login = $3 AND a.disabled_at IS NULL AND {PRESENT}
"""  # noqa: S608
_LOCK = "SELECT failures, locked_until, password_hash FROM account WHERE id = $1 FOR UPDATE"
_COUNT = "UPDATE account SET failures = $2, locked_until = $3 WHERE id = $1"
_OPEN = """
INSERT INTO sign_in (id, bureau_id, person_id, token_hash, csrf, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + make_interval(secs => $7)) RETURNING expires_at
"""


async def bureau_named(tx: Tx, code: str | None) -> UUID | None:
    """Return the bureau of that code, or None. Without a code: the only bureau.

    Raises:
        InvalidInputError: no code was given and there are several bureaus.
    """
    if code:
        found = await tx.rows("SELECT id FROM bureau WHERE code = $1", (clean_login(code),))
        return found[0]["id"] if found else None
    found = await tx.rows("SELECT id FROM bureau LIMIT 2")
    if len(found) > 1:
        raise InvalidInputError([{"field": "bureau", "message": Message("Say which bureau you belong to.")}])
    return found[0]["id"] if found else None


async def sign_in(
    tx: Tx, bureau_code: str | None, login: str, password: str, *, hours: float = SESSION_HOURS, replacing: str = ""
) -> Checked[Session]:
    """Open a session for who knows the password. An unknown name takes as long as a known one and gets the same answers.

    After FAILURES wrong passwords in a row the account is locked for 15 minutes of business time; attempts meanwhile
    are refused, right or wrong, and do not prolong it. A name without an account likewise (`lockout`).

    Args:
        tx: the transaction; commit it whatever the result is.
        bureau_code: where there are several bureaus; None or empty where there is one.
        login: as it was typed.
        password: as it was typed.
        hours: how long the session lasts, by the real clock.
        replacing: the raw token of the session that the same browser had; it ends.

    Raises:
        InvalidInputError: the bureau is missing and there are several.
    """
    bureau_id = await bureau_named(tx, bureau_code)
    account = await find_account(tx, bureau_id, login)
    right = await is_password(password, account["password_hash"] if account else None)
    if account is None:
        return Checked(refusal=await refuse_unknown(tx, bureau_id, login, bureau_code, wrong=WrongCredentialsError()))
    refusal = await count_attempt(tx, account, right=right, kind="sign-in-refused", wrong=WrongCredentialsError())
    if refusal is not None:
        return Checked(refusal=refusal)
    if needs_rehash(account["password_hash"]):
        await _store_hash(tx, account["id"], await hash_password(password))
    if replacing:
        # Before anything is noted: a session's row is always locked before the stream's head.
        await sign_out(tx, replacing)
    await note(tx, account, "signed-in")
    return Checked(value=await _open_session(tx, account, hours))


async def find_account(tx: Tx, bureau_id: UUID | None, login: str) -> Mapping[str, Any] | None:
    """Return the account of that name which may sign in, or None."""
    if bureau_id is None:
        return None
    found = await tx.rows(_FIND, (tx.now, bureau_id, clean_login(login)))
    return found[0] if found else None


async def count_attempt(
    tx: Tx, account: Mapping[str, Any], *, right: bool, kind: str, wrong: GuantongError
) -> GuantongError | None:
    """Count an attempt at the account under its lock, so that no number of guesses at once gets past the limit.

    Args:
        tx: the transaction.
        account: as `find_account` returned it.
        right: whether the password or code was right.
        kind: the audit event of a wrong one.
        wrong: the refusal of a wrong one.

    Returns:
        None when the attempt was right and the account is not locked; else why it is refused.
    """
    now = (await tx.rows(_LOCK, (account["id"],)))[0]
    if now["locked_until"] is not None and now["locked_until"] > tx.now:
        return await _count_locked(tx, account, now, kind=kind)
    if right and now["password_hash"] == account["password_hash"]:
        await tx.rows(_COUNT, (account["id"], 0, None))
        return None
    return await _count_wrong(tx, account, failures=_failures(now) + 1, kind=kind, wrong=wrong)


def _failures(now: Mapping[str, Any]) -> int:
    # Once a lock is over, counting begins anew.
    return 0 if now["locked_until"] is not None else int(now["failures"])


async def _count_wrong(
    tx: Tx, account: Mapping[str, Any], *, failures: int, kind: str, wrong: GuantongError
) -> GuantongError:
    until = tx.now + LOCKED if failures >= FAILURES else None
    await tx.rows(_COUNT, (account["id"], failures, until))
    await note(tx, account, kind, reason="wrong", failures=failures)
    if until is None:
        return wrong
    await note(tx, account, "locked-out", until=until.isoformat())
    return locked(until, account["zone"])


async def _count_locked(tx: Tx, account: Mapping[str, Any], now: Mapping[str, Any], *, kind: str) -> GuantongError:
    attempts = now["failures"] - FAILURES + 1
    await tx.rows(_COUNT, (account["id"], now["failures"] + 1, now["locked_until"]))
    if is_worth_an_event(attempts):
        await note(tx, account, kind, reason="locked", attempts=attempts)
    return locked(now["locked_until"], account["zone"])


async def note(tx: Tx, account: Mapping[str, Any], kind: str, *, by: UUID | None = None, **data: Any) -> None:
    """Append an event about an account to the sign-in stream."""
    person_id: UUID = account["person_id"]
    data = {"person": str(person_id), **data}
    await append_event(tx, account["bureau_id"], stream="sign-in", kind=kind, person_id=by or person_id, data=data)


async def refuse_unknown(
    tx: Tx, bureau_id: UUID | None, login: str, bureau_code: str | None, *, wrong: GuantongError
) -> GuantongError:
    """Return what a name without an account is told: what one with an account would be."""
    code = clean_login(bureau_code or "")
    return await refuse_stranger(tx, bureau_id, clean_login(login), bureau_code=code, wrong=wrong)


async def _open_session(tx: Tx, account: Mapping[str, Any], hours: float) -> Session:
    token, csrf = tx.ids.token(), tx.ids.token()
    person_id, bureau_id = account["person_id"], account["bureau_id"]
    parameters = (tx.new_id(), bureau_id, person_id, token_digest(token), csrf, tx.now, hours * 3600)
    row = (await tx.rows(_OPEN, parameters))[0]
    return Session(person_id, bureau_id, token, csrf, row["expires_at"])


# --- sessions -------------------------------------------------------------------------------------------------------

_BY_SESSION = f"""
SELECT {WHO}, s.csrf FROM sign_in s JOIN person p ON p.bureau_id = s.bureau_id AND p.id = s.person_id
JOIN account a ON a.bureau_id = p.bureau_id AND a.person_id = p.id AND a.disabled_at IS NULL
JOIN bureau b ON b.id = p.bureau_id
WHERE s.token_hash = $2 AND s.ended_at IS NULL AND s.expires_at > clock_timestamp() AND {PRESENT}
"""  # noqa: S608
_END = """
UPDATE sign_in SET ended_at = $1 WHERE token_hash = $2 AND ended_at IS NULL RETURNING bureau_id, person_id
"""
_END_ALL = """
UPDATE sign_in SET ended_at = $1
WHERE bureau_id = $2 AND person_id = $3 AND ended_at IS NULL AND token_hash <> $4 RETURNING id
"""

_REVOKE_ALL = """
UPDATE api_token SET revoked_at = $1 WHERE bureau_id = $2 AND person_id = $3 AND revoked_at IS NULL RETURNING id
"""


async def session_for(tx: Tx, raw_token: str) -> tuple[Reader, str]:
    """Return the reader of a session and its CSRF token, in one statement.

    Raises:
        NotSignedInError: there is no such session, it ended or expired, or its account is disabled.
    """
    found = await find_reader(tx, _BY_SESSION, token_digest(raw_token))
    if found is None:
        raise NotSignedInError
    reader, row = found
    return reader, row["csrf"]


async def sign_out(tx: Tx, raw_token: str) -> None:
    """End a session; nothing happens where it has ended."""
    for account in await tx.rows(_END, (tx.now, token_digest(raw_token))):
        await note(tx, account, "signed-out")


async def end_sessions(tx: Tx, bureau_id: UUID, person_id: UUID, *, keep: str = "") -> int:
    """End all sessions of a person but the one whose raw token is `keep`; return how many ended."""
    return len(await tx.rows(_END_ALL, (tx.now, bureau_id, person_id, token_digest(keep))))


async def revoke_tokens(tx: Tx, bureau_id: UUID, person_id: UUID) -> int:
    """Revoke all API tokens of a person; return how many were valid. What asked for it is the event in the chain."""
    revoked = await tx.rows(_REVOKE_ALL, (tx.now, bureau_id, person_id))
    return len(revoked)


# --- passwords ------------------------------------------------------------------------------------------------------

_OWN = """
SELECT a.id, a.bureau_id, a.person_id, a.login, a.password_hash, b.zone FROM account a JOIN bureau b ON b.id = a.bureau_id
WHERE a.bureau_id = $1 AND a.person_id = $2 AND a.disabled_at IS NULL
"""


async def change_password(tx: Tx, by: Reader, *, old: str, new: str, keep_session: str = "") -> Checked[bool]:
    """Change one's own password; every other session of the person ends, and their API tokens are revoked.

    Who knew the old password could have opened the one and, through the other, stay. Wrong ones are counted as at sign-in.

    Raises:
        InvalidInputError: the new one is not accepted.
        NotFoundError: the reader has no account.
    """
    found = await tx.rows(_OWN, (by.bureau_id, by.person_id))
    if not found:
        raise NotFoundError
    account = found[0]
    check_password(new, login=account["login"])
    right = await is_password(old, account["password_hash"])
    refusal = await count_attempt(tx, account, right=right, kind="password-refused", wrong=WrongCredentialsError())
    if refusal is not None:
        return Checked(refusal=refusal)
    await set_password(tx, account, await hash_password(new), keep_session=keep_session)
    await note(tx, account, "password-changed")
    return Checked(value=True)


async def set_password(tx: Tx, account: Mapping[str, Any], hashed: str, *, keep_session: str = "") -> None:
    """Store a hash, forget wrong attempts, end the person's sessions and revoke their API tokens."""
    await _store_hash(tx, account["id"], hashed)
    await tx.rows(_COUNT, (account["id"], 0, None))
    await end_sessions(tx, account["bureau_id"], account["person_id"], keep=keep_session)
    await revoke_tokens(tx, account["bureau_id"], account["person_id"])


async def _store_hash(tx: Tx, account_id: UUID, hashed: str) -> None:
    await tx.rows("UPDATE account SET password_hash = $2 WHERE id = $1", (account_id, hashed))
