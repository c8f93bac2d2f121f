"""Questions about tasks: those that wait for me, asking, answering, taking back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.errors import ConflictError, ForbiddenError, InvalidInputError
from services.i18n import N_
from services.web import errors
from services.web.arrival import Form
from services.web.edge import Page, PageDep
from services.web.filters import as_id
from services.web.pages.cases import refused
from services.web.picking import chosen, people_to_choose
from services.workflow import questions
from services.workflow.cases import case_of_task, case_view

router = APIRouter(include_in_schema=False)
PAGE_ROWS = 50


@router.get("/questions")
async def questions_page(page: PageDep, after: str = "") -> Response:
    """List the questions that wait for the reader's answer, the oldest first."""
    found, following = await questions.questions_to(page.tx, by=page.reader, after=as_id(after), limit=PAGE_ROWS)
    more = f"/questions?after={following.hex}" if following else None
    return page.render("questions.html", found=found, more=more)


@router.get("/tasks/{task_id}/ask")
async def ask_page(page: PageDep, task_id: UUID) -> Response:
    """Show where the holder of a task asks somebody about it."""
    return await _ask(page, task_id, Form([]))


async def _ask(
    page: Page, task_id: UUID, form: Form, *, problems: list[dict[str, Any]] | None = None, status_code: int = 200
) -> Response:
    view = await case_view(page.tx, page.reader, await case_of_task(page.tx, page.reader, task_id))
    task = next((each for each in view.tasks if each.id == task_id), None)
    if task is None or not (task.mine or page.reader.is_administrator):
        raise ForbiddenError
    return page.render(
        "ask.html",
        status_code=status_code,
        view=view,
        task=task,
        problems=problems or [],
        people=await people_to_choose(page, form),
        chosen=set(chosen(form)),
        q=form.get("q")[:50],
        text=form.get("text"),
    )


@router.post("/tasks/{task_id}/ask")
async def ask(page: PageDep, task_id: UUID) -> Response:
    """Ask whom is chosen; or only look for people by name."""
    form = await page.form()
    if form.get("act") == "find":
        return await _ask(page, task_id, form)
    people = chosen(form)
    if not people:
        return await _ask(
            page, task_id, form, problems=[{"message": page.say(N_("Choose whom to ask."))}], status_code=422
        )
    try:
        await questions.ask(page.tx, by=page.reader, task_id=task_id, to=people[-1], text=form.get("text"))
    except (InvalidInputError, ConflictError) as error:
        told = errors.problems_of(error, page.locale) or [{"message": errors.words(error, page.locale)}]
        return await _ask(page, task_id, form, problems=told, status_code=error.status)
    return page.go(f"/tasks/{task_id}", page.say(N_("Asked. The answer will stand here, and you are told of it.")))


@router.post("/questions/{question_id}/answer")
async def answer(page: PageDep, question_id: UUID) -> Response:
    """Answer what one was asked."""
    form = await page.form()
    text, case_id = form.get("text"), as_id(form.get("case"))
    try:
        await questions.answer(page.tx, by=page.reader, question_id=question_id, text=text)
    except (ConflictError, InvalidInputError) as error:
        if case_id is None:
            raise
        return await refused(page, case_id, error, typed=text)
    return page.go(_back(form), page.say(N_("Answered; whoever asked is told.")))


@router.post("/questions/{question_id}/withdraw")
async def withdraw(page: PageDep, question_id: UUID) -> Response:
    """Take one's own question back."""
    form = await page.form()
    try:
        await questions.withdraw_question(page.tx, by=page.reader, question_id=question_id)
    except ConflictError as error:
        return page.go(_back(form), errors.words(error, page.locale), kind="danger")
    return page.go(_back(form), page.say(N_("The question is withdrawn.")))


def _back(form: Form) -> str:
    case_id = as_id(form.get("case"))
    return f"/cases/{case_id}" if case_id else "/questions"
