"""Tasks handed on: claimed, transferred, delegated, with added signers, handed over when somebody leaves."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.errors import ForbiddenError, IllegalTransitionError, InvalidInputError, NotFoundError
from services.store.transaction import Store
from services.workflow.acts import approve, return_case, submit_plan, take_back
from services.workflow.handing import add_signer, answer, claim, delegate, put_back, recall, remove_signer, transfer
from services.workflow.leaving import hand_over_tasks, own_tasks
from services.workflow.queue import tasks_page
from tests.conftest import move_clock
from tests.workflow.office import PLAN, Office, make_office
from tests.world import local

pytestmark = pytest.mark.postgres
FINANCE = "finance-office/clerk"


@pytest.fixture
async def office(store: Store) -> Office:
    await move_clock(store, local(2027, 1, 4))
    made = await make_office(store)
    await made.open("rich", "robotics")
    await made.submit()
    return made


async def listed(office: Office, login: str) -> list[UUID]:
    async with office.store.transaction() as tx:
        page = await tasks_page(tx, await office.reader(tx, login))
    return [row.task_id for row in page.rows]


async def alarms(office: Office, task: UUID) -> set[str]:
    """Return with whom the reminders of a task are: logins, or `position`."""
    logins = {person: login for login, person in office.people.items()}
    async with office.store.transaction() as tx:
        rows = await tx.rows("SELECT person_id FROM alarm WHERE task_id = $1 AND kind IN ('remind', 'warn')", (task,))
    return {logins[row["person_id"]] if row["person_id"] else "position" for row in rows}


async def test_a_transferred_task_is_in_the_others_list_and_only_they_decide(office: Office) -> None:
    task = await office.task("countersign", FINANCE)
    assert task.id in await listed(office, "finance-clerk")
    await office.do(
        transfer, "finance-clerk", task_id=task.id, to=office.people["reviewer"], words="You know it better."
    )
    assert task.id not in await listed(office, "finance-clerk")
    assert task.id in await listed(office, "reviewer")
    with pytest.raises(ForbiddenError):
        await office.do(approve, "finance-clerk", task_id=task.id)
    await office.do(approve, "reviewer", task_id=task.id)
    assert (await office.visit("countersign")).opinions[0].person == office.people["reviewer"]


async def test_whoever_is_given_a_task_may_read_its_case_and_nobody_else_of_their_unit(office: Office) -> None:
    task = await office.task("countersign", FINANCE)
    with pytest.raises(NotFoundError):
        await office.do(claim, "south-office", task_id=task.id)
    await office.do(transfer, "finance-clerk", task_id=task.id, to=office.people["south-office"])
    await office.do(approve, "south-office", task_id=task.id)


async def test_a_task_is_not_transferred_to_who_submitted_or_to_nobody(office: Office) -> None:
    task = await office.task("countersign", FINANCE)
    for person in (office.people["robotics-chief"], office.bureau_id):
        with pytest.raises(InvalidInputError):
            await office.do(transfer, "finance-clerk", task_id=task.id, to=person)


async def test_a_claimed_task_leaves_the_queue_and_put_back_comes_again(office: Office) -> None:
    await office.do(approve, "finance-clerk", task_id=(await office.task("countersign", FINANCE)).id)
    await office.do(approve, "teachers-clerk", task_id=(await office.task("countersign")).id)
    await office.do(approve, "reviewer", task_id=(await office.task("guidance")).id)
    await office.do(approve, "institute-head", task_id=(await office.task("guidance")).id)
    task = await office.task("either", "education-office/clerk")
    assert await alarms(office, task.id) == {"position"}
    await office.do(claim, "education-clerk", task_id=task.id)
    assert (await office.task("either", "education-office/clerk")).person == office.people["education-clerk"]
    assert await alarms(office, task.id) == {"education-clerk"}
    with pytest.raises(IllegalTransitionError):
        await office.do(claim, "education-clerk", task_id=task.id)
    await office.do(put_back, "education-clerk", task_id=task.id)
    assert (await office.task("either", "education-office/clerk")).person is None
    assert await alarms(office, task.id) == {"position"}


async def test_a_delegated_task_comes_back_with_the_answer_and_its_owner_decides(office: Office) -> None:
    task = await office.task("countersign", FINANCE)
    await office.do(
        delegate, "finance-clerk", task_id=task.id, to=office.people["finance-head"], words="Is the sum right?"
    )
    assert task.id in await listed(office, "finance-head")
    with pytest.raises(ForbiddenError):
        await office.do(approve, "finance-clerk", task_id=task.id)
    with pytest.raises(ForbiddenError):
        await office.do(approve, "finance-head", task_id=task.id)
    await office.do(answer, "finance-head", task_id=task.id, words="It is.")
    assert task.id in await listed(office, "finance-clerk")
    await office.do(approve, "finance-clerk", task_id=task.id)


async def test_the_owner_recalls_a_delegated_task(office: Office) -> None:
    task = await office.task("countersign", FINANCE)
    await office.do(delegate, "finance-clerk", task_id=task.id, to=office.people["finance-head"])
    await office.do(recall, "finance-clerk", task_id=task.id)
    with pytest.raises(IllegalTransitionError):
        await office.do(answer, "finance-head", task_id=task.id, words="Too late")
    await office.do(approve, "finance-clerk", task_id=task.id)


async def test_a_signer_added_before_signs_first_and_one_added_after_signs_last(office: Office) -> None:
    task = await office.task("countersign", FINANCE)
    await office.do(add_signer, "finance-clerk", task_id=task.id, person=office.people["expert-1"], how="before")
    await office.do(add_signer, "finance-clerk", task_id=task.id, person=office.people["expert-2"], how="after")
    with pytest.raises(IllegalTransitionError):
        await office.do(approve, "finance-clerk", task_id=task.id)
    await office.do(approve, "expert-1", task_id=(await office.task("countersign", login="expert-1")).id)
    await office.do(approve, "teachers-clerk", task_id=(await office.task("countersign", "teachers-office/clerk")).id)
    assert not [each for each in (await office.visit("countersign")).tasks if each.person == office.people["expert-2"]]
    await office.do(approve, "finance-clerk", task_id=task.id)
    await office.do(approve, "expert-2", task_id=(await office.task("countersign", login="expert-2")).id)
    assert (await office.state()).visit_in("countersign") is None


async def test_the_last_signer_is_not_removed(office: Office) -> None:
    await office.do(approve, "teachers-clerk", task_id=(await office.task("countersign", "teachers-office/clerk")).id)
    task = await office.task("countersign", FINANCE)
    with pytest.raises(IllegalTransitionError, match="last signer"):
        await office.do(remove_signer, "administrator", case_id=office.case_id, task_id=task.id, words="Ill")


async def test_only_who_added_a_signer_removes_them(office: Office) -> None:
    task = await office.task("countersign", FINANCE)
    await office.do(add_signer, "finance-clerk", task_id=task.id, person=office.people["expert-1"], how="beside")
    added = (await office.task("countersign", login="expert-1")).id
    with pytest.raises(ForbiddenError):
        await office.do(remove_signer, "teachers-clerk", case_id=office.case_id, task_id=added, words="No")
    await office.do(remove_signer, "finance-clerk", case_id=office.case_id, task_id=added, words="Not needed")
    assert added not in await listed(office, "expert-1")


async def test_a_return_goes_straight_back_to_whoever_returned_it_and_the_others_opinion_stands(office: Office) -> None:
    await office.do(approve, "finance-clerk", task_id=(await office.task("countersign", FINANCE)).id)
    back = await office.task("countersign", "teachers-office/clerk")
    await office.do(return_case, "teachers-clerk", task_id=back.id, to="plan", words="Name the camp.")
    assert [visit.stage for visit in (await office.state()).open] == ["plan"]
    await office.do(submit_plan, "robotics-chief", task_id=await office.fill_in("robotics-chief", "plan", PLAN))
    visit = await office.visit("countersign")
    assert [opinion.person for opinion in visit.opinions] == [office.people["finance-clerk"]]
    assert [task.person for task in visit.tasks] == [office.people["teachers-clerk"]]
    assert (await office.visit("guidance")).n == 2, "the path beside it is open again too"


async def test_a_decision_is_taken_back_while_the_next_has_not_acted(office: Office) -> None:
    first = await office.task("guidance")
    await office.do(approve, "reviewer", task_id=first.id)
    await office.do(take_back, "reviewer", case_id=office.case_id, task_id=first.id)
    again = await office.task("guidance")
    assert again.person == office.people["reviewer"]
    await office.do(approve, "reviewer", task_id=again.id)
    await office.do(approve, "institute-head", task_id=(await office.task("guidance")).id)
    with pytest.raises(IllegalTransitionError):
        await office.do(take_back, "reviewer", case_id=office.case_id, task_id=again.id)


async def test_everything_that_is_a_leaving_persons_own_is_handed_over(office: Office) -> None:
    task = await office.task("countersign", FINANCE)
    await office.do(claim, "finance-clerk", task_id=task.id)
    assert [
        each.task_id for each in await office.do(own_tasks, "administrator", person_id=office.people["finance-clerk"])
    ] == [task.id]
    results = await office.do(
        hand_over_tasks, "administrator", leaving=office.people["finance-clerk"], to=office.people["finance-head"]
    )
    assert [result.refusal for result in results] == [None]
    assert task.id in await listed(office, "finance-head")
    refused = await office.do(
        hand_over_tasks, "administrator", leaving=office.people["finance-head"], to=office.people["robotics-chief"]
    )
    assert isinstance(refused[0].refusal, InvalidInputError)
    assert task.id in await listed(office, "finance-head")
