"""The signed daily anchor over all chain heads of a bureau.

A chain alone could be recomputed by whoever holds the database. An anchor cannot: it is signed with a key that lies outside
the database and is mailed away. Each anchor names the heads that moved since the one before and that one's digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlmodel import col, select

from models.audit import Anchor
from services.store.audit import GENESIS, canonical, digest
from services.store.chain import Broken, heads
from services.store.transaction import Tx

_ANCHORED = """
SELECT DISTINCT ON (head->>1) head->>1 AS stream_id, (head->>2)::int AS seq, head->>3 AS hash
FROM anchor, jsonb_array_elements(body->'moved') head WHERE bureau_id = $1 ORDER BY head->>1, day DESC
"""
_STANDING = """
SELECT e.stream_id, e.seq, e.hash FROM unnest($2::uuid[], $3::int[]) AS wanted(stream_id, seq)
JOIN audit_event e ON e.stream_id = wanted.stream_id AND e.seq = wanted.seq AND e.bureau_id = $1
"""


def key_id(key: Ed25519PublicKey) -> str:
    """Return the short name of a public key that anchors carry."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


async def make_anchor(tx: Tx, bureau_id: UUID, *, day: date, key: Ed25519PrivateKey) -> tuple[Anchor, bool]:
    """Anchor the bureau's chains for a day; the day's second call returns the first one's anchor.

    Args:
        tx: the transaction.
        bureau_id: whose chains.
        day: the day in the bureau's zone.
        key: the installation's signing key.

    Returns:
        The anchor, and whether it was made now (so that it is mailed once).
    """
    await tx.rows("SELECT id FROM bureau WHERE id = $1 FOR UPDATE", (bureau_id,))
    existing = await _anchor_of(tx, bureau_id, day)
    if existing is not None:
        return existing, False
    body = await _body(tx, bureau_id, day)
    text = digest(body)
    anchor = Anchor(
        id=tx.new_id(),
        bureau_id=bureau_id,
        day=day,
        body=body,
        digest=text,
        signature=key.sign(text.encode()).hex(),
        key_id=key_id(key.public_key()),
        created_at=tx.now,
    )
    tx.session.add(anchor)
    await tx.session.flush()
    return anchor, True


async def _anchor_of(tx: Tx, bureau_id: UUID, day: date) -> Anchor | None:
    found = await tx.session.exec(select(Anchor).where(Anchor.bureau_id == bureau_id, Anchor.day == day))
    return found.first()


async def _body(tx: Tx, bureau_id: UUID, day: date) -> dict[str, Any]:
    previous = await tx.rows("SELECT digest FROM anchor WHERE bureau_id = $1 ORDER BY day DESC LIMIT 1", (bureau_id,))
    anchored = {UUID(row["stream_id"]): row["hash"] for row in await tx.rows(_ANCHORED, (bureau_id,))}
    standing = await heads(tx, bureau_id)
    moved = [head for head in standing.values() if head.seq and anchored.get(head.stream_id) != head.hash]
    return {
        "bureau": str(bureau_id),
        "day": day.isoformat(),
        "prev": previous[0]["digest"] if previous else GENESIS,
        "streams": sum(1 for head in standing.values() if head.seq),
        "events": sum(head.seq for head in standing.values()),
        "moved": sorted([head.stream, str(head.stream_id), head.seq, head.hash] for head in moved),
    }


async def verify_anchors(tx: Tx, bureau_id: UUID, *, keys: Iterable[Ed25519PublicKey]) -> list[Broken]:
    """Compare the bureau's chains with its anchors.

    Args:
        tx: the transaction.
        bureau_id: whose chains.
        keys: the keys whose signatures count; the installation's, and earlier ones of it.

    Returns:
        What is broken: `forged` (digest or signature is wrong, or the key unknown) and `removed` (the anchor before is
        missing) name the anchor; `changed` names the event that was anchored and is another one now, or gone.
    """
    known = {key_id(key): key for key in keys}
    query = select(Anchor).where(Anchor.bureau_id == bureau_id).order_by(col(Anchor.day))
    found: list[Broken] = []
    previous = GENESIS
    for number, anchor in enumerate((await tx.session.exec(query)).all(), start=1):
        if not _is_genuine(anchor, known):
            found.append(Broken("anchor", anchor.id, number, "forged"))
        if anchor.body["prev"] != previous:
            found.append(Broken("anchor", anchor.id, number, "removed"))
        found.extend(await _changed(tx, bureau_id, anchor.body["moved"]))
        previous = anchor.digest
    return found


def _is_genuine(anchor: Anchor, known: Mapping[str, Ed25519PublicKey]) -> bool:
    key = known.get(anchor.key_id)
    says_itself = {"bureau": str(anchor.bureau_id), "day": anchor.day.isoformat()}
    if key is None or digest(anchor.body) != anchor.digest or not says_itself.items() <= anchor.body.items():
        return False
    try:
        key.verify(bytes.fromhex(anchor.signature), anchor.digest.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


async def _changed(tx: Tx, bureau_id: UUID, moved: list[list[Any]]) -> list[Broken]:
    wanted = [(stream, UUID(stream_id), seq, text) for stream, stream_id, seq, text in moved]
    rows = await tx.rows(_STANDING, (bureau_id, [head[1] for head in wanted], [head[2] for head in wanted]))
    standing = {(row["stream_id"], row["seq"]): row["hash"] for row in rows}
    return [Broken(name, sid, seq, "changed") for name, sid, seq, text in wanted if standing.get((sid, seq)) != text]


def mailed_text(anchor: Anchor) -> str:
    """Return the anchor as the text that is mailed away and kept: enough to compare with, nothing personal."""
    return canonical(
        {"day": anchor.day, "digest": anchor.digest, "key": anchor.key_id, "sig": anchor.signature}
    ).decode()
