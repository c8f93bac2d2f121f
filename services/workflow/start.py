"""Start a case: a season opens one for each subject that has none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from models.people import ProjectGroup
from models.programme import Season
from services.errors import SetupError
from services.people.holding import holds
from services.process.events import Context, Start
from services.process.states import CaseState
from services.process.transitions import advance
from services.programmes.pinned import calendar_of, pinned_pack
from services.store.audit import GENESIS
from services.store.transaction import Tx
from services.store.writer import write
from services.workflow.locking import LockedCase
from services.workflow.rows import Act, administrators, chain, transition_rows, vacant

_INSTANT = timedelta(microseconds=1)

EXISTING = """
SELECT 1 FROM cases WHERE season_id = $1 AND group_id = $2 AND parent_visit_id IS NOT DISTINCT FROM $3::uuid
"""
HOLDERS = f"""
SELECT a.position_id, jsonb_agg(DISTINCT a.person_id)::text AS people FROM appointment a
WHERE a.bureau_id = $1 AND a.position_id = ANY($2::uuid[]) AND {holds("$3", "$4")}
GROUP BY a.position_id
"""  # noqa: S608 - constant parts


@dataclass(frozen=True)
class Parent:
    """The case and the visit that start another case, the pack's version that it is pinned to, and the process that it goes through."""

    case_id: UUID
    visit_id: UUID
    version_id: UUID
    process: str


async def start_case(tx: Tx, *, season: Season, group: ProjectGroup, parent: Parent | None = None) -> UUID | None:
    """Open the group's case in the season, with its first visit, tasks, deadlines, alarms and notifications.

    Args:
        tx: the transaction.
        season: pins the version of the pack.
        group: a group of the season's programme.
        parent: the stage of another case that starts this one; None for the season's own.

    Returns:
        The new case's id, or None where the group already has one in this season.

    Raises:
        SetupError: a position that the process names does not exist for this group.
    """
    if await tx.rows(EXISTING, (season.id, group.id, parent.visit_id if parent else None)):
        return None
    version_id = parent.version_id if parent else season.version_id
    pack = await pinned_pack(tx, version_id)
    definition = pack.process(parent.process if parent else season.process)
    calendar = await calendar_of(tx, season.bureau_id, pack)
    actors = await resolve_actors(tx, group, definition.actors())
    day = calendar.local_day(tx.now)
    held = await tx.rows(HOLDERS, (season.bureau_id, list(actors.values()), day, tx.now))
    case = LockedCase(
        id=tx.new_id(), bureau_id=season.bureau_id, season_id=season.id, season_key=season.key,
        season_due=calendar.local_day(season.due_at - _INSTANT), season_opens_at=season.opens_at,
        season_due_at=season.due_at, version_id=version_id, parent_id=parent.case_id if parent else None, group_id=group.id, group_code=group.code, guiding_unit_id=group.guiding_unit_id,
        base_unit_id=group.base_unit_id,
        state=CaseState(), actors=actors,
        holders={row["position_id"]: tuple(map(UUID, json.loads(row["people"]))) for row in held},
        pack=pack, definition=definition, calendar=calendar, late=False, audit_seq=0, audit_hash=GENESIS,
    )  # fmt: skip
    context = Context(
        person=None, held=frozenset(), now=tx.now, new_id=tx.new_id, positions=actors, holders=case.holders
    )
    transition = advance(definition, case.state, Start(), context)
    told = await administrators(tx, season.bureau_id, on=day) if vacant(case, transition) else ()
    rows, transition = transition_rows(tx, case, transition, Act(person=None, administrators=told))
    state = transition.state
    data = {"season": season.key, "version": str(version_id), "group": group.code, "to": state.name}
    seq, head = chain(tx, case, rows, kind="start", person=None, data=data)
    rows.add(
        "cases", id=case.id, bureau_id=case.bureau_id, season_id=season.id, version_id=version_id,
        process=definition.process, group_id=group.id, state=state.status, stage=state.visit.stage if state.visit else None,
        version=state.version, number=None, late=False, actors={actor: str(each) for actor, each in actors.items()},
        state_doc=state.model_dump(mode="json"), opened_at=tx.now, closed_at=None, audit_seq=seq, audit_hash=head,
        parent_id=parent.case_id if parent else None, parent_visit_id=parent.visit_id if parent else None,
        suspended_at=None,
    )  # fmt: skip
    await write(tx, rows)
    from services.workflow.children import start_children  # noqa: PLC0415 - a child's first stage may start another

    await start_children(tx, case, transition)
    return case.id


async def resolve_actors(tx: Tx, group: ProjectGroup, actors: tuple[str, ...]) -> dict[str, UUID]:
    """Return the position that each actor of a definition means for this group.

    A bare role is the group's own position; `guiding-unit/…` and `base-school/…` stand for the group's units.

    Raises:
        SetupError: there is no such position; names the actor.
    """
    rows = await tx.rows(
        "SELECT p.id, p.role, p.group_id, p.unit_id, u.code AS unit FROM position p LEFT JOIN unit u ON u.id = p.unit_id"
        " WHERE p.bureau_id = $1 AND (p.group_id = $2 OR p.group_id IS NULL)",
        (group.bureau_id, group.id),
    )
    named: dict[str, UUID] = {}
    for row in rows:
        if row["group_id"] is not None:
            named[row["role"]] = row["id"]
            continue
        named[f"{row['unit']}/{row['role']}"] = row["id"]
        if row["unit_id"] == group.guiding_unit_id:
            named[f"guiding-unit/{row['role']}"] = row["id"]
        if row["unit_id"] == group.base_unit_id:
            named[f"base-school/{row['role']}"] = row["id"]
    missing = [actor for actor in actors if actor not in named]
    if missing:
        raise SetupError(
            "The position “{actor}” does not exist for the group “{group}”; load the programme again.",
            actor=missing[0],
            group=group.code,
        )
    return {actor: named[actor] for actor in actors}
