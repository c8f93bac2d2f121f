"""Late submissions, the hard close, late exceptions, withdrawals."""

from __future__ import annotations

import json

import pytest

from services.errors import (
    ClosedError,
    ForbiddenError,
    IllegalTransitionError,
)
from services.workflow.acts import submit_plan, withdraw
from services.workflow.cases import case_view
from services.workflow.extending import grant_exception
from tests.conftest import move_clock
from tests.workflow.acting import guide, submit
from tests.world import World, local

pytestmark = pytest.mark.postgres


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
