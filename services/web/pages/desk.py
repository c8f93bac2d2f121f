"""The reading desk: one plan, its attachments, remarks, what changed, and the decision; then the next one opens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from fastapi import APIRouter
from sqlmodel import col, select
from starlette.responses import Response

from models.case import Decision, Task
from models.people import Person
from services.errors import ConflictError, InvalidInputError, NotFoundError, OwnSubmissionError, SameSignerError
from services.i18n import N_
from services.process.definitions import JudgingStage, Localized
from services.process.forms import Change
from services.process.states import TaskKind
from services.web import errors
from services.web.consequences import BUTTONS, TO_SOMEBODY, UNDER_MORE, dialog_of, names_of
from services.web.edge import Page, PageDep
from services.web.filters import Filter
from services.web.plans import remarks_by_path
from services.workflow import acts, opinions, remarks
from services.workflow.carry_out import Outcome
from services.workflow.cases import CaseView, OpenTask, case_of_task, case_view
from services.workflow.possible import Possible
from services.workflow.queue import Cursor, next_task
from services.workflow.seats import Seat
from services.workflow.submissions import changes_between, submission_of_parent

router = APIRouter(include_in_schema=False)


POSITIVE: tuple[Possible, ...] = ("approve", "sign", "assess")
"""What passes a stage, by its kind."""


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
        return page.go(f"/cases/{view.id}/form" if task.mine else f"/cases/{view.id}", *_flashed(problems))
    submission = view.last_submission or await submission_of_parent(page.tx, view.pack, view.id)
    changes = changes_between(view.submissions)
    seat = view.seats.of(task.id)
    may = seat.may if seat is not None else frozenset[Possible]()
    positive = next((act for act in POSITIVE if act in may), None)
    return page.render(
        "desk.html",
        status_code=status_code if problems else 200,
        view=view,
        task=task,
        submission=submission,
        form=submission.form if submission else None,
        chosen=chosen,
        changes=changes,
        changed={change.path for change in changes},
        removed=_removed(changes),
        remarks=remarks_by_path(view.remarks, submission.id) if submission else {},
        own_remarks=[each for each in view.remarks if each.task_id == task.id and not each.sent],
        phrases=await remarks.phrases(page.tx, by=page.reader) if task.mine else [],
        may_decide=positive is not None,
        why_not=_why_not(page, view, task, seat),
        return_to=_return_to(view, task) if "return" in may else [],
        returning=_returning(page, view),
        **more_of(page, view, task, positive=positive),
        key=page.tx.ids.token(),
        problems=problems or [],
        typed=typed or (await opinions.opinion_of(page.tx, by=page.reader, task_id=task_id) if task.mine else ""),
    )


def _removed(changes: list[Change]) -> list[Change]:
    return [change for change in changes if change.kind == "removed"]


def _flashed(problems: list[dict[str, Any]] | None) -> tuple[str, ...]:
    """Return what the next page says where this one cannot be shown again."""
    return (" ".join(str(each["message"]) for each in problems),) if problems else ()


def more_of(page: Page, view: CaseView, task: OpenTask, *, positive: str | None = None) -> dict[str, Any]:
    """Return what a task's page offers beside reading: its dialogs, and the acts that name somebody."""
    seat = view.seats.of(task.id)
    may = seat.may if seat is not None else frozenset[Possible]()
    return {
        "seat": seat,
        "passing": dialog_of(page, view, task, positive) if positive and positive != "assess" else None,
        "declining": dialog_of(page, view, task, "decline") if "decline" in may else None,
        "dialogs": [dialog_of(page, view, task, act) for act in UNDER_MORE if act in may and act != "decline"],
        "to_somebody": [(act, BUTTONS[act]) for act in TO_SOMEBODY if act in may],
        "assesses": positive == "assess" or (task.kind == "assess" and "edit" in may),
    }


def _why_not(page: Page, view: CaseView, task: OpenTask, seat: Seat | None) -> str:
    """Return why the holder of the task may not decide."""
    if seat is not None and (seat.helper is not None or seat.waits_for is not None):
        return _waits(page, seat)
    said = OwnSubmissionError.default
    if view.suspended_at is not None:
        said = N_("The case is suspended; nothing can be done until the administrator resumes it.")
    elif any(each.visit_id == task.visit_id and each.own for each in view.seats.signed):
        said = SameSignerError.default
    elif page.reader.person_id not in view.submitters and view.seats.signed:
        said = N_("You have signed here already, or only added signers are waited for.")
    return page.say(said)


def _waits(page: Page, seat: Seat) -> str:
    if seat.helper_id == page.reader.person_id:
        return page.say(N_("{owner} delegated this to you: answer it under “More”."), owner=seat.person or "-")
    if seat.helper is not None:
        said = N_("You delegated this to {helper}; it comes back with the answer, or when you recall it.")
        return page.say(said, helper=seat.helper)
    said = N_("{name} was added before you and signs first; then it is your turn.")
    return page.say(said, name=seat.waits_for or "-")


