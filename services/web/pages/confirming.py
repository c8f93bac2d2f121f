"""Approving from a mail: the link opens a page that asks; only its button decides, so that whatever follows links changes nothing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.errors import ConflictError, InvalidInputError
from services.i18n import N_
from services.process.definitions import JudgingStage
from services.web import errors
from services.web.edge import Page, PageDep
from services.web.filters import Filter
from services.workflow import acts, opinions
from services.workflow.cases import CaseView, OpenTask, case_of_task, case_view
from services.workflow.possible import Beholder, task_acts

router = APIRouter(include_in_schema=False)


@router.get("/tasks/{task_id}/confirm")
async def confirm_page(page: PageDep, task_id: UUID) -> Response:
    """Ask whether the plan is approved; a task that is closed, or that one may not approve, leads to its own page."""
    view = await case_view(page.tx, page.reader, await case_of_task(page.tx, page.reader, task_id))
    task = _approvable(page, view, task_id)
    if task is None or page.request.query_params.get("act", "approve") != "approve":
        return page.go(f"/tasks/{task_id}")
    kept = await opinions.opinion_of(page.tx, by=page.reader, task_id=task_id)
    return _ask(page, view, task, typed=kept)


def _approvable(page: Page, view: CaseView, task_id: UUID) -> OpenTask | None:
    """Return the task if the reader may approve it now."""
    task = next((each for each in view.tasks if each.id == task_id and each.kind == "approve"), None)
    visit = view.state.visit_of(task_id)
    state = visit.task(task_id) if visit is not None else None
    if task is None or visit is None or state is None or view.suspended or view.last_submission is None:
        return None
    beholder = Beholder(view.definition, view.state, page.reader, view.actors, page.tx.now, view.pack.programme)
    return task if "approve" in task_acts(beholder, visit, state) else None


def _ask(
    page: Page,
    view: CaseView,
    task: OpenTask,
    *,
    typed: str = "",
    problems: list[dict[str, Any]] | None = None,
    status_code: int = 200,
) -> Response:
    submission, stage = view.last_submission, view.definition.stage(task.stage)
    assert submission is not None
    return page.render(
        "confirm.html",
        status_code=status_code,
        view=view,
        task=task,
        submission=submission,
        form=submission.form,
        needs_words=isinstance(stage, JudgingStage) and stage.opinion == "required",
        typed=typed,
        problems=problems or [],
        key=page.tx.ids.token(),
        most_words=opinions.MOST_WORDS,
        changed=set(),
        remarks={},
        may_decide=False,
        chosen=Filter(),
    )


@router.post("/tasks/{task_id}/confirm")
async def confirm(page: PageDep, task_id: UUID) -> Response:
    """Approve, as the button says."""
    form = await page.form()
    words = form.get("words")[: opinions.MOST_WORDS]
    version, key = form.number("version"), form.get("key")[:200] or None
    try:
        await acts.approve(page.tx, by=page.reader, task_id=task_id, words=words, version=version, key=key)
    except InvalidInputError as error:
        view = await case_view(page.tx, page.reader, await case_of_task(page.tx, page.reader, task_id))
        task = _approvable(page, view, task_id)
        if task is None:
            raise
        told = errors.problems_of(error, page.locale)
        return _ask(page, view, task, typed=words, problems=told, status_code=error.status)
    except ConflictError as error:
        said = errors.words(error, page.locale, zone=page.reader.zone)
        return page.go(f"/tasks/{task_id}", said, kind="warning")
    return page.go("/queue", page.say(N_("Approved. What still waits for you stands here.")))
