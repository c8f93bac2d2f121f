"""Start a case: a season opens one for each subject that has none."""

from __future__ import annotations

import json
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

HOLDERS = f"""
SELECT a.position_id, jsonb_agg(DISTINCT a.person_id)::text AS people FROM appointment a
WHERE a.bureau_id = $1 AND a.position_id = ANY($2::uuid[]) AND {holds("$3", "$4")}
GROUP BY a.position_id
"""  # noqa: S608 - constant parts


async def start_case(tx: Tx, *, season: Season, group: ProjectGroup) -> UUID | None:
    """Open the group's case in the season, with its first visit, tasks, deadlines, alarms and notifications.

    Args:
        tx: the transaction.
        season: pins the version of the pack.
        group: a group of the season's programme.

    Returns:
        The new case's id, or None where the group already has one in this season.

    Raises:
        SetupError: a position that the process names does not exist for this group.
    """
    if await tx.rows("SELECT 1 FROM cases WHERE season_id = $1 AND group_id = $2", (season.id, group.id)):
        return None
    pack = await pinned_pack(tx, season.version_id)
    definition = pack.process(season.process)
    calendar = await calendar_of(tx, season.bureau_id, pack)
    actors = await resolve_actors(tx, group, definition.actors())
    day = calendar.local_day(tx.now)
    held = await tx.rows(HOLDERS, (season.bureau_id, list(actors.values()), day, tx.now))
    case = LockedCase(
        id=tx.new_id(), bureau_id=season.bureau_id, season_id=season.id, season_key=season.key,
        season_due=calendar.local_day(season.due_at - _INSTANT), group_id=group.id, group_code=group.code, guiding_unit_id=group.guiding_unit_id,
        base_unit_id=group.base_unit_id,
        state=CaseState(), actors=actors,
        holders={row["position_id"]: tuple(map(UUID, json.loads(row["people"]))) for row in held},
        pack=pack, definition=definition, calendar=calendar, late=False, audit_seq=0, audit_hash=GENESIS,
    )  # fmt: skip
    context = Context(person=None, held=frozenset(), now=tx.now, new_id=tx.new_id, positions=actors)
    transition = advance(definition, case.state, Start(), context)
    told = await administrators(tx, season.bureau_id, on=day) if vacant(case, transition) else ()
    rows, transition = transition_rows(tx, case, transition, Act(person=None, administrators=told))
    state = transition.state
    data = {"season": season.key, "version": str(season.version_id), "group": group.code, "to": state.name}
    seq, head = chain(tx, case, rows, kind="start", person=None, data=data)
    rows.add(
        "cases", id=case.id, bureau_id=case.bureau_id, season_id=season.id, version_id=season.version_id,
        process=season.process, group_id=group.id, state=state.status, stage=state.visit.stage if state.visit else None,
        version=state.version, number=None, late=False, actors={actor: str(each) for actor, each in actors.items()},
        state_doc=state.model_dump(mode="json"), opened_at=tx.now, closed_at=None, audit_seq=seq, audit_hash=head,
    )  # fmt: skip
    await write(tx, rows)
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
