"""What is said to be possible is done, and what is not said is refused: every act, by everybody, in many states of a case."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.errors import GuantongError
from services.store.transaction import Store, Tx
from services.workflow import acts, administering, extending, handing
from services.workflow.cases import CaseView, case_view
from services.workflow.drafts import save_draft
from tests.conftest import move_clock
from tests.workflow.office import MARKS, MATERIALS, PLAN, Office, make_office
from tests.world import local

pytestmark = pytest.mark.postgres
FINANCE = "finance-office/clerk"
FORMS = {"plan": PLAN, "materials": MATERIALS, "marks": MARKS}
LOGINS = (
    "robotics-chief", "robotics-coach-1", "finance-clerk", "finance-head", "reviewer", "education-head", "expert-1",
    "administrator",
)  # fmt: skip
TO = ("institute-clerk", "finance-head", "teachers-head", "reviewer", "institute-head")
"""Whom tasks are offered to; one of them could act on any of them."""
Act = Callable[[], Awaitable[Any]]


@pytest.fixture
async def office(store: Store) -> Office:
    await move_clock(store, local(2027, 1, 4))
    made = await make_office(store)
    await made.open("rich", "robotics")
    return made


async def start(office: Office) -> None:
    """The plan is being written."""


async def asked(office: Office) -> None:
    visit = await office.visit("plan")
    assert visit.due_at is not None
    until = visit.due_at + timedelta(days=2)
    await office.do(extending.ask_extension, "robotics-chief", task_id=visit.tasks[0].id, until=until, words="x")


async def handed_plan(office: Office) -> None:
    to = office.people["education-head"]
    await office.do(handing.transfer, "robotics-chief", task_id=(await office.task("plan")).id, to=to)


async def reviews(office: Office) -> None:
    await office.submit()


async def claimed(office: Office) -> None:
    await office.submit()
    await office.do(handing.claim, "finance-clerk", task_id=(await office.task("countersign", FINANCE)).id)


async def delegated(office: Office) -> None:
    await office.submit()
    task, to = (await office.task("countersign", FINANCE)).id, office.people["finance-head"]
    await office.do(handing.delegate, "finance-clerk", task_id=task, to=to)


async def added_before(office: Office) -> None:
    await office.submit()
    task, to = (await office.task("countersign", FINANCE)).id, office.people["finance-head"]
    await office.do(handing.add_signer, "finance-clerk", task_id=task, person=to, how="before")


async def added_after(office: Office) -> None:
    await office.submit()
    task, to = (await office.task("countersign", FINANCE)).id, office.people["finance-head"]
    await office.do(handing.add_signer, "finance-clerk", task_id=task, person=to, how="after")
    await office.do(acts.approve, "finance-clerk", task_id=task)


async def suspended(office: Office) -> None:
    await office.submit()
    await office.do(administering.suspend, "administrator", case_id=office.case_id, words="x")


async def ended(office: Office) -> None:
    await office.do(administering.end_case, "administrator", case_id=office.case_id, words="x")


def jumped(stage: str) -> Callable[[Office], Awaitable[None]]:
    async def jump(office: Office) -> None:
        await office.submit()
        more = {"to": stage, "words": "x", "version": (await office.state()).version}
        await office.do(administering.jump, "administrator", case_id=office.case_id, **more)

    return jump


async def passed(office: Office) -> None:
    await jumped("either")(office)
    task = await office.task("either", "education-office/clerk")
    await office.do(acts.approve, "education-clerk", task_id=task.id)


async def voted(office: Office) -> None:
    await jumped("weighing")(office)
    task = await office.task("weighing", "finance-office/head")
    await office.do(acts.approve, "finance-head", task_id=task.id)


async def closed(office: Office) -> None:
    await move_clock(office.store, local(2027, 3, 1))


async def assessed(office: Office) -> None:
    await jumped("assessment")(office)
    async with office.store.transaction() as tx:
        rows = await tx.rows("SELECT id FROM cases WHERE parent_id = $1", (office.case_id,))
    office.case_id = rows[0]["id"]


STATES = {
    "start": start, "asked": asked, "handed plan": handed_plan, "closed": closed, "reviews": reviews, "claimed": claimed,
    "delegated": delegated, "added before": added_before, "added after": added_after, "suspended": suspended,
    "ended": ended, "passed": passed, "voted": voted, "commitment": jumped("commitment"), "materials": jumped("materials"),
    "experts": jumped("experts"), "assessed": assessed,
}  # fmt: skip


@pytest.mark.parametrize("name", STATES)
async def test_may_is_what_can_be_done(office: Office, name: str) -> None:
    await STATES[name](office)
    wrong = {}
    for login in LOGINS:
        async with office.store.transaction() as tx:
            by = await office.reader(tx, login)
            try:
                view = await case_view(tx, by, office.case_id)
            except GuantongError:
                continue
            async for where, act, said, done in tried(office, tx, by, view):
                if said != done:
                    wrong[login, act, where] = f"said {said}, is {done}"
    assert wrong == {}


async def tried(office: Office, tx: Tx, by: Any, view: CaseView) -> AsyncIterator[tuple[str, str, bool, bool]]:
    """Yield each act with where it is tried, whether it is said to be possible, and whether it was done."""
    stages = {seat.task_id: f"{seat.stage}:{seat.actor}" for seat in view.seats.seats}
    for task in view.tasks:
        seat = view.seats.of(task.id)
        assert seat is not None
        for act, ways in by_task(office, tx, by, view, task.id, stage=task.stage).items():
            yield stages[task.id], act, act in seat.may, await any_done(tx, ways)
    for seat in view.seats.seats:
        more = {"by": by, "case_id": view.id, "task_id": seat.task_id, "words": "x"}
        ways = [lambda more=more: handing.remove_signer(tx, **more)]
        yield stages[seat.task_id], "remove-signer", seat.removable, await any_done(tx, ways)
    for act, ways in (await by_case(office, tx, by, view)).items():
        yield "", act, act in view.may, await any_done(tx, ways)


async def any_done(tx: Tx, ways: list[Act]) -> bool:
    """Tell whether one of the ways succeeds; nothing of it is kept."""
    for way in ways:
        try:
            async with tx.savepoint():
                await way()
                undo()
        except Undone:
            return True
        except GuantongError:
            continue
    return False


def undo() -> None:
    raise Undone


class Undone(Exception):  # noqa: N818 - no error: the act succeeded
    """What rolls an act back that succeeded."""


def by_task(office: Office, tx: Tx, by: Any, view: CaseView, task: UUID, *, stage: str) -> dict[str, list[Act]]:
    one = {"by": by, "task_id": task}
    others = [office.people[login] for login in TO]
    until = next(each.due_at for each in view.tasks if each.id == task)
    form = FORMS.get(stage)

    async def filed(use_case: Any) -> None:
        await save_draft(tx, by=by, case_id=view.id, data=form, task_id=task)
        await use_case(tx, **one)

    return {
        "submit": [lambda: filed(acts.submit_plan)] if form else [],
        "assess": [lambda: filed(acts.assess)] if form else [],
        "approve": [lambda: acts.approve(tx, **one, words="x")],
        "oppose": [lambda: acts.oppose(tx, **one, words="x")],
        "sign": [lambda: acts.sign(tx, **one, words="x")],
        "decline": [lambda: acts.decline(tx, **one, words="x")],
        "reject": [lambda: acts.reject(tx, **one, words="x")],
        "return": [lambda to=to: acts.return_case(tx, **one, to=to, words="x") for to in ("plan", "materials", "marks")],
        "claim": [lambda: handing.claim(tx, **one)],
        "put-back": [lambda: handing.put_back(tx, **one)],
        "answer": [lambda: handing.answer(tx, **one, words="x")],
        "recall": [lambda: handing.recall(tx, **one)],
        "transfer": [lambda to=to: handing.transfer(tx, **one, to=to) for to in others],
        "delegate": [lambda to=to: handing.delegate(tx, **one, to=to) for to in others],
        "add-signer": [lambda to=to: handing.add_signer(tx, **one, person=to, how="beside") for to in others],
        "ask-extension": [
            lambda: extending.ask_extension(tx, **one, until=until + timedelta(days=1), words="x")
        ] if until else [],
    }  # fmt: skip


async def by_case(office: Office, tx: Tx, by: Any, view: CaseView) -> dict[str, list[Act]]:
    one: dict[str, Any] = {"by": by, "case_id": view.id}
    visits = [visit.id for visit in (await office.state()).open]
    rows = await tx.rows("SELECT id FROM task WHERE case_id = $1 AND state <> 'open'", (view.id,))
    return {
        "withdraw": [lambda: acts.withdraw(tx, **one)],
        "take-back": [lambda task=row["id"]: acts.take_back(tx, **one, task_id=task) for row in rows],
        "grant-exception": [lambda: extending.grant_exception(tx, **one, until=local(2027, 6, 1), words="x")],
        "decide-extension": [lambda v=visit: extending.grant_extension(tx, **one, visit_id=v) for visit in visits],
        "suspend": [lambda: administering.suspend(tx, **one, words="x")],
        "resume": [lambda: administering.resume(tx, **one)],
        "end": [lambda: administering.end_case(tx, **one, words="x")],
        "jump": [lambda: administering.jump(tx, **one, to=stage_of(view), words="x", version=view.version)],
        "reopen": [lambda: administering.reopen(tx, **one, to=stage_of(view), words="x")],
    }


def stage_of(view: CaseView) -> str:
    return "marks" if view.definition.process == "review" else "either"
