"""Cases: the list, one whole with its history, earlier submissions, and what may be done under `more`."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.errors import ConflictError, InvalidInputError, NotFoundError
from services.i18n import N_
from services.web import errors, workbooks
from services.web.dates import end_of
from services.web.drawn import drawn
from services.web.edge import Page, PageDep
from services.web.filters import Filter, as_id
from services.web.overviews import CaseLine, case_lines
from services.web.pages.administering import KINDS
from services.web.plans import remarks_by_path
from services.workflow import acts, extending
from services.workflow.beside_view import beside_view
from services.workflow.cases import CaseView, case_view
from services.workflow.objecting import postings
from services.workflow.remarks import remarks_of
from services.workflow.submissions import changes_between, newest_submissions

router = APIRouter(include_in_schema=False)
STANDINGS = {
    "filed": N_("filed"),
    "ended": N_("ended"),
    "in-review": N_("in review"),
    "returned": N_("returned"),
    "draft": N_("not submitted yet"),
    "overdue": N_("overdue"),
    "closed": N_("closed without submission"),
}


@router.get("/cases")
async def cases_page(page: PageDep, season: str = "") -> Response:
    """List the cases that the reader may see."""
    lines = await case_lines(page.tx, page.reader, as_id(season))
    return page.render("cases.html", lines=lines, standings=STANDINGS, season=season if as_id(season) else "")


@router.get("/cases.xlsx")
async def export_cases(page: PageDep, season: str = "") -> Response:
    """Give the same list as a workbook."""
    lines = await case_lines(page.tx, page.reader, as_id(season))
    return await workbooks.response(page.say(N_("Cases")), *case_table(page, lines))


def case_table(page: Page, lines: list[CaseLine]) -> tuple[list[str], list[list[Any]]]:
    """Return head and rows of a list of cases for a workbook."""
    names = (
        N_("Season"),
        N_("Group"),
        N_("Base"),
        N_("State"),
        N_("Stage"),
        N_("Due"),
        N_("Submitted"),
        N_("Late"),
        N_("Number"),
    )
    return [page.say(name) for name in names], [_cells(page, line) for line in lines]


def _cells(page: Page, line: CaseLine) -> list[Any]:
    zone, now, locale = page.reader.zone, page.tx.now, page.locale
    return [
        line.season_key,
        line.group_zh if locale == "zh" else line.group_en,
        (line.unit_zh if locale == "zh" else line.unit_en) or "",
        page.say(STANDINGS[line.standing(now)]),
        line.stage_title.in_(locale) if line.stage_title else "",
        page.dates.due_day(line.due_at, now, zone) if line.due_at else "",
        page.dates.moment(line.submitted_at, now, zone) if line.submitted_at else "",
        page.say(N_("late")) if line.late else "",
        line.number or "",
    ]


@router.get("/cases/{case_id}")
async def case_page(page: PageDep, case_id: UUID) -> Response:
    """Show a case whole."""
    return await _show(page, await case_view(page.tx, page.reader, case_id))


async def _show(
    page: Page, view: CaseView, *, problems: list[dict[str, Any]] | None = None, typed: str = "", status_code: int = 200
) -> Response:
    return page.render(
        "case.html",
        status_code=status_code,
        view=view,
        beside=await beside_view(page.tx, page.reader, view),
        drawing=drawn(view.pack, view.definition, view.position, locale=page.locale),
        kinds=KINDS,
        postings=postings(page.reader, view),
        problems=problems or [],
        typed=typed,
        key=page.tx.ids.token(),
        desk=next((task for task in view.tasks if task.mine and task.kind != "submit"), None),
    )


@router.get("/cases/{case_id}/submissions/{n}")
async def submission_page(page: PageDep, case_id: UUID, n: int) -> Response:
    """Show one submission as it was submitted, with what it changed and the remarks on it."""
    view = await case_view(page.tx, page.reader, case_id)
    if not 1 <= n <= view.submitted:
        raise NotFoundError
    submissions = await newest_submissions(page.tx, view.pack, case_id, up_to=n)
    found, changes = submissions[-1], changes_between(submissions)
    remarks = await remarks_of(page.tx, by=page.reader, case_id=case_id, submissions=[found.id])
    return page.render(
        "submission.html",
        view=view,
        submission=found,
        form=found.form,
        changes=changes,
        changed={change.path for change in changes},
        remarks=remarks_by_path([each for each in remarks if each.sent], found.id),
        may_decide=False,
        task=None,
        chosen=Filter(),
    )


@router.post("/cases/{case_id}/withdraw")
async def withdraw(page: PageDep, case_id: UUID) -> Response:
    """Take the submission back while nobody has acted."""
    form = await page.form()
    view = await case_view(page.tx, page.reader, case_id)
    try:
        await acts.withdraw(
            page.tx, by=page.reader, case_id=case_id, version=form.number("version"), key=form.get("key")[:200] or None
        )
    except ConflictError as error:
        return await refused(page, view.id, error)
    return page.go(f"/cases/{case_id}/form", page.say(N_("Withdrawn. Correct the plan and submit it again.")))


async def refused(page: Page, case_id: UUID, error: ConflictError | InvalidInputError, *, typed: str = "") -> Response:
    """Return the case's page with why something was refused, and the words that were typed for it."""
    told = errors.problems_of(error, page.locale)
    said = told or [{"message": errors.words(error, page.locale, zone=page.reader.zone)}]
    view = await case_view(page.tx, page.reader, case_id)
    return await _show(page, view, problems=said, typed=typed, status_code=error.status)


@router.get("/cases/{case_id}/exception")
async def exception_page(page: PageDep, case_id: UUID) -> Response:
    """Show where the office's head lets one case submit after the close."""
    return await _exception(page, await _grantable(page, case_id))


async def _grantable(page: Page, case_id: UUID) -> CaseView:
    view = await case_view(page.tx, page.reader, case_id)
    if "grant-exception" not in view.may:
        raise NotFoundError
    return view


async def _exception(
    page: Page, view: CaseView, *, problems: list[dict[str, Any]] | None = None, until: str = "", words: str = ""
) -> Response:
    task = view.tasks[0] if view.tasks else None
    return page.render(
        "exception.html",
        status_code=422 if problems else 200,
        view=view,
        task=task,
        problems=problems or [],
        until=until,
        words=words,
        key=page.tx.ids.token(),
    )


@router.post("/cases/{case_id}/exception")
async def grant(page: PageDep, case_id: UUID) -> Response:
    """Let one case submit until the end of a day."""
    form = await page.form()
    view = await _grantable(page, case_id)
    typed, words = form.get("until"), form.get("words")[:2000]
    until = end_of(typed, page.reader.zone)
    if until is None:
        said = page.say(N_("“{typed}” is not a date; write for example 2027-03-15."), typed=typed[:40])
        return await _exception(page, view, problems=[{"message": said}], until=typed, words=words)
    version, key = form.number("version"), form.get("key")[:200] or None
    try:
        await extending.grant_exception(
            page.tx, by=page.reader, case_id=case_id, until=until, words=words, version=version, key=key
        )
    except (InvalidInputError, ConflictError) as error:
        told = errors.problems_of(error, page.locale)
        said = errors.words(error, page.locale, zone=page.reader.zone)
        return await _exception(page, view, problems=told or [{"message": said}], until=typed, words=words)
    said = page.say(
        N_("{group} may submit until the end of {day}; its chief coach is told."),
        group=view.group_title(page.locale),
        day=page.dates.day(date.fromisoformat(typed)),
    )
    return page.go(f"/cases/{case_id}", said)
