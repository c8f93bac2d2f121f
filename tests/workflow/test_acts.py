"""Submit, approve, return, end and filing: each act on a real database."""

from __future__ import annotations

from contextlib import suppress

import pytest

from services.errors import (
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
)
from services.workflow.acts import approve, return_case, submit_plan
from services.workflow.administering import end_case
from services.workflow.drafts import save_draft
from services.workflow.remarks import pin_remark, remarks_of
from tests.conftest import move_clock
from tests.workflow.acting import file, guide, sign, submit
from tests.world import World, local, plan, told

pytestmark = pytest.mark.postgres


async def test_a_plan_goes_from_submission_to_its_filing_number(world: World) -> None:
    assert (await submit(world)).state == "guidance"
    assert (await guide(world)).state == "bureau"
    first = await sign(world, "basic-clerk", "basic-education-office/clerk")
    assert first.state == "bureau"
    last = await sign(world, "finance-clerk", "planning-finance-office/clerk")
    assert (last.state, last.number) == ("filed", "QJ-2027-001")
    async with world.store.transaction() as tx:
        tasks = await tx.rows("SELECT state FROM task WHERE case_id = $1", (world.cases["math"],))
        armed = await tx.rows("SELECT 1 FROM alarm WHERE case_id = $1 AND next_at IS NOT NULL", (world.cases["math"],))
    assert {row["state"] for row in tasks} == {"done"}
    assert armed == []
    assert ("filed", world.people["math-chief"]) in await told(world.store)


async def test_a_budget_that_does_not_add_up_is_refused_and_says_where(world: World) -> None:
    await world.fill_in("math", plan(budget__total="26000"))
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "math-chief")
        with pytest.raises(InvalidInputError) as caught:
            await submit_plan(tx, by=by, task_id=await world.open_task(tx, "math"))
    (problem,) = caught.value.problems
    assert problem["path"] == "budget.total"
    assert "26,024.00" in problem["message"]


class GivenUpError(Exception):
    """Ends a transaction that would have succeeded."""


async def test_numbers_have_no_gaps_also_when_one_filing_rolls_back(world: World) -> None:
    assert (await file(world, "math")).number == "QJ-2027-001"
    await submit(world, "physics")
    await guide(world, "physics")
    await sign(world, "basic-clerk", "basic-education-office/clerk", "physics")
    with suppress(GivenUpError):
        async with world.store.transaction() as tx:
            by = await world.reader(tx, "finance-clerk")
            assert (await approve(tx, by=by, task_id=await world.open_task(tx, "physics"))).number == "QJ-2027-002"
            raise GivenUpError
    assert (await file(world, "chemistry")).number == "QJ-2027-002"
    assert (await sign(world, "finance-clerk", "planning-finance-office/clerk", "physics")).number == "QJ-2027-003"


async def test_a_return_closes_the_other_office_and_tells_who_approved(world: World) -> None:
    await submit(world)
    await guide(world)
    await sign(world, "basic-clerk", "basic-education-office/clerk")
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "finance-clerk")
        task = await world.open_task(tx, "math")
        outcome = await return_case(tx, by=by, task_id=task, to="plan", words="The books cost too much.")
    assert outcome.state == "plan"
    everybody = await told(world.store)
    assert ("returned", world.people["math-chief"]) in everybody
    assert ("returned-after-approval", world.people["basic-clerk"]) in everybody


async def test_a_returned_plan_gets_three_workdays_also_after_the_due_date(world: World) -> None:
    await move_clock(world.store, local(2027, 1, 29, 10))
    await submit(world)
    await move_clock(world.store, local(2027, 2, 2, 10))
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "research-reviewer")
        await return_case(tx, by=by, task_id=await world.open_task(tx, "math"), to="plan", words="Hours are missing.")
    async with world.store.transaction() as tx:
        rows = await tx.rows("SELECT due_at FROM task WHERE id = $1", (await world.open_task(tx, "math"),))
    assert rows[0]["due_at"] == local(2027, 2, 6, 0)


async def test_a_return_needs_a_reason_and_an_allowed_stage(world: World) -> None:
    await submit(world)
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "research-reviewer")
        task = await world.open_task(tx, "math")
        with pytest.raises(InvalidInputError):
            await return_case(tx, by=by, task_id=task, to="plan", words="  ")
        with pytest.raises(IllegalTransitionError):
            await return_case(tx, by=by, task_id=task, to="bureau", words="Forward?")


async def test_remarks_go_out_with_the_return(world: World) -> None:
    await submit(world)
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "research-reviewer")
        task = await world.open_task(tx, "math")
        await pin_remark(tx, by=by, task_id=task, path="budget.lines.1.price", text="Too dear.")
        chief = await world.reader(tx, "math-chief")
        assert await remarks_of(tx, by=chief, case_id=world.cases["math"]) == ()
        await return_case(tx, by=by, task_id=task, to="plan", words="See the remark.")
    async with world.store.transaction() as tx:
        chief = await world.reader(tx, "math-chief")
        (remark,) = await remarks_of(tx, by=chief, case_id=world.cases["math"])
    assert (remark.path, remark.text, remark.sent) == ("budget.lines.1.price", "Too dear.", True)


