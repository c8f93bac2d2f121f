"""What a season does around its cases: open them, list who is missing, close with a summary.

Each use case runs in its caller's transaction, on a season that the caller may carry (its generation), and does only
what is missing. See season_plan for how seasons come about, carrying for who carries them.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlmodel import col, select

from models.people import ProjectGroup
from models.programme import Programme, Season
from services.errors import ConflictError
from services.process.deadlines import season_dates
from services.programmes.pinned import calendar_of
from services.store.transaction import Tx
from services.workflow.carrying import lock_carried
from services.workflow.season_events import append_event, rules_of, tell_offices
from services.workflow.season_plan import explained_due
from services.workflow.start import start_case

Result = dict[str, Any]


async def open_season(tx: Tx, season_id: UUID, generation: int) -> Result:
    """Open the season and the cases that are missing: one per project group of its version (QD-14, QD-32).

    The season pins the programme's current version here, once; what is loaded later is for the next season.

    Args:
        tx: the transaction.
        season_id: which season.
        generation: who carries it.

    Returns:
        How many cases it has and how many of them are new.

    Raises:
        SupersededError: another generation carries the season.
    """
    season = await lock_carried(tx, season_id, generation)
    if season.state == "planned":
        await _begin(tx, season)
    groups = await _groups_without_case(tx, season)
    for group in groups:
        await start_case(tx, season=season, group=group)
    if groups:
        await append_event(tx, season, "cases-opened", data={"groups": [group.code for group in groups]})
    count = await tx.rows("SELECT count(*) AS n FROM cases WHERE season_id = $1 AND parent_id IS NULL", (season.id,))
    return {"cases": count[0]["n"], "opened": len(groups), "due_on": season.due["due_on"]}


async def _begin(tx: Tx, season: Season) -> None:
    """Pin the version in force and the dates that it says."""
    current = select(Programme).where(Programme.bureau_id == season.bureau_id, Programme.code == season.programme)
    season.version_id = (await tx.session.exec(current)).one().version_id
    rules = await rules_of(tx, season)
    calendar = await calendar_of(tx, season.bureau_id, rules.pack)
    dates = season_dates(rules.definition.season_rule, season.key, calendar)
    rolls = rules.pack.settings.roll_forward
    season.due_at, season.due = explained_due(rules.definition, dates, calendar, rolls=rolls)
    season.state, season.started_at = "running", tx.now
    data = {"version": str(season.version_id), "due_on": season.due["due_on"]}
    await append_event(tx, season, "season-opened", data=data)


async def _groups_without_case(tx: Tx, season: Season) -> list[ProjectGroup]:
    # The groups of the pinned version, not of the table: what a pack names no longer keeps its row, for its old cases.
    named = [group.code for group in (await rules_of(tx, season)).pack.groups]
    groups = await tx.session.exec(
        select(ProjectGroup)
        .where(ProjectGroup.bureau_id == season.bureau_id, ProjectGroup.programme == season.programme)
        .where(col(ProjectGroup.code).in_(named))
        .order_by(ProjectGroup.code)
    )
    having = {
        row["group_id"]
        for row in await tx.rows("SELECT group_id FROM cases WHERE season_id = $1 AND parent_id IS NULL", (season.id,))
    }
    return [group for group in groups if group.id not in having]


MISSING = """
SELECT g.code, g.title_zh, g.title_en, u.title_zh AS unit_zh, u.title_en AS unit_en
FROM cases c JOIN project_group g ON g.id = c.group_id LEFT JOIN unit u ON u.id = g.base_unit_id
WHERE c.bureau_id = $1 AND c.season_id = $2 AND c.parent_id IS NULL AND c.state = 'open'
    AND EXISTS (SELECT FROM visit v WHERE v.case_id = c.id AND v.closed_at IS NULL AND v.stage = ANY($3)
        AND v.entered_by IN ('start', 'withdraw', 'take-back'))
ORDER BY g.code
"""


async def missing_groups(tx: Tx, season: Season) -> list[Result]:
    """Return the groups of which nothing is submitted: never yet, or taken back. A returned plan is not missing."""
    rules = await rules_of(tx, season)
    submits = [stage.code for stage in rules.definition.submit_stages()]
    return [dict(row) for row in await tx.rows(MISSING, (season.bureau_id, season.id, submits))]


async def report_missing(tx: Tx, season_id: UUID, generation: int) -> Result:
    """Tell the offices once which groups have not submitted when the season is due; nobody where none is missing.

    Returns:
        The groups that are missing, and how many people were told.
    """
    season = await lock_carried(tx, season_id, generation)
    missing = await missing_groups(tx, season)
    context = {"season": season.key, "process": season.process, "due_on": season.due["due_on"], "missing": missing}
    offices = (await rules_of(tx, season)).offices
    told = await tell_offices(tx, season, "season-missing", positions=offices, context=context) if missing else 0
    codes = [group["code"] for group in missing]
    await append_event(tx, season, "missing-reported", data={"groups": codes})
    return {"missing": codes, "told": told}


SUMMARY = """
SELECT g.code, g.title_zh, g.title_en, c.state, c.number, c.late, c.closed_at,
    (SELECT min(s.at) FROM submission s WHERE s.case_id = c.id) AS submitted_at
FROM cases c JOIN project_group g ON g.id = c.group_id
WHERE c.bureau_id = $1 AND c.season_id = $2 AND c.parent_id IS NULL ORDER BY c.number NULLS LAST, g.code
"""


async def publish_summary(tx: Tx, season_id: UUID, generation: int) -> Result:
    """Close the season with its summary: filed with numbers, late, ended, dates. The offices are told (QD-14).

    Raises:
        ConflictError: a case is still open; only filing or a named person closes it.
    """
    season = await lock_carried(tx, season_id, generation)
    cases = await tx.rows(SUMMARY, (season.bureau_id, season.id))
    if any(case["state"] == "open" for case in cases):
        raise ConflictError("A season ends when every case is filed or was ended by a named person.")
    season.summary = _summary(tx, season, [dict(case) for case in cases])
    season.state, season.ended_at = "completed", tx.now
    counts = {name: season.summary[name] for name in ("cases", "filed", "late", "ended")}
    await append_event(tx, season, "season-completed", data=counts)
    context = {"season": season.key, "process": season.process, **counts}
    offices = (await rules_of(tx, season)).offices
    told = await tell_offices(tx, season, "season-summary", positions=offices, context=context)
    return {**counts, "told": told}


def _summary(tx: Tx, season: Season, cases: list[Result]) -> Result:
    states = [case["state"] for case in cases]
    return {
        "cases": len(cases),
        "filed": states.count("filed"),
        "ended": states.count("ended"),
        "late": sum(bool(case["late"]) for case in cases),
        "opened_at": season.started_at.isoformat() if season.started_at else None,
        "due_on": season.due["due_on"],
        "completed_at": tx.now.isoformat(),
        "groups": [
            {
                **case,
                "closed_at": case["closed_at"].isoformat() if case["closed_at"] else None,
                "submitted_at": case["submitted_at"].isoformat() if case["submitted_at"] else None,
            }
            for case in cases
        ],
    }
