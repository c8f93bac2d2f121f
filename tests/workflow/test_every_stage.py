"""One case through every kind of stage and every mode of signing, on PostgreSQL."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.process.states import CaseState
from services.store.chain import verify_chain
from services.store.transaction import Store
from services.workflow.acts import approve, assess, oppose, sign, submit_plan
from tests.conftest import move_clock
from tests.workflow.office import MARKS, MATERIALS, Office, make_office
from tests.world import local

pytestmark = pytest.mark.postgres


@pytest.fixture
async def office(store: Store) -> Office:
    await move_clock(store, local(2027, 1, 4))
    made = await make_office(store)
    await made.open("rich", "robotics")
    return made


async def approve_in(office: Office, stage: str, login: str, actor: str | None = None, **more: object) -> None:
    task = await office.task(stage, actor)
    await office.do(approve, login, task_id=task.id, **more)


async def through_the_reviews(office: Office) -> None:
    await office.submit()
    await approve_in(office, "countersign", "finance-clerk", "finance-office/clerk")
    await approve_in(office, "guidance", "reviewer")
    await approve_in(office, "countersign", "teachers-clerk", "teachers-office/clerk")
    await approve_in(office, "guidance", "institute-head")


async def test_a_case_goes_through_every_kind_of_stage(office: Office, store: Store) -> None:
    await through_the_reviews(office)
    await approve_in(office, "either", "education-clerk", "education-office/clerk")
    assert (await office.state()).chosen["size"] == 0, "20,000 yuan are a large sum"
    await approve_in(office, "weighing", "finance-head", "finance-office/head")
    task = await office.task("weighing", "teachers-office/head")
    await office.do(oppose, "teachers-head", task_id=task.id, words="Too dear")
    await approve_in(office, "weighing", "education-head", "education-office/head")
    for login in ("robotics-coach-1", "robotics-coach-2"):
        await office.do(sign, login, task_id=(await office.task("commitment", login=login)).id)
    await office.do(submit_plan, "north-office", task_id=await office.fill_in("north-office", "materials", MATERIALS))
    assert [visit.stage for visit in (await office.state()).open] == ["posting"]
    await _wait_and_be_assessed(office, store)
    for login in ("expert-1", "expert-2"):
        await office.do(approve, login, task_id=(await office.task("experts", login=login)).id)
    state = await office.state()
    assert (state.status, state.number) == ("filed", "RI-2027-001")
    async with store.transaction() as tx:
        assert await verify_chain(tx, office.bureau_id) == []


async def _wait_and_be_assessed(office: Office, store: Store) -> None:
    rich = office.case_id
    assert await office.pass_time() == 0, "the posting lasts five workdays"
    await move_clock(store, local(2027, 1, 12))
    assert await office.pass_time() == 1
    assert [visit.stage for visit in (await office.state()).open] == ["pause"]
    await move_clock(store, local(2027, 1, 20))
    await office.pass_time()
    assert await office.pass_time() == 0, "it waits for the simple filing"
    await office.open("simple", "robotics")
    await _file_the_simple_one(office)
    office.case_id = rich
    assert await office.pass_time() == 1
    await move_clock(store, local(2027, 2, 2))
    assert await office.pass_time() == 1
    child = await _child(office)
    office.case_id = child
    for login in ("expert-1", "expert-2"):
        await office.do(assess, login, task_id=await office.fill_in(login, "marks", MARKS))
    await approve_in(office, "verdict", "institute-head")
    assert (await office.state()).status == "completed"
    office.case_id = rich
    assert await office.pass_time() == 1
    assert [visit.stage for visit in (await office.state()).open] == ["experts"]


async def _file_the_simple_one(office: Office) -> None:
    state = await office.state()
    (visit,) = state.open
    await office.fill_in(
        "robotics-chief",
        visit.stage,
        {"basics": {"name": "R", "kind": "camp", "trainees": "2"}, "budget": {"total": "1"}},
    )
    await office.do(submit_plan, "robotics-chief", task_id=(await office.task(visit.stage)).id)
    while (state := await office.state()).status == "open":
        (visit,) = state.open
        login = await _holder(office, visit.tasks[0].position)
        await office.do(approve, login, task_id=visit.tasks[0].id)


async def _holder(office: Office, position: UUID | None) -> str:
    async with office.store.transaction() as tx:
        rows = await tx.rows("SELECT person_id FROM appointment WHERE position_id = $1", (position,))
    return next(login for login, person in office.people.items() if person == rows[0]["person_id"])


async def _child(office: Office) -> UUID:
    async with office.store.transaction() as tx:
        rows = await tx.rows("SELECT id, state_doc::text AS doc FROM cases WHERE parent_id = $1", (office.case_id,))
    assert [CaseState.model_validate_json(row["doc"]).visit.stage for row in rows] == ["marks"]  # type: ignore[union-attr]
    found: UUID = rows[0]["id"]
    return found
