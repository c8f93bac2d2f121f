"""API tokens: bearer secrets with scopes, of which only the digest is kept."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from models.people import ApiToken
from services.errors import ForbiddenError, InvalidInputError, NotFoundError, NotSignedInError
from services.i18n import Message
from services.people.access import PRESENT, WHO, Reader, find_reader, may_use_scopes, require
from services.people.accounts import token_digest
from services.store.chain import append_event
from services.store.transaction import Tx

SCOPES = ("read", "write", "admin", "metrics")
PREFIX = "gt_"
"""What every token begins with, so that a secret scanner finds one in a file."""
NAME_LIMIT = 100


class BeyondTokenError(ForbiddenError):
    code, default = (
        "beyond-token",
        "A token can only make tokens with scopes that it has itself and that end no later than it does.",
    )


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token that was shown allows: acting as `reader` within `scopes`, until it ends (aware), or for good."""

    token_id: UUID
    reader: Reader
    scopes: frozenset[str]
    expires_at: datetime | None

    def covers(self, scopes: Collection[str], expires: datetime | None) -> bool:
        """Tell whether a token of these scopes and this end goes no further than this one."""
        in_time = self.expires_at is None or (expires is not None and expires <= self.expires_at)
        return in_time and self.scopes.issuperset(scopes)


_BY_TOKEN = f"""
SELECT {WHO}, t.id AS token_id, t.scopes, t.expires_at FROM api_token t JOIN person p ON p.bureau_id = t.bureau_id AND p.id = t.person_id
JOIN bureau b ON b.id = p.bureau_id
WHERE t.token_hash = $2 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $1::timestamptz)
AND {PRESENT} AND NOT EXISTS (SELECT FROM account a WHERE a.bureau_id = p.bureau_id AND a.person_id = p.id
                              AND a.disabled_at IS NOT NULL)
"""  # noqa: S608
_CREATE = """
INSERT INTO api_token (id, bureau_id, person_id, name, token_hash, scopes, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, $8)
"""


async def create_token(
    tx: Tx,
    person: Reader,
    name: str,
    *,
    scopes: Collection[str],
    expires: datetime | None,
    made_with: Grant | None = None,
) -> tuple[UUID, str]:
    """Make a token that acts as `person` within `scopes`.

    One that is made with another token goes no further than that one, and ends when that one is revoked: whoever found a
    token must not turn it into more, or into something that outlives it.

    Args:
        tx: the transaction.
        person: whose token.
        name: what it is for, up to 100 characters.
        scopes: of SCOPES; `admin` and `metrics` are for the bureau's administrator.
        expires: when it ends by business time (aware), or None.
        made_with: the token that asks for it, or None where a person does.

    Returns:
        Its id and the secret, which is shown once.

    Raises:
        InvalidInputError: the name is empty or too long, a scope is unknown, or it would have expired.
        ForbiddenError: the person may not have such a scope.
        BeyondTokenError: it would go further than the token that it is made with.
    """
    _refuse_wrong(tx, name, scopes, expires)
    require(may_use_scopes(person, scopes))
    if made_with is not None and not made_with.covers(scopes, expires):
        raise BeyondTokenError
    token_id, raw = tx.new_id(), PREFIX + tx.ids.token()
    named = sorted(set(scopes))
    parameters = (name.strip(), token_digest(raw), json.dumps(named), tx.now, expires)
    await tx.rows(_CREATE, (token_id, person.bureau_id, person.person_id, *parameters))
    origin = {"made_with": str(made_with.token_id)} if made_with else {}
    await _note(tx, person, "token-created", token=str(token_id), scopes=named, **origin)
    return token_id, raw


def _refuse_wrong(tx: Tx, name: str, scopes: Collection[str], expires: datetime | None) -> None:
    problems: list[dict[str, Any]] = []
    if not 0 < len(name.strip()) <= NAME_LIMIT or not name.isprintable():
        message = Message("A token needs a name of at most {limit} characters.", {"limit": NAME_LIMIT})
        problems.append({"field": "name", "message": message})
    if not scopes or not set(scopes) <= set(SCOPES):
        message = Message("The scopes of a token are among: {scopes}.", {"scopes": ", ".join(SCOPES)})
        problems.append({"field": "scopes", "message": message})
    if expires is not None and expires <= tx.now:
        problems.append({"field": "expires", "message": Message("A token must expire in the future.")})
    if problems:
        raise InvalidInputError(problems)


async def token_for(tx: Tx, raw: str) -> Grant:
    """Return what a token allows, in one statement.

    Raises:
        NotSignedInError: there is no such token, it was revoked or expired, or its person may not sign in any more.
    """
    found = await find_reader(tx, _BY_TOKEN, token_digest(raw))
    if found is None:
        raise NotSignedInError
    reader, row = found
    return Grant(row["token_id"], reader, frozenset(row["scopes"]), row["expires_at"])


async def list_tokens(tx: Tx, by: Reader) -> list[ApiToken]:
    """Return the reader's own tokens, the newest first; also the revoked ones."""
    query = select(ApiToken).where(ApiToken.bureau_id == by.bureau_id, ApiToken.person_id == by.person_id)
    return list((await tx.session.exec(query.order_by(col(ApiToken.id).desc()))).all())


# Which token made which stands in the chain: the event of a token's making has the very moment of its row.
_REVOKE = """
WITH RECURSIVE family AS (
    SELECT id, bureau_id, person_id FROM api_token WHERE bureau_id = $2 AND id = $3 AND (person_id = $4 OR $5)
    UNION
    SELECT t.id, t.bureau_id, t.person_id FROM family f
    JOIN api_token t ON t.bureau_id = f.bureau_id AND t.person_id = f.person_id
    JOIN audit_event e ON e.bureau_id = t.bureau_id AND e.at = t.created_at AND e.kind = 'token-created'
        AND e.data->>'token' = t.id::text AND e.data->>'made_with' = f.id::text
)
UPDATE api_token t SET revoked_at = COALESCE(t.revoked_at, $1) FROM family f WHERE t.id = f.id
RETURNING t.id, t.person_id
"""


async def revoke_token(tx: Tx, by: Reader, token_id: UUID) -> None:
    """Revoke one of the reader's own tokens, with those made with it; the administrator may revoke anybody's of the bureau.

    Raises:
        NotFoundError: there is no such token, or it is another person's.
    """
    revoked = await tx.rows(_REVOKE, (tx.now, by.bureau_id, token_id, by.person_id, by.is_administrator))
    if not revoked:
        raise NotFoundError
    for each in sorted(revoked, key=lambda row: row["id"] != token_id):
        await _note(tx, by, "token-revoked", token=str(each["id"]), owner=str(each["person_id"]))


async def _note(tx: Tx, by: Reader, kind: str, **data: Any) -> None:
    data = {"person": data.pop("owner", str(by.person_id)), **data}
    await append_event(tx, by.bureau_id, stream="sign-in", kind=kind, person_id=by.person_id, data=data)
