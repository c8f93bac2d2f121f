"""A season as a page shows it: who has filed, who is late, where the cases stand, what to write to the chat group.

Everything is over the cases that the reader may see, so nothing here tells more than those cases do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import accumulate
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from sqlmodel import select

from models.programme import Season
from services.errors import NotFoundError
from services.i18n import BABEL_LOCALES, LANGUAGES, translate
from services.people.access import Reader, SqlScope, case_scope_sql, may_see_seasons, require
from services.people.holding import holds
from services.process.definitions import Localized, ProcessDefinition
from services.process.lights import Light, light
from services.store.transaction import Tx
from services.workflow.season_events import rules_of
from services.workflow.standing import ENTERED_BY, UNSUBMITTED

PAGE = 100


@dataclass(frozen=True)
class GroupRow:
    """One group's case. missing: nothing of theirs stands submitted. due_at: of what is open now (aware UTC)."""

    case_id: UUID
    code: str
    title: Localized
    unit: Localized | None
    state: str
    stage: str | None
    number: str | None
    late: bool
    missing: bool
    due_at: datetime | None
    submitted_at: datetime | None
    closed_at: datetime | None
    light: Light

    @property
    def overdue(self) -> bool:
        """Whether nothing is submitted although it is due: whom the chat group is to hear of."""
        return self.missing and self.light is Light.RED


@dataclass(frozen=True)
class StageCount:
    """How many cases stand in a stage. The last two, `filed` and `ended`, are how cases close."""

    code: str
    title: Localized | None
    cases: int


@dataclass(frozen=True)
class Day:
    """A day of the chart: how many cases were filed on it, and by its end."""

    day: date
    filed: int
    total: int


@dataclass(frozen=True)
class Vacancy:
    """A position that the season needs and nobody holds today."""

    position_id: UUID
    code: str
    title: Localized
    place: Localized


@dataclass(frozen=True)
class SeasonOverview:
    """A season from all sides. chat: language -> the text for the chat group, empty where nobody is late."""

    season: Season
    title: Localized
    groups: tuple[GroupRow, ...]
    stages: tuple[StageCount, ...]
    filed_by_day: tuple[Day, ...]
    vacancies: tuple[Vacancy, ...]
    chat: Mapping[str, str]

    @property
    def counts(self) -> dict[str, int]:
        """The numbers at the head of the page."""
        states = [group.state for group in self.groups]
        return {
            "cases": len(states),
            "open": states.count("open"),
            "filed": states.count("filed") + states.count("completed"),
            "ended": states.count("ended") + states.count("rejected"),
            "late": sum(group.late for group in self.groups),
            "missing": sum(group.missing for group in self.groups),
            "overdue": sum(group.overdue for group in self.groups),
        }


GROUPS = f"""
SELECT c.id AS case_id, g.code, g.title_zh, g.title_en, u.title_zh AS unit_zh, u.title_en AS unit_en, c.state, c.stage,
    c.number, c.late, c.closed_at,
    {ENTERED_BY} AS entered_by,
    (SELECT min(t.due_at) FROM task t WHERE t.case_id = c.id AND t.state = 'open') AS due_at,
    (SELECT max(s.at) FROM submission s WHERE s.case_id = c.id) AS submitted_at
FROM cases c JOIN project_group g ON g.id = c.group_id LEFT JOIN unit u ON u.id = g.base_unit_id
WHERE {{scope}} AND c.season_id = ${{season}} AND c.parent_id IS NULL ORDER BY g.code
"""  # noqa: S608 - constant parts
VACANT = """
SELECT p.id, p.code, p.title_zh, p.title_en, coalesce(u.title_zh, g.title_zh) AS place_zh,
    coalesce(u.title_en, g.title_en) AS place_en
FROM position p LEFT JOIN unit u ON u.id = p.unit_id LEFT JOIN project_group g ON g.id = p.group_id
WHERE p.id IN (SELECT j.value::uuid FROM cases c, jsonb_each_text(c.actors) j
        WHERE {scope} AND c.season_id = ${season} AND c.state = 'open')
    AND NOT EXISTS (SELECT FROM appointment a WHERE a.position_id = p.id AND {held})
ORDER BY p.code
"""


async def season_overview(tx: Tx, reader: Reader, season_id: UUID) -> SeasonOverview:
    """Return the season as the reader may see it.

    Raises:
        ForbiddenError: the reader has no part in how seasons go.
        NotFoundError: the bureau has no such season.
    """
    require(may_see_seasons(reader))
    season = await _season(tx, reader, season_id)
    rules = await rules_of(tx, season)
    zone = ZoneInfo(reader.zone)
    near_days = rules.pack.settings.near_days
    submits = {stage.code for stage in rules.definition.submit_stages()}
    scope = case_scope_sql(reader)
    rows = await _scoped(tx, GROUPS, scope, season_id)
    groups = tuple(_group(row, submits, now=tx.now, near_days=near_days) for row in rows)
    vacant = await _scoped(tx, VACANT, scope, season_id, tx.now.astimezone(zone).date(), tx.now)
    return SeasonOverview(
        season=season,
        title=rules.definition.title,
        groups=groups,
        stages=_stages(rules.definition, groups),
        filed_by_day=_by_day([group for group in groups if group.state == "filed"], zone),
        vacancies=tuple(_vacancy(row) for row in vacant),
        chat={name: chat_text(season, rules.definition, groups, locale=name) for name in LANGUAGES},
    )


