"""What is done with a task from its page, each act after its dialog: votes, signatures, handing on, more time, taking back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.errors import ConflictError, InvalidInputError, NotFoundError, OwnSubmissionError, SameSignerError
from services.i18n import N_
from services.web import errors
from services.web.arrival import Form
from services.web.dates import end_of
from services.web.edge import Page, PageDep
from services.web.filters import Filter
from services.web.pages.cases import refused
from services.web.pages.desk import conflict, go_on, happened, place_of, show_desk
from services.workflow import acts, extending, handing
from services.workflow.carry_out import Outcome
from services.workflow.cases import case_of_task, case_view

router = APIRouter(include_in_schema=False)
UseCase = Callable[..., Awaitable[Outcome]]
WORDED: Mapping[str, UseCase] = {
    "oppose": acts.oppose, "sign": acts.sign, "decline": acts.decline, "reject": acts.reject, "answer": handing.answer,
}  # fmt: skip
"""Acts with words; afterwards the next task opens."""
PLAIN: Mapping[str, UseCase] = {"claim": handing.claim, "put-back": handing.put_back, "recall": handing.recall}
STAYS = frozenset({"claim", "recall", "ask-extension"})
"""After these the same task stays open before its person."""


def sent(form: Form) -> dict[str, Any]:
    """Return what every form of an act carries: the version that was seen, and the form's own key."""
    return {"version": form.number("version"), "key": form.get("key")[:200] or None}


@router.post("/tasks/{task_id}/acts/{act}")
async def do(page: PageDep, task_id: UUID, act: str) -> Response:
    """Do what the dialog said, then open the next task; or stay where the task stays."""
    form = await page.form()
    use_case, more = _wanted(page, act, form)
    chosen = Filter.read(form.get("filter"))
    here = await place_of(page, task_id)
    try:
        outcome = await use_case(page.tx, by=page.reader, task_id=task_id, **more, **sent(form))
    except ConflictError as error:
        return await conflict(page, error, here, chosen)
    except (InvalidInputError, OwnSubmissionError, SameSignerError) as error:
        told = errors.problems_of(error, page.locale) or [{"message": errors.words(error, page.locale)}]
        return await show_desk(page, task_id, chosen, problems=told, typed=form.get("words"), status_code=error.status)
    if act in STAYS:
        return page.go(chosen.behind(f"/tasks/{task_id}"), await happened(page, outcome))
    return await go_on(page, outcome, here, chosen)


def _wanted(page: Page, act: str, form: Form) -> tuple[UseCase, dict[str, Any]]:
    """Return the use case of an act with what its form says.

    Raises:
        NotFoundError: there is no such act.
        InvalidInputError: the day is none.
    """
    if act == "ask-extension":
        return _ask, {"until": form.get("until"), "words": form.get("words")[:2000], "zone": page.reader.zone}
    if act in WORDED:
        return WORDED[act], {"words": form.get("words")[:4000]}
    if act in PLAIN:
        return PLAIN[act], {}
    raise NotFoundError


async def _ask(*given: Any, until: str, zone: str, **more: Any) -> Outcome:
    day = end_of(until, zone)
    if day is None:
        raise InvalidInputError([{"field": "until", "message": N_("Choose a day.")}])
    return await extending.ask_extension(*given, until=day, **more)


@router.post("/tasks/{task_id}/take-back")
async def take_back(page: PageDep, task_id: UUID) -> Response:
    """Take back one's own decision on a task; the task opens again."""
    form = await page.form()
    case_id = await case_of_task(page.tx, page.reader, task_id)
    try:
        await acts.take_back(page.tx, by=page.reader, case_id=case_id, task_id=task_id, **sent(form))
    except ConflictError as error:
        return await refused(page, case_id, error)
    view = await case_view(page.tx, page.reader, case_id)
    mine = next((task for task in view.tasks if task.mine and task.kind != "submit"), None)
    said = page.say(N_("Taken back; the decision is yours again."))
    return page.go(f"/tasks/{mine.id}" if mine else f"/cases/{case_id}", said)


@router.post("/cases/{case_id}/signers/{task_id}/remove")
async def remove_signer(page: PageDep, case_id: UUID, task_id: UUID) -> Response:
    """Take out a signer who has not signed."""
    form = await page.form()
    words = form.get("words")[:4000]
    await case_view(page.tx, page.reader, case_id)
    try:
        await handing.remove_signer(
            page.tx, by=page.reader, case_id=case_id, task_id=task_id, words=words, **sent(form)
        )
    except (ConflictError, InvalidInputError) as error:
        return await refused(page, case_id, error, typed=words)
    return page.go(f"/cases/{case_id}", page.say(N_("The signer is taken out and told so.")))


@router.post("/cases/{case_id}/visits/{visit_id}/extension")
async def decide_extension(page: PageDep, case_id: UUID, visit_id: UUID) -> Response:
    """Give the time that was asked for, or refuse it with a reason."""
    form = await page.form()
    view = await case_view(page.tx, page.reader, case_id)
    asked, words = view.seats.asked_in(visit_id), form.get("words")[:4000]
    grants = form.get("act") == "grant"
    use_case: UseCase = extending.grant_extension if grants else extending.refuse_extension
    try:
        await use_case(page.tx, by=page.reader, case_id=case_id, visit_id=visit_id, words=words, **sent(form))
    except (ConflictError, InvalidInputError) as error:
        return await refused(page, case_id, error, typed=words)
    if not grants or asked is None:
        return page.go(f"/cases/{case_id}", page.say(N_("Refused; who asked is told why.")))
    day: date = page.dates.last_day(asked.until, page.reader.zone)
    said = page.say(N_("Given: it is due on {day} now, and who has the task is told."), day=page.dates.day(day))
    return page.go(f"/cases/{case_id}", said)
