"""Who carries a season: its generation and lease, the steps it has finished, the waits it has passed.

A season is carried by one flow run at a time. Runs may die, vanish or come back late: each is told apart by its
generation, checked under the season's lock in the transaction of every step. Leases are by the database's real clock,
because a business clock may stand still or jump.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from models.programme import Season
from services.errors import NotFoundError, SupersededError
from services.store.transaction import Tx
from services.workflow.season_events import append_event, lock_season
from services.workflow.season_plan import season_id_of
from services.workflow.waits import is_met

LEASE_SECONDS = 30
"""How long a working run may be silent. It renews three times in that time."""
GRACE_SECONDS = 120
"""How long a run may take from being set running to its first renewal: a process starts meanwhile."""
BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 5, 300

OWN_FLOWS, ANY_SEASON = frozenset({"annual-filing"}), "any-season"
"""The processes that have a flow of their own, and the flow that carries a season of any other."""

Lease = Literal["none", "held", "expired"]
Verdict = Literal["keep", "release", "grace", "wait", "next"]


async def lock_carried(tx: Tx, season_id: UUID, generation: int) -> Season:
    """Lock the season for the run that carries it.

    Raises:
        SupersededError: a newer generation carries it, or it is cancelled.
    """
    season = await lock_season(tx, season_id)
    if season.generation != generation or season.state == "cancelled":
        raise SupersededError(season=season.key, current=season.generation, generation=generation)
    return season


async def named_season(tx: Tx, bureau: str, *, programme: str, process: str, key: str) -> UUID:
    """Return the season that a flow's parameters name, all by their codes.

    Raises:
        NotFoundError: there is none.
    """
    rows = await tx.rows("SELECT id FROM bureau WHERE code = $1", (bureau,))
    if not rows:
        raise NotFoundError
    return await season_id_of(tx, rows[0]["id"], programme=programme, process=process, key=key)


@dataclass(frozen=True)
class Kept:
    """An unfinished season whose time has come, as whoever keeps it going sees it."""

    id: UUID
    bureau: str
    programme: str
    process: str
    key: str
    generation: int
    flow_run_id: str | None
    lease: Lease
    failures: int

    @property
    def run_key(self) -> str:
        """What makes creating this generation's run idempotent."""
        return f"{self.id}:{self.generation}"

    @property
    def parameters(self) -> dict[str, str | int]:
        """What the run is told; nothing personal."""
        names: dict[str, str | int] = {"bureau": self.bureau, "programme": self.programme, "season": self.key}
        others = {} if self.process in OWN_FLOWS else {"process": self.process}
        return names | others | {"generation": self.generation}

    @property
    def deployment(self) -> str:
        """Which flow carries it: its process's own, or the one that carries any."""
        flow = self.process if self.process in OWN_FLOWS else ANY_SEASON
        return f"{flow}/{flow}"


KEPT = """
SELECT s.id, b.code AS bureau, s.programme, s.process, s.key, s.generation, s.flow_run_id,
    CASE WHEN s.lease_until IS NULL THEN 'none' WHEN s.lease_until > clock_timestamp() THEN 'held' ELSE 'expired' END
        AS lease,
    greatest(s.generation - 1 - coalesce((SELECT max(p.generation) FROM season_step p WHERE p.season_id = s.id), 0), 0)
        AS failures
FROM season s JOIN bureau b ON b.id = s.bureau_id
WHERE s.state IN ('planned', 'running') AND s.opens_at <= $1
ORDER BY s.opens_at, s.id
"""


async def seasons_to_keep(tx: Tx) -> list[Kept]:
    """Return every season that has opened, or should have, and is not over."""
    return [Kept(**row) for row in await tx.rows(KEPT, (tx.now,))]


def judge(run: str | None, lease: Lease, failures: int) -> Verdict:
    """Say what to do about a season's run.

    Args:
        run: its state as ports.Orchestrator names it, None where nobody knows the run.
        lease: the season's.
        failures: how many generations before this one ended without finishing a step.

    Returns:
        `keep` it; `release` a lease that a run which does not work has left behind; give a starting run `grace`;
        `wait` a while before the next try; or start the `next` generation. A state that says running proves nothing:
        after SIGKILL of worker and flow a run stays so for ever, and only its lease tells.
    """
    if run in {"scheduled", "suspended"}:
        return "release" if lease == "expired" else "keep"
    if lease == "held":
        return "keep"
    if lease == "expired":
        return "next"
    if run == "running":
        return "grace"
    return "wait" if failures else "next"


def backoff(failures: int) -> int:
    """Return how many seconds to wait after so many generations that got nowhere."""
    return min(BACKOFF_SECONDS << min(failures, 10), LONGEST_BACKOFF_SECONDS)


NEXT = """
UPDATE season SET generation = generation + 1, flow_run_id = NULL, lease_until = NULL
WHERE id = (
    SELECT id FROM season WHERE id = $1 AND generation = $2 AND state IN ('planned', 'running')
        AND (lease_until IS NULL OR lease_until <= clock_timestamp())
    FOR NO KEY UPDATE SKIP LOCKED)
RETURNING generation
"""


