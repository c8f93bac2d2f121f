"""Seasons: who has filed, who is late, a chart, and the text for the chat group."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from sqlmodel import col, select
from starlette.responses import Response

from models.programme import Season
from models.timekeeping import Deadline
from services.i18n import N_
from services.web import workbooks
from services.web.edge import Page, PageDep
from services.web.overviews import CaseLine, SeasonLine, case_lines, season_lines
from services.web.pages.cases import STANDINGS, case_table

router = APIRouter(include_in_schema=False)
COLOURS = {
    "filed": "#1b7f3b",
    "in-review": "#1a62c6",
    "returned": "#c98a00",
    "draft": "#98a2ae",
    "overdue": "#b42318",
    "closed": "#5c1a14",
    "ended": "#4b5563",
}
STATES = {
    "planned": N_("planned"),
    "running": N_("running"),
    "completed": N_("completed"),
    "cancelled": N_("cancelled"),
}
LATE = frozenset({"overdue", "closed"})


@router.get("/seasons")
async def seasons_page(page: PageDep) -> Response:
    """List the seasons."""
    lines = await season_lines(page.tx, page.reader)
    return page.render("seasons.html", lines=lines, states=STATES)


@router.get("/seasons.xlsx")
async def export_seasons(page: PageDep) -> Response:
    """Give the seasons as a workbook."""
    names = (N_("Programme"), N_("Process"), N_("Season"), N_("State"), N_("Due"), N_("Cases"), N_("Filed"))
    rows = [_season_cells(page, line) for line in await season_lines(page.tx, page.reader)]
    return await workbooks.response(page.say(N_("Seasons")), [page.say(name) for name in names], rows)


def _season_cells(page: Page, line: SeasonLine) -> list[Any]:
    zh = page.locale == "zh"
    return [
        line.programme_zh if zh else line.programme_en,
        line.title.in_(page.locale) if line.title else line.process,
        line.key,
        page.say(STATES[line.state]),
        page.dates.due_day(line.due_at, page.tx.now, page.reader.zone),
        line.cases,
        line.filed,
    ]


@router.get("/seasons/{season_id}.xlsx")
async def export_season(page: PageDep, season_id: UUID) -> Response:
    """Give the season's cases as a workbook."""
    line = (await season_lines(page.tx, page.reader, season_id))[0]
    head, rows = case_table(page, await case_lines(page.tx, page.reader, season_id))
    title = f"{line.title.in_(page.locale) if line.title else line.process} {line.key}"
    return await workbooks.response(title, head, rows)


@router.get("/seasons/{season_id}")
async def season_page(page: PageDep, season_id: UUID) -> Response:
    """Show one season: its cases, its chart, and the text that names the late units."""
    line = (await season_lines(page.tx, page.reader, season_id))[0]
    cases = await case_lines(page.tx, page.reader, season_id)
    season = (await page.tx.session.exec(select(Season).where(col(Season.id) == season_id))).one()
    deadline = await page.tx.session.exec(select(Deadline).where(col(Deadline.subject_id) == season_id))
    counts = Counter(case.standing(page.tx.now) for case in cases)
    kept = deadline.first()
    return page.render(
        "season.html",
        line=line,
        season=season,
        explained=kept.explained if kept else season.due,
        cases=cases,
        counts=counts,
        standings=STANDINGS,
        states=STATES,
        chart=_chart(page, counts),
        chat=_chat(page, line, cases),
    )


def _chart(page: Page, counts: Counter[Any]) -> str:
    """Return the chart's options as JSON that may stand in a script element."""
    names = [page.say(STANDINGS[each]) for each in COLOURS]
    data = [{"value": counts.get(each, 0), "itemStyle": {"color": colour}} for each, colour in COLOURS.items()]
    options = {
        "animation": False,
        "grid": {"left": 10, "right": 40, "top": 10, "bottom": 10, "containLabel": True},
        "xAxis": {"type": "value", "minInterval": 1},
        "yAxis": {"type": "category", "data": names, "inverse": True, "axisTick": {"show": False}},
        "series": [{"type": "bar", "data": data, "label": {"show": True, "position": "right"}, "barMaxWidth": 26}],
        "aria": {"enabled": True},
    }
    return json.dumps(options, ensure_ascii=False).replace("<", "\\u003c")


def _chat(page: Page, line: SeasonLine, cases: list[CaseLine]) -> str:
    """Return the text for the chat group: which units are late, and by when; units only, no person is named."""
    say, zh = page.say, page.locale == "zh"
    title = line.title.in_(page.locale) if line.title else line.process
    due = page.dates.due(line.due_at, page.tx.now, page.reader.zone)
    handed_in = sum(case.submissions > 0 for case in cases)
    lines = [
        say(
            N_("{process} {season}: {done} of {all} submitted."),
            process=title,
            season=line.key,
            done=handed_in,
            all=len(cases),
        ),
        say(N_("Due: {due}"), due=due),
    ]
    missing = [case for case in cases if case.standing(page.tx.now) in LATE | {"draft", "returned"}]
    for state, words in (
        (LATE, N_("Late: {units}")),
        ({"draft"}, N_("Not submitted yet: {units}")),
        ({"returned"}, N_("Returned, to be corrected: {units}")),
    ):
        units = [_unit(case, zh=zh) for case in missing if case.standing(page.tx.now) in state]
        if units:
            lines.append(say(words, units=("、" if zh else ", ").join(units)))
    if not missing:
        lines.append(say(N_("Nothing is missing. Thank you.")))
    return "\n".join(lines)


def _unit(case: CaseLine, *, zh: bool) -> str:
    unit, group = (case.unit_zh, case.group_zh) if zh else (case.unit_en, case.group_en)
    return f"{unit}（{group}）" if zh and unit else f"{unit} ({group})" if unit else group