def _return_to(view: CaseView, task: OpenTask) -> list[tuple[str, Localized]]:
    stage = view.definition.stage(task.stage)
    codes = [code for code in stage.return_to if code in view.visited] if isinstance(stage, JudgingStage) else ()
    return [(code, stage_title(view, code)) for code in codes]


def stage_title(view: CaseView, code: str) -> Localized:
    """Return what people call a stage of the case."""
    return view.definition.stage(code).title or Localized(zh=code, en=code)


def _returning(page: Page, view: CaseView) -> tuple[str, ...]:
    said = [page.say(N_("The plan goes back, and its submitter is told your reason."))]
    if len(view.tasks) > 1:
        said.append(page.say(N_("The other open opinions of this stage end; all of them are asked again later.")))
    return tuple(said)


@router.post("/tasks/{task_id}/approve")
async def approve(page: PageDep, task_id: UUID) -> Response:
    """Approve, then open the next waiting plan."""
    form = await page.form()
    chosen = Filter.read(form.get("filter"))
    here = await place_of(page, task_id)
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
        return await conflict(page, error, here, chosen)
    except (OwnSubmissionError, SameSignerError) as error:
        said = {"message": errors.words(error, page.locale)}
        return await show_desk(page, task_id, chosen, problems=[said], status_code=error.status)
    return await go_on(page, outcome, here, chosen)


@router.post("/tasks/{task_id}/return")
async def return_plan(page: PageDep, task_id: UUID) -> Response:
    """Return with a reason to an earlier stage, then open the next waiting plan."""
    form = await page.form()
    chosen = Filter.read(form.get("filter"))
    here = await place_of(page, task_id)
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
        return await conflict(page, error, here, chosen)
    except InvalidInputError as error:
        problems = errors.problems_of(error, page.locale)
        return await show_desk(page, task_id, chosen, problems=problems, typed=form.get("words"))
    return await go_on(page, outcome, here, chosen)


@dataclass(frozen=True)
class Place:
    """Where a task stands in the list of those of its kind."""

    cursor: Cursor
    kind: TaskKind
    case_id: UUID

    @property
    def task_id(self) -> UUID:
        """The task."""
        return self.cursor.task_id


async def place_of(page: Page, task_id: UUID) -> Place:
    """Return where the task stands in the queue, so that the next one is the one after it.

    Raises:
        NotFoundError: the reader may not see its case.
    """
    case_id = await case_of_task(page.tx, page.reader, task_id)
    task = await page.tx.session.get(Task, task_id)
    if task is None:
        raise NotFoundError
    return Place(Cursor(task.due_sort, task.id), cast("TaskKind", task.kind), case_id)


async def go_on(page: Page, outcome: Outcome, here: Place, chosen: Filter) -> Response:
    """Say what was done and open the next waiting task of the same kind."""
    said = await happened(page, outcome)
    following = await next_task(page.tx, page.reader, chosen.queue(here.kind), after=here.cursor)
    if following is None:
        return page.go(chosen.behind("/queue"), said + " " + page.say(N_("Nothing more waits under this filter.")))
    return page.go(chosen.behind(f"/tasks/{following.task_id}"), said)


SAID = {
    "approve": N_("{group}: approved; it stands at “{stage}” now."),
    "sign": N_("{group}: signed; it stands at “{stage}” now."),
    "assess": N_("{group}: assessed; it stands at “{stage}” now."),
    "oppose": N_("{group}: you voted against it; it stands at “{stage}” now."),
    "return": N_("{group}: returned to “{stage}”."),
    "decline": N_("{group}: not signed; it stands at “{stage}” now."),
    "put-back": N_("{group}: the task is put back."),
    "answer": N_("{group}: answered; the owner of the task is told."),
    "transfer": N_("{group}: the task is transferred."),
}
DONE = {"filed": N_("{group}: filed under number {number}."), "rejected": N_("{group}: it ended without success.")}


async def happened(page: Page, outcome: Outcome) -> str:
    """Say what an act did; of a case that its person sees no more, only that it is done."""
    try:
        view = await case_view(page.tx, page.reader, outcome.case_id)
    except NotFoundError:
        return page.say(N_("It is done; you see this case no more."))
    titles = [stage_title(view, code).in_(page.locale) for code in outcome.state.split(", ") if code in view.visited]
    said = DONE.get(outcome.state) or SAID.get(outcome.act, N_("{group}: it is done."))
    return page.say(
        said, group=view.group_title(page.locale), number=outcome.number or "-",
        stage=names_of(page, titles) or outcome.state,
    )  # fmt: skip


async def conflict(page: Page, error: ConflictError, here: Place, chosen: Filter) -> Response:
    """Say that somebody was faster, and where the next task is."""
    following = await next_task(page.tx, page.reader, chosen.queue(here.kind), after=here.cursor)
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


def decides(view: CaseView, task: OpenTask) -> bool:
    """Tell whether the reader may pass the stage by this task now."""
    seat = view.seats.of(task.id)
    return seat is not None and any(act in seat.may for act in POSITIVE)
