"""Remarks pinned to the entries of a plan on the desk, and one's own stock phrases."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.errors import InvalidInputError, NotFoundError
from services.i18n import N_
from services.web import errors
from services.web.edge import Page, PageDep
from services.web.filters import Filter, as_id
from services.web.pages.desk import decides
from services.web.plans import remarks_by_path
from services.workflow import remarks
from services.workflow.cases import case_of_task, case_view

router = APIRouter(include_in_schema=False)


@router.post("/tasks/{task_id}/remarks")
async def pin(page: PageDep, task_id: UUID) -> Response:
    """Pin a remark to a field; it goes out with the return."""
    form = await page.form()
    path = form.get("path")
    try:
        await remarks.pin_remark(page.tx, by=page.reader, task_id=task_id, path=path, text=form.get("text"))
    except InvalidInputError as error:
        return await _remarks_at(page, task_id, form.get("place") or path, refused=error, filter_=form.get("filter"))
    return await _remarks_at(page, task_id, form.get("place") or path, filter_=form.get("filter"))


@router.post("/remarks/{remark_id}/remove")
async def unpin(page: PageDep, remark_id: UUID) -> Response:
    """Take back one's own remark before it went out."""
    form = await page.form()
    task_id = as_id(form.get("task"))
    await remarks.unpin_remark(page.tx, by=page.reader, remark_id=remark_id)
    if task_id is None:
        raise NotFoundError
    return await _remarks_at(page, task_id, form.get("place"), filter_=form.get("filter"))


async def _remarks_at(
    page: Page, task_id: UUID, place: str, *, filter_: str, refused: InvalidInputError | None = None
) -> Response:
    """Return the remarks of one place anew, or without scripts the whole desk."""
    chosen = Filter.read(filter_)
    if not page.is_htmx:
        return page.go(chosen.behind(f"/tasks/{task_id}"))
    view = await case_view(page.tx, page.reader, await case_of_task(page.tx, page.reader, task_id))
    submission = view.last_submission
    task = next((each for each in view.tasks if each.id == task_id), None)
    if submission is None or task is None:
        raise NotFoundError
    return page.render(
        "parts/remarks_at.html",
        view=view,
        task=task,
        form=submission.form,
        chosen=chosen,
        remarks=remarks_by_path(view.remarks, submission.id),
        place=place,
        may_decide=decides(view, task),
        refused=errors.problems_of(refused, page.locale) if refused else [],
    )


@router.post("/phrases")
async def add_phrase(page: PageDep) -> Response:
    """Keep a stock phrase."""
    form = await page.form()
    await remarks.add_phrase(page.tx, by=page.reader, text=form.get("text"))
    return page.go("/account", page.say(N_("The phrase is kept.")))


@router.post("/phrases/{phrase_id}/remove")
async def remove_phrase(page: PageDep, phrase_id: UUID) -> Response:
    """Remove one's own stock phrase."""
    await remarks.remove_phrase(page.tx, by=page.reader, phrase_id=phrase_id)
    return page.go("/account", page.say(N_("The phrase is removed.")))
