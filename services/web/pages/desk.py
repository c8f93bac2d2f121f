"""The reading desk: one plan, its attachments, remarks, what changed, and the decision; then the next one opens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from sqlmodel import col, select
from starlette.responses import Response

from models.case import Decision, Task
from models.people import Person
from services.errors import ConflictError, InvalidInputError, NotFoundError, OwnSubmissionError, SameSignerError
from services.i18n import N_
from services.process.definitions import ApproveStage, FileStage, Localized
from services.process.forms import Change
from services.programmes.telling import actor_title
from services.web import errors
from services.web.edge import Page, PageDep
from services.web.filters import Filter, as_id
from services.web.plans import remarks_by_path
from services.workflow import acts, opinions, remarks
from services.workflow.carry_out import Outcome
from services.workflow.cases import CaseView, OpenTask, case_of_task, case_view
from services.workflow.queue import Cursor, next_task
from services.workflow.submissions import changes_between

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Consequence:
    """What an act will do, for the dialog that asks before it: sentences."""

    sentences: tuple[str, ...]


@router.get("/tasks/{task_id}")
async def desk(page: PageDep, task_id: UUID) -> Response:
    """Show the plan with everything that a decision needs; a task to submit leads to its form."""
    return await show_desk(page, task_id, Filter.of(page.request.query_params))


async def show_desk(
    page: Page,
    task_id: UUID,
    chosen: Filter,
    *,
    problems: list[dict[str, Any]] | None = None,
    typed: str = "",
    status_code: int = 422,
) -> Response:
    """Render the desk, after a refusal with what was typed."""
    view = await case_view(page.tx, page.reader, await case_of_task(page.tx, page.reader, task_id))
    task = next((each for each in view.tasks if each.id == task_id), None)
    if task is None:
        return await _closed(page, view, task_id, chosen=chosen)
    if task.kind == "submit":
        return page.go(f"/cases/{view.id}/form" if task.mine else f"/cases/{view.id}")
    submission = view.last_submission
    if submission is None:
        raise NotFoundError
    changes = changes_between(view.submissions)
    return page.render(
        "desk.html",
        status_code=status_code if problems else 200,
        view=view,
        task=task,
        submission=submission,
        form=submission.form,
        chosen=chosen,
        changes=changes,
        changed={change.path for change in changes},
        removed=_removed(changes),
        remarks=remarks_by_path(view.remarks, submission.id),
        own_remarks=[each for each in view.remarks if each.task_id == task.id and not each.sent],
        phrases=await remarks.phrases(page.tx, by=page.reader) if task.mine else [],
        may_decide="approve" in view.may and task.mine,
        why_not=_why_not(page, view),
        return_to=_return_to(view, task),
        approving=_approving(page, view, task),
        returning=_returning(page, view),
        key=page.tx.ids.token(),
        problems=problems or [],
        typed=typed or (await opinions.opinion_of(page.tx, by=page.reader, task_id=task_id) if task.mine else ""),
    )


def _removed(changes: list[Change]) -> list[Change]:
    return [change for change in changes if change.kind == "removed"]


def _why_not(page: Page, view: CaseView) -> str:
    """Return why the holder of the task may not decide: they submitted the plan, or signed it for another office."""
    own = page.reader.person_id in view.submitters
    return OwnSubmissionError.default if own else SameSignerError.default


def _return_to(view: CaseView, task: OpenTask) -> list[tuple[str, Localized]]:
    stage = view.definition.stage(task.stage)
    codes = stage.return_to if isinstance(stage, ApproveStage) else ()
    return [(code, stage_title(view, code)) for code in codes]


def stage_title(view: CaseView, code: str) -> Localized:
    """Return what people call a stage of the case."""
    return view.definition.stage(code).title or Localized(zh=code, en=code)


def _approving(page: Page, view: CaseView, task: OpenTask) -> Consequence:
    """Say what an approval will do: wait for the others, go on to the next stage, or file."""
    stage = view.definition.stage(task.stage)
    others = [each for each in view.tasks if each.id != task.id]
    if isinstance(stage, ApproveStage) and stage.mode == "all_of" and others:
        names = _names(page, [actor_title(view.pack, each.actor).in_(page.locale) for each in others])
        return Consequence((page.say(N_("Your opinion is recorded; it still waits for {others}."), others=names),))
    following = view.definition.after(task.stage)
    if isinstance(following, FileStage):
        said = [page.say(N_("The plan is filed: it gets the next number of {season}."), season=view.season_key)]
        told = _names(page, [actor_title(view.pack, actor).in_(page.locale) for actor in following.notify])
        return Consequence((*said, *([page.say(N_("Told are: {names}."), names=told)] if told else [])))
    if following is None:
        return Consequence((page.say(N_("Your opinion is recorded.")),))
    title = (following.title or Localized(zh=following.code, en=following.code)).in_(page.locale)
    who = following.actors if isinstance(following, ApproveStage) else ()
    names = _names(page, [actor_title(view.pack, actor).in_(page.locale) for actor in who])
    return Consequence((page.say(N_("The plan goes on to “{stage}”: {names}."), stage=title, names=names),))


def _returning(page: Page, view: CaseView) -> Consequence:
    said = [page.say(N_("The plan goes back, and its submitter is told your reason."))]
    if len(view.tasks) > 1:
        said.append(page.say(N_("The other open opinions of this stage end; all of them are asked again later.")))
    return Consequence(tuple(said))


def _names(page: Page, names: list[str]) -> str:
    return ("、" if page.locale == "zh" else ", ").join(names)


@router.post("/tasks/{task_id}/approve")
async def approve(page: PageDep, task_id: UUID) -> Response:
    """Approve, then open the next waiting plan."""
    form = await page.form()
    chosen = Filter.read(form.get("filter"))
    here = await _place(page, task_id)
    try:
        outcome = await acts.approve(
            page.tx,
            by=page.reader,
            task_id=task_id,
            words=form.get("words")[:4000],
            version=form.number("version"),
            key=form.get("key")[:200] or None,
        )
    except ConflictError as error:
        return await _conflict(page, error, here, chosen)
    except (OwnSubmissionError, SameSignerError) as error:
        said = {"message": errors.words(error, page.locale)}
        return await show_desk(page, task_id, chosen, problems=[said], status_code=error.status)
    return await _next(page, outcome, here, chosen)


@router.post("/tasks/{task_id}/return")
async def return_plan(page: PageDep, task_id: UUID) -> Response:
    """Return with a reason to an earlier stage, then open the next waiting plan."""
    form = await page.form()
    chosen = Filter.read(form.get("filter"))
    here = await _place(page, task_id)
    try:
        outcome = await acts.return_case(
            page.tx,
            by=page.reader,
            task_id=task_id,
            to=form.get("to"),
            words=form.get("words")[:4000],
            version=form.number("version"),
            key=form.get("key")[:200] or None,
        )
    except ConflictError as error:
        return await _conflict(page, error, here, chosen)
    except InvalidInputError as error:
        problems = errors.problems_of(error, page.locale)
        return await show_desk(page, task_id, chosen, problems=problems, typed=form.get("words"))
    return await _next(page, outcome, here, chosen)


async def _place(page: Page, task_id: UUID) -> Cursor:
    """Return where the task stands in the queue, so that the next one is the one after it.

    Raises:
        NotFoundError: the reader may not see its case.
    """
    await case_of_task(page.tx, page.reader, task_id)
    task = await page.tx.session.get(Task, task_id)
    if task is None:
        raise NotFoundError
    return Cursor(task.due_sort, task.id)


async def _next(page: Page, outcome: Outcome, here: Cursor, chosen: Filter) -> Response:
    view = await case_view(page.tx, page.reader, outcome.case_id)
    said = _happened(page, view, outcome)
    following = await next_task(page.tx, page.reader, chosen.queue("approve"), after=here)
    if following is None:
        return page.go(chosen.behind("/queue"), said + " " + page.say(N_("Nothing more waits under this filter.")))
    return page.go(chosen.behind(f"/tasks/{following.task_id}"), said)


def _happened(page: Page, view: CaseView, outcome: Outcome) -> str:
    title = view.group_title(page.locale)
    if outcome.state == "filed":
        return page.say(N_("{group}: filed under number {number}."), group=title, number=outcome.number or "-")
    stage = stage_title(view, outcome.state).in_(page.locale)
    if outcome.act == "return":
        return page.say(N_("{group}: returned to “{stage}”."), group=title, stage=stage)
    return page.say(N_("{group}: approved; it stands at “{stage}” now."), group=title, stage=stage)


async def _conflict(page: Page, error: ConflictError, here: Cursor, chosen: Filter) -> Response:
    following = await next_task(page.tx, page.reader, chosen.queue("approve"), after=here)
    return page.render(
        "conflict.html",
        status_code=409,
        said=errors.words(error, page.locale, zone=page.reader.zone),
        again=chosen.behind(f"/tasks/{here.task_id}"),
        onward=chosen.behind(f"/tasks/{following.task_id}" if following else "/queue"),
        waiting=following is not None,
    )


async def _closed(page: Page, view: CaseView, task_id: UUID, *, chosen: Filter) -> Response:
    """Say by whom and how a task was closed that is no longer open."""
    task = await page.tx.session.get(Task, task_id)
    found = await page.tx.session.exec(
        select(Decision, Person.name)
        .join(Person, col(Person.id) == col(Decision.person_id))
        .where(col(Decision.id) == (task.decision_id if task else None))
    )
    decision, name = found.first() or (None, "")
    following = await next_task(page.tx, page.reader, chosen.queue("approve"))
    return page.render(
        "closed_task.html",
        view=view,
        task=task,
        decision=decision,
        person=name,
        onward=chosen.behind(f"/tasks/{following.task_id}") if following else None,
    )


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
        may_decide="approve" in view.may and task.mine,
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
