"""Lock a case and read, in one statement, everything that an act on it needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from uuid import UUID

from services.errors import NotFoundError
from services.people.access import Reader, has_part, may_see_case
from services.people.directory import local_day
from services.people.holding import holds
from services.process.calendar import WorkCalendar
from services.process.definitions import ProcessDefinition
from services.process.packs import Pack
from services.process.states import CaseState
from services.programmes.pinned import CALENDAR, calendar_of, pinned_pack
from services.store.transaction import Tx

LOCK = f"""
SELECT c.id, c.bureau_id, c.season_id, c.version_id, c.process, c.group_id, c.state_doc::text AS state_doc,
    c.actors::text AS actors, c.late, c.number, c.audit_seq, c.audit_hash, s.key AS season_key, s.due::text AS season_due,
    s.opens_at AS season_opens_at, s.due_at AS season_due_at, c.parent_id,
    g.code AS group_code, g.guiding_unit_id, g.base_unit_id,
    (SELECT jsonb_object_agg(h.position_id, h.people) FROM (
        SELECT a.position_id, jsonb_agg(DISTINCT a.person_id) AS people FROM appointment a
        WHERE a.position_id IN (SELECT j.value::uuid FROM jsonb_each_text(c.actors) j)
            AND {holds("$3", "$4")}
        GROUP BY a.position_id) h)::text AS holders,
    ({CALENDAR.format(bureau="c.bureau_id")}) AS calendar_digest
FROM cases c JOIN season s ON s.id = c.season_id JOIN project_group g ON g.id = c.group_id
WHERE c.bureau_id = $1 AND c.id = {{which}}
FOR UPDATE OF c
"""  # noqa: S608 - constant parts
BY_TASK = LOCK.format(which="(SELECT t.case_id FROM task t WHERE t.id = $2 AND t.bureau_id = $1)")
BY_CASE = LOCK.format(which="$2")


_known = lru_cache(maxsize=16384)(UUID)
"""The ids of positions and people, which come again with every act, read from their texts once."""


@dataclass(frozen=True)
class LockedCase:
    """A case under its row lock, with its pinned rules, its calendar and who holds its positions today.

    `state` is as the newest committed act left it. `holders`: position id -> person ids.
    """

    id: UUID
    bureau_id: UUID
    version_id: UUID
    season_id: UUID
    season_key: str
    season_due: date
    season_opens_at: datetime
    season_due_at: datetime
    group_id: UUID
    group_code: str
    guiding_unit_id: UUID
    base_unit_id: UUID | None
    state: CaseState
    actors: Mapping[str, UUID]
    holders: Mapping[UUID, tuple[UUID, ...]]
    pack: Pack
    definition: ProcessDefinition
    calendar: WorkCalendar
    late: bool
    audit_seq: int
    audit_hash: str
    parent_id: UUID | None = None


async def lock_case(tx: Tx, by: Reader, *, task_id: UUID | None = None, case_id: UUID | None = None) -> LockedCase:
    """Lock the case (or the case of the task) until the transaction ends.

    Args:
        tx: the transaction.
        by: who acts; a case that they may not see is not found.
        task_id: the task whose case it is, or
        case_id: the case itself.

    Raises:
        NotFoundError: there is no such case in the reader's bureau, or they may not see it.
    """
    statement = BY_TASK if task_id is not None else BY_CASE
    case = await _locked(tx, statement, by.bureau_id, task_id or case_id, zone=by.zone)
    if case is None or not (may_see_case(by, case) or await has_part(tx, by, case.id)):
        raise NotFoundError
    return case


async def lock_for_clock(tx: Tx, bureau_id: UUID, case_id: UUID, *, zone: str) -> LockedCase | None:
    """Lock a case that the clock looks after; None where there is none."""
    return await _locked(tx, BY_CASE, bureau_id, case_id, zone=zone)


async def _locked(tx: Tx, statement: str, bureau_id: UUID, which: UUID | None, *, zone: str) -> LockedCase | None:
    rows = await tx.rows(statement, (bureau_id, which, local_day(tx.now, zone), tx.now))
    if not rows:
        return None
    row = rows[0]
    pack = await pinned_pack(tx, row["version_id"])
    holders = json.loads(row["holders"] or "{}")
    return LockedCase(
        id=row["id"],
        bureau_id=row["bureau_id"],
        version_id=row["version_id"],
        season_id=row["season_id"],
        season_key=row["season_key"],
        season_due=date.fromisoformat(json.loads(row["season_due"])["due_on"]),
        season_opens_at=row["season_opens_at"],
        season_due_at=row["season_due_at"],
        group_id=row["group_id"],
        group_code=row["group_code"],
        guiding_unit_id=row["guiding_unit_id"],
        base_unit_id=row["base_unit_id"],
        state=CaseState.model_validate_json(row["state_doc"]),
        actors={actor: _known(position) for actor, position in json.loads(row["actors"]).items()},
        holders={_known(position): tuple(map(_known, people)) for position, people in holders.items()},
        pack=pack,
        definition=pack.process(row["process"]),
        calendar=await calendar_of(tx, bureau_id, pack, known_digest=row["calendar_digest"]),
        late=row["late"],
        audit_seq=row["audit_seq"],
        audit_hash=row["audit_hash"],
        parent_id=row["parent_id"],
    )
