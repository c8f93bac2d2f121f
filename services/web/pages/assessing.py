"""An assessment: the submission to read, the signer's own form beside it, saved as it is typed, filed with a confirmation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.errors import ConflictError, InvalidInputError, NotFoundError
from services.i18n import N_
from services.web import errors
from services.web.consequences import dialog_of
from services.web.edge import Page, PageDep
from services.web.filters import Filter
from services.web.forms import sum_lines
from services.web.pages.acting import sent
from services.web.pages.desk import conflict, go_on, place_of
from services.web.pages.filling import autosaved, readable, remove_row, told, typed_data, words_of
from services.workflow import acts, drafts
from services.workflow.cases import CaseView, case_of_task, case_view
from services.workflow.drafts import DraftConflictError, DraftView
from services.workflow.submissions import submission_of_parent

router = APIRouter(include_in_schema=False)


@dataclass
class Shown:
    """What the page shows beside the draft: typed data that is not saved, problems, and what to write over."""

    chosen: Filter
    data: Any = None
    problems: list[dict[str, Any]] = field(default_factory=list)
    version: int | None = None
    add: str = ""
    words: str = ""
    status_code: int = 200


@router.get("/tasks/{task_id}/assessment")
async def assessment_page(page: PageDep, task_id: UUID, check: bool = False) -> Response:  # noqa: FBT001, FBT002
    """Show the submission and the assessment as far as it is written; with `check` what would be refused now."""
    view, draft = await _opened(page, task_id)
    shown = Shown(Filter.of(page.request.query_params), problems=told(page, draft.problems) if check else [])
    return await _show(page, view, draft, shown)


async def _opened(page: Page, task_id: UUID) -> tuple[CaseView, DraftView]:
    view = await case_view(page.tx, page.reader, await case_of_task(page.tx, page.reader, task_id))
    task = next((each for each in view.tasks if each.id == task_id), None)
    if task is None or task.kind != "assess":
        raise NotFoundError
    return view, await drafts.open_draft(page.tx, by=page.reader, case_id=view.id, task_id=task_id)


async def _show(page: Page, view: CaseView, draft: DraftView, shown: Shown) -> Response:
    task = next(each for each in view.tasks if each.id == draft.task_id)
    data = shown.data if shown.data is not None else draft.data
    seat = view.seats.of(task.id)
    return page.render(
        "assessing.html",
        status_code=shown.status_code,
        view=view,
        task=task,
        draft=draft,
        form=draft.form,
        data=data,
        version=draft.version if shown.version is None else shown.version,
        problems=shown.problems,
        problem_at={each.get("path", ""): each["message"] for each in reversed(shown.problems)},
        sums={each["path"]: each for each in sum_lines(draft.form, data)},
        remarks={},
        add=shown.add,
        submission=view.last_submission or await submission_of_parent(page.tx, view.pack, view.id),
        changed=set(),
        chosen=shown.chosen,
        words=shown.words,
        dialog=dialog_of(page, view, task, "assess") if seat is not None and "assess" in seat.may else None,
        limit=page.settings.attachment_limit,
        key=page.tx.ids.token(),
    )


@router.post("/tasks/{task_id}/draft")
async def autosave(page: PageDep, task_id: UUID) -> Response:
    """Save what is typed, as our script sends it."""
    return await autosaved(page, await case_of_task(page.tx, page.reader, task_id), task_id=task_id)


@router.post("/tasks/{task_id}/assessment")
async def send(page: PageDep, task_id: UUID) -> Response:
    """Save, check or file, as the pressed button says. Whatever happens, what was typed is shown again or kept."""
    form = await page.form()
    act, _, place = form.get("act", "save").partition(":")
    chosen = Filter.read(form.get("filter"))
    view, draft = await _opened(page, task_id)
    raw = typed_data(draft, form)
    if act == "remove":
        remove_row(raw, place)
    try:
        await drafts.save_draft(
            page.tx, by=page.reader, case_id=view.id, data=raw, version=form.number("version"), task_id=task_id
        )
    except (DraftConflictError, InvalidInputError) as error:
        problems = errors.problems_of(error, page.locale) or [{"message": words_of(page, error)}]
        shown = Shown(chosen, data=readable(draft, raw), problems=problems, status_code=error.status)
        return await _show(page, view, draft, shown)
    if act == "assess":
        return await _file(page, task_id, chosen)
    if act in {"add", "remove"}:
        view, draft = await _opened(page, task_id)
        return await _show(page, view, draft, Shown(chosen, add=place if act == "add" else ""))
    where = chosen.behind(f"/tasks/{task_id}/assessment")
    if act == "check":
        return page.go(f"{where}{'&' if '?' in where else '?'}check=1")
    return page.go(where, page.say(N_("The draft is saved.")))


async def _file(page: Page, task_id: UUID, chosen: Filter) -> Response:
    form, here = await page.form(), await place_of(page, task_id)
    words = form.get("words")[:4000]
    more = {**sent(form), "version": form.number("case_version")}
    try:
        outcome = await acts.assess(page.tx, by=page.reader, task_id=task_id, words=words, **more)
    except ConflictError as error:
        return await conflict(page, error, here, chosen)
    except InvalidInputError as error:
        # Not raised on: the draft that was just saved must stay saved.
        view, draft = await _opened(page, task_id)
        problems = errors.problems_of(error, page.locale)
        return await _show(page, view, draft, Shown(chosen, problems=problems, words=words, status_code=error.status))
    return await go_on(page, outcome, here, chosen)
