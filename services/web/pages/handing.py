"""Giving a task to somebody: transferred, delegated, or a signer added; whom, is found by name."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from services.i18n import N_
from services.process.states import How
from services.web import errors
from services.web.arrival import Form
from services.web.consequences import BUTTONS, PLAIN, TO_SOMEBODY
from services.web.edge import Page, PageDep
from services.web.filters import Filter
from services.web.pages.acting import sent
from services.web.pages.desk import go_on, happened, place_of
from services.web.picking import chosen, people_to_choose
from services.workflow import handing
from services.workflow.carry_out import Outcome
from services.workflow.cases import case_of_task, case_view

router = APIRouter(include_in_schema=False)
HOW = {
    "before": N_("before me: their opinion comes first"),
    "beside": N_("beside me: both of us at once"),
    "after": N_("after me: they are asked next"),
}


@router.get("/tasks/{task_id}/give/{act}")
async def give_page(page: PageDep, task_id: UUID, act: str) -> Response:
    """Show where a person is chosen, and what will happen."""
    form = Form([("filter", Filter.of(page.request.query_params).query)])
    return await _show(page, task_id, act, form=form)


async def _show(
    page: Page,
    task_id: UUID,
    act: str,
    *,
    form: Form,
    problems: list[dict[str, Any]] | None = None,
    status_code: int = 200,
) -> Response:
    wanted = next((each for each in TO_SOMEBODY if each == act), None)
    view = await case_view(page.tx, page.reader, await case_of_task(page.tx, page.reader, task_id))
    seat = view.seats.of(task_id)
    if wanted is None:
        raise NotFoundError
    if seat is None or wanted not in seat.may:
        raise ForbiddenError
    return page.render(
        "give.html",
        status_code=status_code,
        view=view,
        task=next(each for each in view.tasks if each.id == task_id),
        act=wanted,
        button=BUTTONS[wanted],
        sentences=PLAIN[wanted],
        hows=HOW if wanted == "add-signer" else {},
        how=form.get("how") or "before",
        problems=problems or [],
        people=await people_to_choose(page, form),
        chosen=set(chosen(form)),
        q=form.get("q")[:50],
        words=form.get("words"),
        filter=form.get("filter"),
        key=form.get("key")[:200] or page.tx.ids.token(),
    )


@router.post("/tasks/{task_id}/give/{act}")
async def give(page: PageDep, task_id: UUID, act: str) -> Response:
    """Give the task to whom is chosen; or only look for people by name."""
    form = await page.form()
    if form.get("act") == "find":
        return await _show(page, task_id, act, form=form)
    here, people = await place_of(page, task_id), chosen(form)
    if not people:
        problems = [{"message": page.say(N_("Choose a person."))}]
        return await _show(page, task_id, act, form=form, problems=problems, status_code=422)
    try:
        outcome = await _given(page, task_id, act, to=people[-1], form=form)
    except (InvalidInputError, ConflictError) as error:
        told = errors.problems_of(error, page.locale)
        said = told or [{"message": errors.words(error, page.locale, zone=page.reader.zone)}]
        return await _show(page, task_id, act, form=form, problems=said, status_code=error.status)
    filter_ = Filter.read(form.get("filter"))
    if act == "transfer":
        return await go_on(page, outcome, here, filter_)
    return page.go(filter_.behind(f"/tasks/{task_id}"), await happened(page, outcome))


async def _given(page: Page, task_id: UUID, act: str, *, to: UUID, form: Form) -> Outcome:
    words = form.get("words")[:4000]
    match act:
        case "transfer":
            return await handing.transfer(page.tx, by=page.reader, task_id=task_id, to=to, words=words, **sent(form))
        case "delegate":
            return await handing.delegate(page.tx, by=page.reader, task_id=task_id, to=to, words=words, **sent(form))
        case "add-signer":
            how = form.get("how") if form.get("how") in HOW else "before"
            return await handing.add_signer(
                page.tx, by=page.reader, task_id=task_id, person=to, how=cast("How", how), words=words, **sent(form)
            )
    raise NotFoundError
