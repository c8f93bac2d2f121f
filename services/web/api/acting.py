"""Carrying out a command once: versions that must match, and idempotency keys."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from services.errors import ConflictError, KeyReusedError
from services.i18n import N_
from services.store.audit import digest
from services.web.api.callers import Caller
from services.workflow.carry_out import Outcome
from services.workflow.drafts import DraftConflictError


class PreconditionFailedError(ConflictError):
    """What `If-Match` named is not what is there now."""

    code, status, default = (
        "precondition-failed",
        412,
        N_("This has changed since the version that If-Match names. Read it again."),
    )


async def carry_out(act: Callable[[], Awaitable[Outcome]], *, if_match: str | None = None) -> Outcome:
    """Carry out an act on a case; a version that `If-Match` named and that is gone gives 412."""
    try:
        return await act()
    except ConflictError as error:
        raise refused(error, if_match) from error


def refused(error: ConflictError, if_match: str | None) -> ConflictError:
    """Return 412 for a version that `If-Match` named and that is gone; any other conflict as it is."""
    about_version = type(error) is ConflictError or isinstance(error, DraftConflictError)
    return PreconditionFailedError(**error.details) if if_match and about_version else error


TAKE = """
INSERT INTO command (id, bureau_id, person_id, key, fingerprint, result, at) VALUES ($1, $2, $3, $4, $5, '{}', $6)
ON CONFLICT (bureau_id, person_id, key) DO NOTHING RETURNING id
"""
FOUND = "SELECT fingerprint, result::text AS result FROM command WHERE bureau_id = $1 AND person_id = $2 AND key = $3"
KEEP = "UPDATE command SET result = $2::jsonb WHERE id = $1"


async def once(
    caller: Caller, key: str | None, command: tuple[str, ...], make: Callable[[], Awaitable[Mapping[str, Any]]]
) -> Mapping[str, Any]:
    """Make something that is no act on a case, once under the key; a second identical command gets the first's result.

    The key's row is taken before anything is done: whoever comes second waits at it until the first has committed.

    Args:
        caller: who calls.
        key: the idempotency key, or None.
        command: what is asked for; another one under the same key is refused.
        make: does it, and returns JSON values without anything secret.

    Raises:
        KeyReusedError: the key was used for another command.
    """
    if key is None:
        return await make()
    by, tx, fingerprint = caller.reader, caller.tx, digest(list(command))
    taken = await tx.rows(TAKE, (tx.new_id(), by.bureau_id, by.person_id, key, fingerprint, tx.now))
    if taken:
        result = await make()
        await tx.rows(KEEP, (taken[0]["id"], json.dumps(result, default=str)))
        return result
    row = (await tx.rows(FOUND, (by.bureau_id, by.person_id, key)))[0]
    if row["fingerprint"] != fingerprint:
        raise KeyReusedError
    found: Mapping[str, Any] = json.loads(row["result"])
    return found
