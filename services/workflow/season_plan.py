"""Which seasons there are to be: rows made from the definitions, the only schedule that seasons have.

A planned season follows the newest pack: its dates are worked out again whenever it is planned again. It pins its
version when it opens, so that what a bureau improves before the opening still counts, and nothing does after it.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlmodel import select

from models.programme import Programme
from services.errors import NotFoundError
from services.process.calendar import WorkCalendar
from services.process.deadlines import SeasonDates, season_dates
from services.process.definitions import ProcessDefinition
from services.process.packs import Pack
from services.process.reasons import Reason, reason, weekday
from services.programmes.pinned import calendar_of, pinned_pack
from services.store.audit import GENESIS
from services.store.transaction import Tx
from services.workflow.season_events import append_event, lock_season

AHEAD = timedelta(days=366)
"""How long before its opening a season is planned, so that next year's dates can be seen."""

PLAN = """
INSERT INTO season (id, bureau_id, programme, process, key, version_id, state, opens_at, due_at, due, generation,
    audit_seq, audit_hash)
VALUES ($1, $2, $3, $4, $5, $6, 'planned', $7, $8, $9::jsonb, 0, 0, $10)
ON CONFLICT (bureau_id, programme, process, key) DO UPDATE
    SET version_id = excluded.version_id, opens_at = excluded.opens_at, due_at = excluded.due_at, due = excluded.due
    WHERE season.state = 'planned' AND season.generation = 0
        AND (season.version_id, season.opens_at, season.due_at, season.due)
            IS DISTINCT FROM (excluded.version_id, excluded.opens_at, excluded.due_at, excluded.due)
RETURNING id, (xmax = 0) AS is_new
"""

AS_IT_IS = """
SELECT 1 FROM season WHERE bureau_id = $1 AND programme = $2 AND process = $3 AND key = $4
    AND (state <> 'planned' OR generation > 0
        OR (version_id, opens_at, due_at, due) IS NOT DISTINCT FROM ($5::uuid, $6::timestamptz, $7::timestamptz, $8::jsonb))
"""
"""Asked first, because ON CONFLICT locks the row that it meets, and a season may be locked by the step that works on it."""

WITHDRAW = """
UPDATE season SET state = 'cancelled', ended_at = $4
WHERE bureau_id = $1 AND programme = $2 AND state = 'planned' AND generation = 0 AND NOT process = ANY($3)
RETURNING id
"""


async def plan_seasons(tx: Tx, bureau_id: UUID) -> list[UUID]:
    """Plan every season of the bureau that is not over yet and opens within a year; return the new ones' ids.

    Idempotent. A planned season whose process the newest pack no longer has is cancelled.
    """
    programmes = await tx.session.exec(select(Programme).where(Programme.bureau_id == bureau_id))
    planned: list[UUID] = []
    for programme in programmes:
        pack = await pinned_pack(tx, programme.version_id)
        calendar = await calendar_of(tx, bureau_id, pack)
        await _withdraw(tx, bureau_id, pack)
        for definition in pack.processes:
            for key in _keys(tx, definition, calendar):
                is_new, season_id = await _plan(tx, programme, pack, definition=definition, calendar=calendar, key=key)
                planned += [season_id] if is_new and season_id is not None else []
    return planned


async def plan_season(tx: Tx, bureau_id: UUID, *, programme: str, process: str, key: str) -> UUID:
    """Plan one season by its key, also one that is over by its dates; return its id whether it is new or not.

    Raises:
        NotFoundError: the bureau has no such programme or process.
        SeasonDateError: the key names no season.
    """
    found = select(Programme).where(Programme.bureau_id == bureau_id, Programme.code == programme)
    row = (await tx.session.exec(found)).first()
    if row is None:
        raise NotFoundError
    pack = await pinned_pack(tx, row.version_id)
    if process not in {definition.process for definition in pack.processes}:
        raise NotFoundError
    calendar = await calendar_of(tx, bureau_id, pack)
    await _plan(tx, row, pack, definition=pack.process(process), calendar=calendar, key=key)
    return await season_id_of(tx, bureau_id, programme=programme, process=process, key=key)