async def _season(tx: Tx, reader: Reader, season_id: UUID) -> Season:
    found = await tx.session.exec(select(Season).where(Season.bureau_id == reader.bureau_id, Season.id == season_id))
    season = found.first()
    if season is None:
        raise NotFoundError
    return season


async def _scoped(tx: Tx, statement: str, scope: SqlScope, *values: Any) -> Sequence[Mapping[str, Any]]:
    first = len(scope.parameters) + 1
    held = holds(f"${first + 1}", f"${first + 2}")
    text = statement.format(scope=scope.text, season=first, held=held)
    return await tx.rows(text, (*scope.parameters, *values))


def _named(row: Mapping[str, Any], name: str) -> Localized:
    return Localized(zh=row[f"{name}_zh"], en=row[f"{name}_en"])


def _group(row: Mapping[str, Any], submits: set[str], *, now: datetime, near_days: int) -> GroupRow:
    state, due_at = row["state"], row["due_at"]
    return GroupRow(
        case_id=row["case_id"],
        code=row["code"],
        title=_named(row, "title"),
        unit=_named(row, "unit") if row["unit_zh"] else None,
        state=state,
        stage=row["stage"],
        number=row["number"],
        late=row["late"],
        missing=state == "open" and row["stage"] in submits and row["entered_by"] in UNSUBMITTED,
        due_at=due_at,
        submitted_at=row["submitted_at"],
        closed_at=row["closed_at"],
        light=light(due_at, None, now, near_days=near_days) if state == "open" else _closed(state, late=row["late"]),
    )


def _closed(state: str, *, late: bool) -> Light:
    if state != "filed":
        return Light.NONE
    return Light.DONE_LATE if late else Light.DONE


def _stages(definition: ProcessDefinition, groups: Sequence[GroupRow]) -> tuple[StageCount, ...]:
    counts = Counter(group.stage if group.state == "open" else group.state for group in groups)
    acted_in = [stage for stage in definition.stages if stage.kind != "file"]
    open_stages = [StageCount(stage.code, stage.title, counts[stage.code]) for stage in acted_in]
    return (*open_stages, StageCount("filed", None, counts["filed"]), StageCount("ended", None, counts["ended"]))


def _by_day(filed: Sequence[GroupRow], zone: ZoneInfo) -> tuple[Day, ...]:
    days = Counter(group.closed_at.astimezone(zone).date() for group in filed if group.closed_at is not None)
    order = sorted(days)
    totals = accumulate(days[day] for day in order)
    return tuple(Day(day, days[day], total) for day, total in zip(order, totals, strict=True))


def _vacancy(row: Mapping[str, Any]) -> Vacancy:
    return Vacancy(row["id"], row["code"], _named(row, "title"), _named(row, "place"))


def chat_text(season: Season, definition: ProcessDefinition, groups: Sequence[GroupRow], *, locale: str) -> str:
    """Return what to write to the chat group: which groups are late, with their schools, and no person's name."""
    late = [group for group in groups if group.overdue]
    if not late:
        return ""
    due_on = date.fromisoformat(season.due["due_on"])
    day = str(format_skeleton("MMMEd", due_on, locale=BABEL_LOCALES[locale]))
    head = translate(
        locale,
        "{process} {season} was due on {day}. Nothing has been submitted yet by:",
        process=definition.title,
        season=season.key,
        day=day,
    )
    names = [
        translate(locale, "{group} ({unit})", group=group.title, unit=group.unit)
        if group.unit
        else group.title.in_(locale)
        for group in late
    ]
    lines = [f"{n}. {name}" for n, name in enumerate(names, start=1)]
    return "\n".join([head, *lines, translate(locale, "Please submit as soon as you can.")])


@dataclass(frozen=True)
class SeasonRow:
    """A season in a list, with how many of its cases (those that the reader may see) stand how."""

    id: UUID
    programme: str
    process: str
    key: str
    state: str
    opens_at: datetime
    due_at: datetime
    due: Mapping[str, Any]
    title: Localized
    cases: int
    filed: int
    ended: int
    late: int


SEASONS = """
SELECT s.id, s.programme, s.process, s.key, s.state, s.opens_at, s.due_at, s.due,
    (SELECT p -> 'title' FROM programme_version v, jsonb_array_elements(v.resolved -> 'processes') p
        WHERE v.id = s.version_id AND p ->> 'process' = s.process) AS title,
    count(c.id) AS cases, count(c.id) FILTER (WHERE c.state = 'filed') AS filed,
    count(c.id) FILTER (WHERE c.state = 'ended') AS ended, count(c.id) FILTER (WHERE c.late) AS late
FROM season s LEFT JOIN cases c ON c.season_id = s.id AND {scope}
WHERE s.bureau_id = $1 GROUP BY s.id ORDER BY s.opens_at DESC, s.id DESC LIMIT {limit}
"""


async def seasons_page(tx: Tx, reader: Reader) -> tuple[SeasonRow, ...]:
    """Return the bureau's newest seasons, planned ones first.

    Raises:
        ForbiddenError: the reader has no part in how seasons go.
    """
    require(may_see_seasons(reader))
    scope = case_scope_sql(reader)  # its first value is the bureau
    rows = await tx.rows(SEASONS.format(scope=scope.text, limit=PAGE), scope.parameters)
    return tuple(SeasonRow(**{**row, "title": Localized.model_validate(row["title"])}) for row in rows)
