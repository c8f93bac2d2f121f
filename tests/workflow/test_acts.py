"""Submit, approve, return, withdraw, exceptions, filing: each act on a real database."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import pytest

from services.errors import (
    AlreadyDecidedError,
    ClosedError,
    ConflictError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    KeyReusedError,
    NotFoundError,
)
from services.store.transaction import Store
from services.workflow.acts import Outcome, approve, end_case, grant_exception, return_case, submit_plan, withdraw
from services.workflow.cases import case_view
from services.workflow.drafts import attach, save_draft
from services.workflow.remarks import pin_remark, remarks_of
from tests.conftest import move_clock
from tests.statements import counted
from tests.world import World, local, make_world, open_filing, plan, told

pytestmark = pytest.mark.postgres


@pytest.fixture
async def world(store: Store) -> World:
    await move_clock(store, local(2026, 12, 1))
    return await open_filing(await make_world(store))


async def submit(world: World, group: str = "math", **more: object) -> Outcome:
    await world.fill_in(group)
    async with world.store.transaction() as tx:
        by = await world.reader(tx, f"{group}-chief")
        return await submit_plan(tx, by=by, task_id=await world.open_task(tx, group), **more)


REVIEWER = {"informatics": "equipment-reviewer"}


async def guide(world: World, group: str = "math") -> Outcome:
    async with world.store.transaction() as tx:
        by = await world.reader(tx, REVIEWER.get(group, "research-reviewer"))
        return await approve(tx, by=by, task_id=await world.open_task(tx, group))


async def sign(world: World, login: str, actor: str, group: str = "math", **more: object) -> Outcome:
    async with world.store.transaction() as tx:
        by = await world.reader(tx, login)
        return await approve(tx, by=by, task_id=await world.open_task(tx, group, actor), **more)


async def file(world: World, group: str = "math") -> Outcome:
    await submit(world, group)
    await guide(world, group)
    await sign(world, "basic-clerk", "basic-education-office/clerk", group)
    return await sign(world, "finance-clerk", "planning-finance-office/clerk", group)


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


async def test_a_submission_is_withdrawn_while_nobody_has_acted(world: World) -> None:
    await submit(world)
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "math-chief")
        assert (await withdraw(tx, by=by, case_id=world.cases["math"])).state == "plan"
    assert (await submit(world)).state == "guidance"
    await guide(world)
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "math-chief")
        with pytest.raises(IllegalTransitionError):
            await withdraw(tx, by=by, case_id=world.cases["math"])


async def test_after_the_close_the_last_submission_stands(world: World) -> None:
    await submit(world)
    await move_clock(world.store, local(2027, 2, 6, 0))
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "math-chief")
        with pytest.raises(ClosedError):
            await withdraw(tx, by=by, case_id=world.cases["math"])


async def test_a_late_submission_is_marked_and_after_the_close_refused(world: World) -> None:
    await move_clock(world.store, local(2027, 2, 5, 23, 59))
    assert (await submit(world, "math")).late
    await world.fill_in("physics")
    await move_clock(world.store, local(2027, 2, 6, 0))
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "physics-chief")
        with pytest.raises(ClosedError):
            await submit_plan(tx, by=by, task_id=await world.open_task(tx, "physics"))


async def test_a_submission_at_the_very_end_of_the_due_day_is_in_time(world: World) -> None:
    await move_clock(world.store, local(2027, 1, 31, 23, 59))
    assert not (await submit(world, "math")).late
    await move_clock(world.store, local(2027, 2, 1, 0))
    assert (await submit(world, "physics")).late


async def test_a_late_exception_is_granted_by_name_and_used(world: World) -> None:
    await world.fill_in("physics")
    await move_clock(world.store, local(2027, 2, 8, 9))
    case_id = world.cases["physics"]
    async with world.store.transaction() as tx:
        clerk = await world.reader(tx, "basic-clerk")
        with pytest.raises(ForbiddenError):
            await grant_exception(tx, by=clerk, case_id=case_id, until=local(2027, 2, 10), words="Illness")
        head = await world.reader(tx, "basic-head")
        await grant_exception(tx, by=head, case_id=case_id, until=local(2027, 2, 10), words="Illness")
    assert (await submit(world, "physics")).late
    async with world.store.transaction() as tx:
        (row,) = await tx.rows("SELECT granted_by, reason, used_at FROM late_exception")
    assert row["granted_by"] == world.people["basic-head"]
    assert row["used_at"] is not None


async def test_an_exception_moves_the_close_and_its_alarms(world: World) -> None:
    await move_clock(world.store, local(2027, 2, 3))
    case_id = world.cases["physics"]
    async with world.store.transaction() as tx:
        head = await world.reader(tx, "basic-head")
        await grant_exception(tx, by=head, case_id=case_id, until=local(2027, 2, 20, 0), words="Illness")
        task = await world.open_task(tx, "physics")
        (deadline,) = await tx.rows(
            "SELECT close_at, override_by, override_reason, explained::text AS explained FROM deadline WHERE subject_id = $1",
            (task,),
        )
        alarms = await tx.rows("SELECT kind, next_at FROM alarm WHERE task_id = $1 AND next_at IS NOT NULL", (task,))
    assert (deadline["close_at"], deadline["override_by"]) == (local(2027, 2, 20, 0), world.people["basic-head"])
    assert json.loads(deadline["explained"])["override"]["close_on"] == "2027-02-19"
    assert [alarm["next_at"] for alarm in alarms if alarm["kind"] == "close"] == [local(2027, 2, 20, 0)]
    assert {alarm["kind"] for alarm in alarms} == {"overdue", "escalate", "close"}
    async with world.store.transaction() as tx:
        view = await case_view(tx, await world.reader(tx, "physics-chief"), case_id)
    assert view.exception_until == local(2027, 2, 20, 0)
    assert "submit" in view.may


async def test_two_grants_with_one_key_at_once_are_one(world: World) -> None:
    async with world.store.transaction() as tx:
        head = await world.reader(tx, "basic-head")

    async def once() -> Outcome:
        async with world.store.transaction() as tx:
            case_id, until = world.cases["physics"], local(2027, 3, 1)
            return await grant_exception(tx, by=head, case_id=case_id, until=until, words="Illness", key="k")

    results = await asyncio.gather(*(once() for _ in range(6)))
    assert len(set(results)) == 1
    async with world.store.transaction() as tx:
        assert len(await tx.rows("SELECT 1 FROM late_exception")) == 1


async def test_one_key_for_two_cases_at_once_is_refused_for_the_second(world: World) -> None:
    async with world.store.transaction() as tx:
        head = await world.reader(tx, "basic-head")

    async def once(group: str) -> Outcome:
        async with world.store.transaction() as tx:
            case_id, until = world.cases[group], local(2027, 3, 1)
            return await grant_exception(tx, by=head, case_id=case_id, until=until, words="Illness", key="k")

    results = await asyncio.gather(once("math"), once("physics"), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["KeyReusedError", "Outcome"]


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


async def test_the_same_file_attached_by_two_groups_at_once_is_kept_for_both(world: World) -> None:
    async def once(group: str) -> None:
        async with world.store.transaction() as tx:
            by = await world.reader(tx, f"{group}-chief")
            await attach(
                tx, by=by, case_id=world.cases[group], field="attachments.files", name="a.pdf",
                media_type="application/pdf", size=3, sha256="ab" * 32,
            )  # fmt: skip

    await asyncio.gather(*(once(group) for group in ("math", "physics", "chemistry")))
    async with world.store.transaction() as tx:
        assert len(await tx.rows("SELECT 1 FROM attachment")) == 3


async def test_an_exception_ends(world: World) -> None:
    await world.fill_in("physics")
    await move_clock(world.store, local(2027, 2, 8, 9))
    async with world.store.transaction() as tx:
        head = await world.reader(tx, "basic-head")
        await grant_exception(tx, by=head, case_id=world.cases["physics"], until=local(2027, 2, 10), words="Illness")
    await move_clock(world.store, local(2027, 2, 10))
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "physics-chief")
        with pytest.raises(ClosedError):
            await submit_plan(tx, by=by, task_id=await world.open_task(tx, "physics"))


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


async def test_a_second_identical_command_returns_the_first_ones_result(world: World) -> None:
    await submit(world)
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "research-reviewer")
        task = await world.open_task(tx, "math")
    results = []
    for _ in range(2):
        async with world.store.transaction() as tx:
            results.append(await approve(tx, by=by, task_id=task, words="Good.", key="k1"))
    assert results[0] == results[1]
    async with world.store.transaction() as tx:
        with pytest.raises(KeyReusedError):
            await approve(tx, by=by, task_id=task, words="Other words.", key="k1")


async def test_the_same_key_sent_twice_at_once_decides_once_and_answers_twice(world: World) -> None:
    await submit(world)
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "research-reviewer")
        task = await world.open_task(tx, "math")

    async def once() -> Outcome:
        async with world.store.transaction() as tx:
            return await approve(tx, by=by, task_id=task, key="k1")

    results = await asyncio.gather(*(once() for _ in range(8)))
    assert len(set(results)) == 1


async def test_thirty_two_at_once_one_wins_and_the_others_learn_what_happened(world: World) -> None:
    await submit(world)
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "research-reviewer")
        task = await world.open_task(tx, "math")

    async def once() -> Outcome:
        async with world.store.transaction() as tx:
            return await approve(tx, by=by, task_id=task)

    results = await asyncio.gather(*(once() for _ in range(32)), return_exceptions=True)
    won = [result for result in results if isinstance(result, Outcome)]
    lost = [result for result in results if isinstance(result, AlreadyDecidedError)]
    assert (len(won), len(lost)) == (1, 31)
    assert {error.details["act"] for error in lost} == {"approve"}
    assert {error.details["by"] for error in lost} == {by.name}


async def test_a_stale_version_is_refused_but_a_countersignature_is_no_obstacle(world: World) -> None:
    seen = (await submit(world)).version
    await guide(world)
    with pytest.raises(ConflictError):
        await sign(world, "finance-clerk", "planning-finance-office/clerk", version=seen)
    async with world.store.transaction() as tx:
        (row,) = await tx.rows("SELECT version FROM cases WHERE id = $1", (world.cases["math"],))
    await sign(world, "basic-clerk", "basic-education-office/clerk", version=row["version"])
    assert (await sign(world, "finance-clerk", "planning-finance-office/clerk", version=row["version"])).number


async def test_another_bureaus_task_is_not_found(world: World) -> None:
    other = await make_world(world.store, code="other")
    await submit(world)
    async with world.store.transaction() as tx:
        by = await other.reader(tx, "research-reviewer")
        with pytest.raises(NotFoundError):
            await approve(tx, by=by, task_id=await world.open_task(tx, "math"))


async def test_a_decision_costs_three_statements_however_many_cases_there_are(world: World) -> None:
    async def cost(group: str) -> int:
        await submit(world, group)
        async with world.store.transaction() as tx:
            by = await world.reader(tx, REVIEWER.get(group, "research-reviewer"))
            task = await world.open_task(tx, group)
            with counted(world.store) as sent:
                await approve(tx, by=by, task_id=task)
        return len(sent)

    first = await cost("math")
    assert first == 2
    await _many_cases(world, 1000)
    assert await cost("physics") == first


async def _many_cases(world: World, n: int) -> None:
    async with world.store.transaction() as tx:
        await tx.rows(
            "INSERT INTO project_group SELECT gen_random_uuid(), bureau_id, programme, 'g' || i, title_zh, title_en,"
            " guiding_unit_id, base_unit_id FROM project_group, generate_series(1, $2) i WHERE id = $1",
            (world.groups["math"].id, n),
        )
        await tx.rows(
            "INSERT INTO cases SELECT gen_random_uuid(), c.bureau_id, c.season_id, c.version_id, c.process, g.id, c.state,"
            " c.stage, c.version, c.number, c.late, c.actors, c.state_doc, c.opened_at, c.closed_at, c.audit_seq, c.audit_hash"
            " FROM cases c, project_group g WHERE c.id = $1 AND g.code LIKE 'g%'",
            (world.cases["math"],),
        )


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
