"""The same thing asked twice or by many at once, and what an act costs."""

from __future__ import annotations

import asyncio

import pytest

from services.errors import (
    AlreadyDecidedError,
    ConflictError,
    InvalidInputError,
    KeyReusedError,
    NotFoundError,
)
from services.workflow.acts import approve
from services.workflow.carry_out import Outcome
from services.workflow.drafts import attach, remove_attachment
from services.workflow.extending import grant_exception
from tests.statements import counted
from tests.workflow.acting import REVIEWER, guide, sign, submit
from tests.world import World, local, make_world

pytestmark = pytest.mark.postgres


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


async def test_the_same_file_attached_by_two_groups_at_once_is_kept_for_both(world: World) -> None:
    async def once(group: str) -> None:
        async with world.store.transaction() as tx:
            by = await world.reader(tx, f"{group}-chief")
            await attach(
                tx, by=by, case_id=world.cases[group], field="attachments.files", name="a.pdf",
                media_type="application/pdf", size=3, sha256="ab" * 32, file_limit=1000,
            )  # fmt: skip

    await asyncio.gather(*(once(group) for group in ("math", "physics", "chemistry")))
    async with world.store.transaction() as tx:
        assert len(await tx.rows("SELECT 1 FROM attachment")) == 3


@pytest.mark.parametrize(("size", "until_refused"), [(1, 200), (1000, 10), (999, 10), (1001, 9)])
async def test_a_case_takes_only_so_many_files_ever_also_when_they_are_removed(
    world: World, size: int, until_refused: int
) -> None:
    case_id = world.cases["math"]
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "math-chief")
        for number in range(until_refused):
            added = await attach(
                tx, by=by, case_id=case_id, field="attachments.files", name="a.pdf", media_type="application/pdf",
                size=size, sha256=f"{number:064}", file_limit=1000,
            )  # fmt: skip
            await remove_attachment(tx, by=by, case_id=case_id, attachment_id=added)
        with pytest.raises(InvalidInputError) as raised:
            await attach(
                tx, by=by, case_id=case_id, field="attachments.files", name="a.pdf", media_type="application/pdf",
                size=size, sha256="f" * 64, file_limit=1000,
            )  # fmt: skip
    assert "with those that were removed" in str(raised.value.problems[0]["message"])


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
