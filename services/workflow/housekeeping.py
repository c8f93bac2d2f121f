"""What is cleared away after a while: ended sessions, used idempotency keys, signs of life of processes that are gone."""

from __future__ import annotations

from services.store.transaction import Tx
from services.workflow.opinions import clear_orphans

SESSIONS = (
    "DELETE FROM sign_in WHERE coalesce(ended_at, expires_at) < clock_timestamp() - interval '30 days' RETURNING 1"
)
COMMANDS = "DELETE FROM command WHERE at < $1::timestamptz - interval '30 days' RETURNING 1"
HEARTBEATS = "DELETE FROM heartbeat WHERE at < clock_timestamp() - interval '1 day' RETURNING 1"


async def clear_away(tx: Tx) -> int:
    """Delete what nobody needs any more; return how many rows. Sessions and signs of life are by the real clock."""
    gone = await tx.rows(SESSIONS)
    used = await tx.rows(COMMANDS, (tx.now,))
    dead = await tx.rows(HEARTBEATS)
    return len(gone) + len(used) + len(dead) + await clear_orphans(tx)


async def known_files(tx: Tx) -> frozenset[str]:
    """Return the digests of all files that rows name, of every bureau."""
    return frozenset(row["sha256"] for row in await tx.rows("SELECT DISTINCT sha256 FROM stored_file"))
