"""The audit chain for its administrator: reading events, verifying all of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.people.access import Reader, may_see_audit, require
from services.store.anchors import verify_anchors
from services.store.chain import Broken, verify_chain
from services.store.transaction import Tx


@dataclass(frozen=True)
class EventRow:
    """An event of the chain as it is stored; personal values in `data` are salted digests."""

    id: UUID
    stream: str
    stream_id: UUID
    seq: int
    at: datetime
    person_id: UUID | None
    kind: str
    data: Mapping[str, Any]
    prev: str
    hash: str


@dataclass(frozen=True)
class EventPage:
    """A page of events, newest first; `next` is where the following one begins."""

    rows: tuple[EventRow, ...]
    next: tuple[datetime, UUID] | None


PAGE = """
SELECT id, stream, stream_id, seq, at, person_id, kind, data::text AS data, prev, hash FROM audit_event
WHERE bureau_id = $1 AND ($2::text IS NULL OR stream = $2) AND ($3::uuid IS NULL OR stream_id = $3)
    AND ($4::timestamptz IS NULL OR (at, id) < ($4, $5::uuid))
ORDER BY at DESC, id DESC LIMIT $6
"""


async def events_page(
    tx: Tx,
    reader: Reader,
    *,
    stream: str | None = None,
    stream_id: UUID | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> EventPage:
    """Return events of the bureau's chains, newest first, in one statement.

    Raises:
        ForbiddenError: the reader is not the audit administrator.
    """
    require(may_see_audit(reader))
    at, identity = after or (None, None)
    found = await tx.rows(PAGE, (reader.bureau_id, stream, stream_id, at, identity, limit + 1))
    rows = tuple(EventRow(**{**row, "data": json.loads(row["data"])}) for row in found[:limit])
    return EventPage(rows, (rows[-1].at, rows[-1].id) if len(found) > limit else None)


async def verify(tx: Tx, reader: Reader, *, keys: Iterable[Ed25519PublicKey]) -> list[Broken]:
    """Compute all chains of the bureau anew and compare them with their heads and anchors.

    Args:
        tx: the transaction.
        reader: who asks.
        keys: the public keys whose anchors count.

    Raises:
        ForbiddenError: the reader is not the audit administrator.
    """
    require(may_see_audit(reader))
    return [*await verify_chain(tx, reader.bureau_id), *await verify_anchors(tx, reader.bureau_id, keys=keys)]