async def test_a_task_that_nobody_holds_is_told_to_the_administrator(world: World) -> None:
    async with world.store.transaction() as tx:
        await tx.rows("DELETE FROM appointment WHERE person_id = $1", (world.people["research-reviewer"],))
    await submit(world)
    assert ("unheld", world.people["administrator"]) in await told(world.store)


async def test_a_case_that_one_may_not_see_is_not_found_whatever_one_tries(world: World) -> None:
    await submit(world)
    async with world.store.transaction() as tx:
        stranger = await world.reader(tx, "physics-coach-1")
        task = await world.open_task(tx, "math")
        with pytest.raises(NotFoundError):
            await approve(tx, by=stranger, task_id=task)
        with pytest.raises(NotFoundError):
            await save_draft(tx, by=stranger, case_id=world.cases["math"], data={})
        with pytest.raises(NotFoundError):
            await pin_remark(tx, by=stranger, task_id=task, path="budget", text="?")


async def test_every_offices_remarks_go_out_with_a_return(world: World) -> None:
    await submit(world)
    await guide(world)
    async with world.store.transaction() as tx:
        clerk, finance = await world.reader(tx, "basic-clerk"), await world.reader(tx, "finance-clerk")
        theirs = await world.open_task(tx, "math", "basic-education-office/clerk")
        await pin_remark(tx, by=clerk, task_id=theirs, path="goals.items.0.target", text="Too low.")
        mine = await world.open_task(tx, "math", "planning-finance-office/clerk")
        await return_case(tx, by=finance, task_id=mine, to="plan", words="See the remarks.")
        chief = await world.reader(tx, "math-chief")
        assert [remark.text for remark in await remarks_of(tx, by=chief, case_id=world.cases["math"])] == ["Too low."]


async def test_nobody_acts_for_a_position_that_they_do_not_hold(world: World) -> None:
    await world.fill_in("math")
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "math-coach-1")
        with pytest.raises(ForbiddenError):
            await submit_plan(tx, by=by, task_id=await world.open_task(tx, "math"))


async def test_nobody_decides_on_their_own_submission(world: World) -> None:
    async with world.store.transaction() as tx:
        await tx.rows(
            "INSERT INTO appointment (id, bureau_id, position_id, person_id, starts_on, created_at)"
            " SELECT $1, bureau_id, id, $2, '2026-01-01', now() FROM position WHERE code = $3 AND bureau_id = $4",
            (tx.new_id(), world.people["math-chief"], "education-research-institute/reviewer", world.bureau_id),
        )
    await submit(world)
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "math-chief")
        with pytest.raises(ForbiddenError, match="yourself"):
            await approve(tx, by=by, task_id=await world.open_task(tx, "math"))


async def test_a_group_with_one_coach_cannot_file(world: World) -> None:
    async with world.store.transaction() as tx:
        await tx.rows("DELETE FROM appointment WHERE person_id = $1", (world.people["math-coach-2"],))
    await world.fill_in("math")
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "math-chief")
        with pytest.raises(InvalidInputError) as caught:
            await submit_plan(tx, by=by, task_id=await world.open_task(tx, "math"))
    assert [problem["code"] for problem in caught.value.problems] == ["too-few-holders"]


async def test_an_administrator_ends_a_case_with_a_reason(world: World) -> None:
    case_id = world.cases["biology"]
    async with world.store.transaction() as tx:
        with pytest.raises(ForbiddenError):
            await end_case(tx, by=await world.reader(tx, "basic-head"), case_id=case_id, words="Dissolved")
        administrator = await world.reader(tx, "administrator")
        assert (await end_case(tx, by=administrator, case_id=case_id, words="Dissolved")).state == "ended"
    assert ("ended", world.people["biology-chief"]) in await told(world.store)


async def test_the_audit_chain_of_a_case_is_linked_and_holds_no_words(world: World) -> None:
    await file(world)
    async with world.store.transaction() as tx:
        events = await tx.rows(
            "SELECT seq, kind, prev, hash, data::text AS data FROM audit_event WHERE stream_id = $1 ORDER BY seq",
            (world.cases["math"],),
        )
        (case,) = await tx.rows("SELECT audit_seq, audit_hash FROM cases WHERE id = $1", (world.cases["math"],))
    assert [event["kind"] for event in events] == ["start", "submit", "approve", "approve", "approve"]
    assert [event["prev"] for event in events[1:]] == [event["hash"] for event in events[:-1]]
    assert (case["audit_seq"], case["audit_hash"]) == (events[-1]["seq"], events[-1]["hash"])
