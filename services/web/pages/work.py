"""Work lists: my tasks by due date, and the approval queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from sqlmodel import col, select
from starlette.responses import Response

from models.people import ProjectGroup
from models.programme import Season
from services.i18n import N_
from services.process.definitions import ApproveStage, Localized
from services.programmes.pinned import pinned_pack
from services.store.transaction import Tx
from services.web import filters, workbooks
from services.web.edge import Page, PageDep
from services.web.filters import Filter
from services.workflow.for_me import for_me
from services.workflow.queue import COUNT_CAP, Cursor, TaskRow, tasks_page

router = APIRouter(include_in_schema=False)
PAGE_ROWS = 50
EXPORTED = 200


@dataclass(frozen=True)
class Line:
    """A task as a list shows it, with the titles of its process and stage and where a click leads."""

    task: TaskRow
    process: Localized
    stage: Localized
    address: str


@router.get("/tasks")
async def my_tasks(page: PageDep, after: str = "") -> Response:
    """Show everything that waits for the reader, by due date."""
    return await _list(page, "tasks.html", kind=None, path="/tasks", after=after)


@router.get("/queue")
async def queue(page: PageDep, after: str = "") -> Response:
    """Show the approvals that wait for the reader."""
    return await _list(page, "queue.html", kind="approve", path="/queue", after=after)


@router.get("/tasks.xlsx")
async def export_tasks(page: PageDep) -> Response:
    """Give the task list as a workbook."""
    return await _export(page, kind=None)


@router.get("/queue.xlsx")
async def export_queue(page: PageDep) -> Response:
    """Give the approval queue as a workbook."""
    return await _export(page, kind="approve")


async def _list(page: Page, template: str, *, kind: Literal["approve"] | None, path: str, after: str) -> Response:
    chosen = Filter.of(page.request.query_params)
    found = await tasks_page(
        page.tx, page.reader, chosen.queue(kind), after=Cursor.decode(after or None), limit=PAGE_ROWS
    )
    lines = await lines_of(page, found.rows, chosen)
    more = f"{path}?{chosen.query}&after={found.next.encode()}" if found.next else None
    context: dict[str, Any] = {"lines": lines, "more": more, "chosen": chosen, "path": path}
    if page.is_htmx and after:
        return page.render("parts/task_rows.html", **context)
    choices = await _choices(page)
    besides = await for_me(page.tx, page.reader)
    return page.render(
        template,
        for_me=besides,
        **context,
        **choices,
        counts=found.counts,
        cap=COUNT_CAP,
        lights=filters.LIGHTS,
        whose=filters.WHOSE,
        first=not after,
        priorities=filters.PRIORITIES,
    )


async def lines_of(page: Page, rows: tuple[TaskRow, ...], chosen: Filter) -> list[Line]:
    """Return the rows with their titles."""
    return [await _line(page.tx, row, chosen) for row in rows]


async def _line(tx: Tx, row: TaskRow, chosen: Filter) -> Line:
    definition = (await pinned_pack(tx, row.version_id)).process(row.process)
    title = definition.stage(row.stage).title or Localized(zh=row.stage, en=row.stage)
    desk = row.kind != "submit"
    # A form opens for who holds the position; on behalf of others the way to it is the case.
    form = f"/cases/{row.case_id}" if row.on_behalf_of else f"/cases/{row.case_id}/form"
    address = chosen.behind(f"/tasks/{row.task_id}") if desk else form
    return Line(row, definition.title, title, address)


async def _choices(page: Page) -> dict[str, Any]:
    """Return what the filters offer: the bureau's groups, its unfinished seasons, and their stages."""
    tx, bureau = page.tx, page.reader.bureau_id
    groups = await tx.session.exec(
        select(ProjectGroup).where(col(ProjectGroup.bureau_id) == bureau).order_by(col(ProjectGroup.code))
    )
    seasons = list(
        await tx.session.exec(
            select(Season)
            .where(col(Season.bureau_id) == bureau, col(Season.state).in_(["running", "completed"]))
            .order_by(col(Season.due_at).desc())
            .limit(20)
        )
    )
    return {"groups": list(groups), "seasons": seasons, "stages": await _stages(tx, seasons)}


async def _stages(tx: Tx, seasons: list[Season]) -> dict[str, Localized]:
    found: dict[str, Localized] = {}
    versions: dict[tuple[UUID, str], None] = dict.fromkeys((each.version_id, each.process) for each in seasons)
    for version, process in versions:
        for stage in (await pinned_pack(tx, version)).process(process).stages:
            if isinstance(stage, ApproveStage):
                found.setdefault(stage.code, stage.title or Localized(zh=stage.code, en=stage.code))
    return found


async def _export(page: Page, *, kind: Literal["approve"] | None) -> Response:
    chosen, after = Filter.of(page.request.query_params), None
    rows: list[list[Any]] = []
    while True:
        found = await tasks_page(page.tx, page.reader, chosen.queue(kind), after=after, limit=EXPORTED)
        rows += [_cells(page, line) for line in await lines_of(page, found.rows, chosen)]
        after = found.next
        if after is None or len(rows) >= workbooks.MOST_ROWS:
            break
    say = page.say
    head = [
        say(N_("Light")),
        say(N_("Due")),
        say(N_("Group")),
        say(N_("Process")),
        say(N_("Season")),
        say(N_("Stage")),
        say(N_("Since")),
        say(N_("On behalf of")),
    ]
    return await workbooks.response(say(N_("My tasks")), head, rows)


def _cells(page: Page, line: Line) -> list[Any]:
    task, dates = line.task, page.dates
    zone, now, locale = page.reader.zone, page.tx.now, page.locale
    return [
        page.say(dates.light(task.due_at, None, now).word),
        dates.due_day(task.due_at, now, zone) if task.due_at else "",
        task.group_title(locale),
        line.process.in_(locale),
        task.season_key,
        line.stage.in_(locale),
        dates.moment(task.opened_at, now, zone),
        "、".join(task.on_behalf_of),
    ]