async def begin_generation(tx: Tx, season_id: UUID, *, seen: int) -> int | None:
    """Give the season to a new generation; return it, or None where the season is not free.

    It is not where another clock was first, where its run has renewed the lease since we looked, and where a step of
    it is under way: that holds the row, so it could not renew its lease however long it takes.
    """
    rows = await tx.rows(NEXT, (season_id, seen))
    if not rows:
        return None
    season = await lock_season(tx, season_id)
    await append_event(tx, season, "season-carried", data={"generation": season.generation})
    return season.generation


async def note_run(tx: Tx, season_id: UUID, *, generation: int, run_id: str) -> None:
    """Write down which run carries the generation."""
    await tx.rows(
        "UPDATE season SET flow_run_id = $3 WHERE id = $1 AND generation = $2 AND flow_run_id IS DISTINCT FROM $3",
        (season_id, generation, run_id),
    )


async def hold_lease(tx: Tx, season_id: UUID, *, generation: int, seconds: int = LEASE_SECONDS) -> bool:
    """Take or renew the lease for `seconds` of real time; False when the season is no longer this generation's."""
    rows = await tx.rows(
        "UPDATE season SET lease_until = clock_timestamp() + make_interval(secs => $3)"
        " WHERE id = $1 AND generation = $2 AND state <> 'cancelled' RETURNING id",
        (season_id, generation, float(seconds)),
    )
    return bool(rows)


async def drop_lease(tx: Tx, season_id: UUID, *, generation: int) -> None:
    """Let the lease go: the run is suspended or over."""
    await tx.rows("UPDATE season SET lease_until = NULL WHERE id = $1 AND generation = $2", (season_id, generation))


async def release_expired(tx: Tx, season_id: UUID, *, generation: int) -> None:
    """Clear a lease that is over, unless it was renewed since we looked."""
    await tx.rows(
        "UPDATE season SET lease_until = NULL WHERE id = $1 AND generation = $2 AND lease_until <= clock_timestamp()",
        (season_id, generation),
    )


async def finished_step(tx: Tx, season_id: UUID, name: str) -> Mapping[str, Any] | None:
    """Return the result of a step that is done, or None."""
    rows = await tx.rows(
        "SELECT result::text AS result FROM season_step WHERE season_id = $1 AND name = $2", (season_id, name)
    )
    return json.loads(rows[0]["result"]) if rows else None


async def finish_step(tx: Tx, season: Season, name: str, *, result: Mapping[str, Any]) -> None:
    """Record a step in the transaction that did its work."""
    await tx.rows(
        "INSERT INTO season_step (id, bureau_id, season_id, name, generation, result, finished_at)"
        " VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7)",
        (tx.new_id(), season.bureau_id, season.id, name, season.generation, json.dumps(result), tx.now),
    )


async def passed_waits(tx: Tx, season_id: UUID) -> frozenset[str]:
    """Return the waits that the season has passed, whichever generation carried it."""
    rows = await tx.rows("SELECT name FROM season_wait WHERE season_id = $1 AND met_at IS NOT NULL", (season_id,))
    return frozenset(row["name"] for row in rows)


ASK = """
INSERT INTO season_wait (id, bureau_id, season_id, name, suspensions, asked_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (season_id, name) DO UPDATE SET suspensions = season_wait.suspensions + $5
RETURNING suspensions, met_at
"""


async def pass_or_ask(tx: Tx, season_id: UUID, *, generation: int, name: str) -> str | None:
    """Pass the wait if its condition holds, else ask to be woken.

    Returns:
        None when it is passed, now or by an earlier generation: a passed wait is never waited for again. Else the key
        under which to suspend; its counter is committed first, because a key that was used returns at once.
    """
    season = await lock_carried(tx, season_id, generation)
    if name in await passed_waits(tx, season_id):
        return None
    met = await is_met(tx, season, name)
    new = (tx.new_id(), season.bureau_id, season_id, name, 0 if met else 1, tx.now)
    row = (await tx.rows(ASK, new))[0]
    if not met:
        return f"{name}-{row['suspensions']}"
    await tx.rows("UPDATE season_wait SET met_at = $3 WHERE season_id = $1 AND name = $2", (season_id, name, tx.now))
    return None


WAITING = """
SELECT s.id, w.name, s.flow_run_id, s.generation FROM season_wait w JOIN season s ON s.id = w.season_id
WHERE w.met_at IS NULL AND s.state = 'running' AND s.flow_run_id IS NOT NULL ORDER BY s.id, w.name
"""


@dataclass(frozen=True)
class Waiting:
    """A run that may be asleep although what it waits for has come."""

    season_id: UUID
    generation: int
    run_id: str
    wait: str


async def met_waits(tx: Tx) -> list[Waiting]:
    """Return the unmet waits whose condition holds by now. Level-triggered: asked again, it says the same again."""
    found = []
    for row in await tx.rows(WAITING):
        season = await tx.session.get_one(Season, row["id"])
        if await is_met(tx, season, row["name"]):
            found.append(Waiting(row["id"], row["generation"], row["flow_run_id"], row["name"]))
    return found
