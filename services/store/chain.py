"""The streams of the audit chain: appending to those without a row of their own, and finding what was tampered with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from services.store.audit import GENESIS, ChainedEvent, canonical, salted
from services.store.transaction import Tx

Stream = Literal["bureau", "sign-in"]
Problem = Literal["edited", "removed", "unlinked", "truncated", "beyond-head", "head-changed", "headless"]
BATCH = 2_000

_LOCK = "SELECT id, seq, hash FROM stream_head WHERE bureau_id = $1 AND stream = $2 FOR UPDATE"
_BEGIN = """
INSERT INTO stream_head (id, bureau_id, stream, seq, hash) VALUES ($1, $2, $3, 0, $4)
ON CONFLICT (bureau_id, stream) DO NOTHING
"""
_APPEND = """
WITH event AS (
    INSERT INTO audit_event (id, bureau_id, stream, stream_id, seq, at, person_id, kind, data, prev, hash)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11)
), salt AS (
    INSERT INTO audit_salt (id, bureau_id, event_id, salt) SELECT $12::uuid, $2, $1, $13::text WHERE $13::text IS NOT NULL
)
UPDATE stream_head SET seq = $5, hash = $11 WHERE id = $4
"""


async def append_event(
    tx: Tx,
    bureau_id: UUID,
    *,
    stream: Stream,
    kind: str,
    person_id: UUID | None,
    data: Mapping[str, Any],
    personal: Mapping[str, str] | None = None,
) -> ChainedEvent:
    """Append an event to one of the bureau's own streams; its head stays locked until the transaction ends.

    A transaction that appends to both streams appends to `sign-in` last, so that no two wait for each other.

    Args:
        tx: the transaction.
        bureau_id: whose stream.
        stream: `bureau` (settings, people, appointments) or `sign-in` (everything about accounts).
        kind: what happened, e.g. `signed-in`.
        person_id: who did it; None for the system or somebody unknown.
        data: what the event says, JSON values. Name the person concerned as `person` (their id), so that it can be erased.
        personal: values that must be erasable: they go in as salted digests.

    Returns:
        The event as it was written.
    """
    head = await _locked_head(tx, bureau_id, stream)
    salt = tx.ids.token() if personal else None
    digests = {name: salted(value, salt) for name, value in (personal or {}).items()} if salt else {}
    event = ChainedEvent(
        id=tx.new_id(),
        bureau_id=bureau_id,
        stream=stream,
        stream_id=head["id"],
        seq=head["seq"] + 1,
        at=tx.now,
        person_id=person_id,
        kind=kind,
        data={**data, **digests},
        prev=head["hash"],
    )
    await _write(tx, event, salt)
    return event


async def _locked_head(tx: Tx, bureau_id: UUID, stream: Stream) -> Mapping[str, Any]:
    found = await tx.rows(_LOCK, (bureau_id, stream))
    if not found:
        await tx.rows(_BEGIN, (tx.new_id(), bureau_id, stream, GENESIS))
        found = await tx.rows(_LOCK, (bureau_id, stream))
    return found[0]


async def _write(tx: Tx, event: ChainedEvent, salt: str | None) -> None:
    place = (event.id, event.bureau_id, event.stream, event.stream_id, event.seq, event.at, event.person_id, event.kind)
    data = canonical(event.data).decode()
    await tx.rows(_APPEND, (*place, data, event.prev, event.hash, tx.new_id(), salt))


async def erase_salts(tx: Tx, bureau_id: UUID, person_id: UUID) -> int:
    """Erase the salts of every event by or about the person: what remains are digests that say nothing any more.

    Returns:
        How many events lost their salt. The chain still verifies.
    """
    rows = await tx.rows(
        "DELETE FROM audit_salt s USING audit_event e WHERE s.bureau_id = $1 AND e.bureau_id = $1 AND e.id = s.event_id"
        " AND (e.person_id = $2 OR e.data->>'person' = $3) RETURNING s.id",
        (bureau_id, person_id, str(person_id)),
    )
    return len(rows)


# --- verifying ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Head:
    """Where a stream stands."""

    stream: str
    stream_id: UUID
    seq: int
    hash: str


@dataclass(frozen=True)
class Broken:
    """A place where a chain is not what it was.

    edited: an event's content does not give its hash. removed: an event is missing before this one. unlinked: an
    event does not follow from the one before it (put in, or rewritten). truncated: the last events are missing.
    beyond-head: events behind the head. head-changed: the head names another event. headless: a stream nobody began.
    Of anchors: forged, removed, changed (an anchored event is another one now, or gone).
    """

    stream: str
    stream_id: UUID
    seq: int
    problem: str


_HEADS = """
SELECT stream, id AS stream_id, seq, hash FROM stream_head WHERE bureau_id = $1
UNION ALL SELECT 'case', id, audit_seq, audit_hash FROM cases WHERE bureau_id = $1
UNION ALL SELECT 'season', id, audit_seq, audit_hash FROM season WHERE bureau_id = $1
"""
_EVENTS = """
SELECT id, bureau_id, stream, stream_id, seq, at, person_id, kind, data, prev, hash FROM audit_event
WHERE bureau_id = $1 AND (stream_id, seq) > ($2, $3) ORDER BY stream_id, seq LIMIT $4
"""


async def heads(tx: Tx, bureau_id: UUID) -> dict[UUID, Head]:
    """Return where every stream of the bureau stands, as of one moment."""
    return {row["stream_id"]: Head(**row) for row in await tx.rows(_HEADS, (bureau_id,))}


async def verify_chain(tx: Tx, bureau_id: UUID) -> list[Broken]:
    """Compute every stream of the bureau anew and compare; works beside people who write.

    Returns:
        What is broken, empty where everything is as it was written. Whoever rewrites a whole stream with its head is
        found by the anchors only.
    """
    before = await heads(tx, bureau_id)
    walks = {stream_id: _Walk(head) for stream_id, head in before.items()}
    async for row in _events(tx, bureau_id):
        walk = walks.setdefault(row["stream_id"], _Walk(Head(row["stream"], row["stream_id"], 0, GENESIS)))
        walk.step(row)
    # What was appended while we read lies beyond the heads as they were, but not beyond those of now.
    after = await heads(tx, bureau_id)
    return [broken for walk in walks.values() for broken in walk.end(after.get(walk.head.stream_id))]


async def _events(tx: Tx, bureau_id: UUID) -> AsyncIterator[Mapping[str, Any]]:
    place: tuple[UUID, int] = (UUID(int=0), 0)
    while rows := await tx.rows(_EVENTS, (bureau_id, *place, BATCH)):
        for row in rows:
            yield row
        place = rows[-1]["stream_id"], rows[-1]["seq"]


class _Walk:
    """Goes along one stream and notes what is wrong."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.seq, self.hash = 0, GENESIS
        self.at_head = head.hash if head.seq == 0 else None
        self.found: list[Broken] = []

    def step(self, row: Mapping[str, Any]) -> None:
        event = ChainedEvent(**{name: value for name, value in row.items() if name != "hash"})
        if event.seq != self.seq + 1:
            self._note(event.seq, "removed")
        elif event.prev != self.hash:
            self._note(event.seq, "unlinked")
        if event.hash != row["hash"]:
            self._note(event.seq, "edited")
        self.seq, self.hash = event.seq, row["hash"]
        if event.seq == self.head.seq:
            self.at_head = row["hash"]

    def end(self, now: Head | None) -> list[Broken]:
        if now is None:
            self._note(self.seq, "headless")
        elif self.seq < self.head.seq:
            self._note(self.head.seq, "truncated")
        elif self.at_head != self.head.hash:
            self._note(self.head.seq, "head-changed")
        elif self.seq > now.seq:
            self._note(self.seq, "beyond-head")
        return self.found

    def _note(self, seq: int, problem: Problem) -> None:
        self.found.append(Broken(self.head.stream, self.head.stream_id, seq, problem))