async def season_id_of(tx: Tx, bureau_id: UUID, *, programme: str, process: str, key: str) -> UUID:
    """Return the id of the season that these name; NotFoundError where there is none."""
    rows = await tx.rows(
        "SELECT id FROM season WHERE bureau_id = $1 AND programme = $2 AND process = $3 AND key = $4",
        (bureau_id, programme, process, key),
    )
    if not rows:
        raise NotFoundError
    season_id: UUID = rows[0]["id"]
    return season_id


def _keys(tx: Tx, definition: ProcessDefinition, calendar: WorkCalendar) -> list[str]:
    keys = []
    for year in range(tx.now.year - 1, tx.now.year + 3):
        dates = season_dates(definition.season_rule, str(year), calendar)
        if dates.due_at > tx.now and dates.opens_at <= tx.now + AHEAD:
            keys.append(str(year))
    return keys


async def _plan(
    tx: Tx, programme: Programme, pack: Pack, *, definition: ProcessDefinition, calendar: WorkCalendar, key: str
) -> tuple[bool, UUID | None]:
    """Write the planned row or bring it up to date; say whether it is new, and its id if anything was written."""
    dates = season_dates(definition.season_rule, key, calendar)
    due_at, due = explained_due(definition, dates, calendar, rolls=pack.settings.roll_forward)
    known = (programme.bureau_id, programme.code, definition.process, key, programme.version_id, dates.opens_at, due_at)
    if await tx.rows(AS_IT_IS, (*known, json.dumps(due))):
        return False, None
    names = (tx.new_id(), programme.bureau_id, programme.code, definition.process, key, programme.version_id)
    rows = await tx.rows(PLAN, (*names, dates.opens_at, due_at, json.dumps(due), GENESIS))
    if not rows:
        return False, None
    is_new, season_id = bool(rows[0]["is_new"]), rows[0]["id"]
    season = await lock_season(tx, season_id)
    data = {"opens_on": dates.opens_on.isoformat(), "due_on": due["due_on"], "version": str(programme.version_id)}
    await append_event(tx, season, "season-planned" if is_new else "season-replanned", data=data)
    return is_new, season_id


async def _withdraw(tx: Tx, bureau_id: UUID, pack: Pack) -> None:
    processes = [definition.process for definition in pack.processes]
    for row in await tx.rows(WITHDRAW, (bureau_id, pack.programme, processes, tx.now)):
        await append_event(tx, await lock_season(tx, row["id"]), "season-cancelled", data={"why": "process-gone"})


def explained_due(
    definition: ProcessDefinition, dates: SeasonDates, calendar: WorkCalendar, *, rolls: bool
) -> tuple[Any, dict[str, Any]]:
    """Return when the season's due day has ended, and the explanation that its row keeps.

    The same steps as a task's: the rule's date, the programme's roll, the end of the day, provisional years.
    """
    raw = dates.due_on
    due_on = calendar.first_workday_on_or_after(raw) if rolls else raw
    unknown = calendar.provisional_years(dates.opens_on, due_on)
    steps = [
        reason("season-due", date=raw),
        *_day_off(raw, calendar, rolls=rolls),
        reason("ends", zone=calendar.data.zone),
    ]
    steps += [reason("provisional", year=year) for year in unknown]
    explanation = {
        "rule": definition.season_rule.due,
        "base": raw.isoformat(),
        "raw": raw.isoformat(),
        "opens_on": dates.opens_on.isoformat(),
        "due_on": due_on.isoformat(),
        "close_on": None,
        "calendar_version": calendar.version,
        "provisional": bool(unknown),
        "reasons": [{"code": step.code, "values": dict(step.values)} for step in steps],
        "override": None,
    }
    return calendar.end_of(due_on), explanation


def _day_off(raw: Any, calendar: WorkCalendar, *, rolls: bool) -> list[Reason]:
    day = calendar.day(raw)
    if day.workday:
        return []
    named = {"weekday": weekday(raw), **({"name": day.name} if day.name else {})}
    suffix = "-holiday" if day.name else ""
    if rolls:
        return [reason(f"rolled{suffix}", from_date=raw, date=calendar.first_workday_on_or_after(raw), **named)]
    return [reason(f"stays{suffix}", date=raw, **named)]
