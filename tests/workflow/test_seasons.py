"""Seasons: planned, opened, listed, closed; and who carries them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from sqlmodel import col, select

from models.audit import AuditEvent
from services.errors import ConflictError, NotFoundError, SeasonDateError, SupersededError
from services.programmes.load import load_pack
from services.store.audit import GENESIS, ChainedEvent
from services.store.transaction import Store
from services.workflow import carrying
from services.workflow.carrying import backoff, begin_generation, judge, met_waits, pass_or_ask
from services.workflow.season_plan import plan_season, plan_seasons
from services.workflow.seasons import open_season, publish_summary, report_missing
from tests.conftest import move_clock
from tests.flows.filing import close_all, end, facts, file, know_cases, plan_2027, season_row, submit
from tests.world import World, local, make_world

pytestmark = pytest.mark.postgres


@pytest.fixture
async def world(store: Store) -> World:
    await move_clock(store, local(2026, 12, 1))
    return await make_world(store)


async def carry(world: World, season_id: UUID, *, seen: int = 0) -> int:
    async with world.store.transaction() as tx:
        generation = await begin_generation(tx, season_id, seen=seen)
    assert generation is not None
    return generation


@pytest.fixture
async def season_id(world: World) -> UUID:
    """A season that generation 1 has opened."""
    season_id = await plan_2027(world)
    await carry(world, season_id)
    async with world.store.transaction() as tx:
        await open_season(tx, season_id, 1)
    await know_cases(world, season_id)
    return season_id


async def test_planning_makes_this_season_and_the_next_and_says_why_they_are_due(world: World) -> None:
    async with world.store.transaction() as tx:
        first = await plan_seasons(tx, world.bureau_id)
    async with world.store.transaction() as tx:
        again = await plan_seasons(tx, world.bureau_id)
    rows = await facts(world.store, "SELECT key, state, opens_at, due_at FROM season ORDER BY key")
    assert [(row["key"], row["state"]) for row in rows] == [("2027", "planned"), ("2028", "planned")]
    assert rows[0]["opens_at"] == local(2026, 11, 15, 0)
    assert rows[0]["due_at"] == local(2027, 2, 1, 0)
    assert (len(first), again) == (2, [])
    season = await season_row(world.store, first[0])
    assert [step["code"] for step in season.due["reasons"]] == ["season-due", "stays", "ends", "provisional"]


async def test_a_season_that_is_over_is_not_planned_but_may_be_by_its_key(world: World) -> None:
    await move_clock(world.store, local(2027, 2, 10))
    async with world.store.transaction() as tx:
        await plan_seasons(tx, world.bureau_id)
    assert [row["key"] for row in await facts(world.store, "SELECT key FROM season")] == ["2028"]
    names = {"programme": "qingdao-qiangji", "process": "annual-filing"}
    async with world.store.transaction() as tx:
        one = await plan_season(tx, world.bureau_id, **names, key="2027")
        assert await plan_season(tx, world.bureau_id, **names, key="2027") == one
        with pytest.raises(SeasonDateError):
            await plan_season(tx, world.bureau_id, **names, key="next")
        with pytest.raises(NotFoundError):
            await plan_season(tx, world.bureau_id, programme="qingdao-qiangji", process="other", key="2027")


async def test_a_season_pins_its_version_when_it_opens_and_keeps_it(world: World) -> None:
    season_id = await plan_2027(world)
    before = (await season_row(world.store, season_id)).version_id
    process = world.pack.processes[0]
    rule = process.season.model_copy(update={"due": "02-28"})
    newer = world.pack.model_copy(update={"processes": (process.model_copy(update={"season": rule}),)})
    async with world.store.transaction() as tx:
        await load_pack(tx, world.bureau_id, newer)
    await carry(world, season_id)
    async with world.store.transaction() as tx:
        await open_season(tx, season_id, 1)
    opened = await season_row(world.store, season_id)
    assert opened.version_id != before
    assert opened.due_at == local(2027, 3, 1, 0)
    async with world.store.transaction() as tx:
        await load_pack(tx, world.bureau_id, world.pack)
        await plan_seasons(tx, world.bureau_id)
    async with world.store.transaction() as tx:
        await open_season(tx, season_id, 1)
    after = await season_row(world.store, season_id)
    assert (after.version_id, after.due_at) == (opened.version_id, opened.due_at)


async def test_a_planned_season_follows_the_newest_pack(world: World) -> None:
    season_id = await plan_2027(world)
    process = world.pack.processes[0]
    rule = process.season.model_copy(update={"opens": "-1/12-20"})
    newer = world.pack.model_copy(update={"processes": (process.model_copy(update={"season": rule}),)})
    async with world.store.transaction() as tx:
        await load_pack(tx, world.bureau_id, newer)
        await plan_seasons(tx, world.bureau_id)
    assert (await season_row(world.store, season_id)).opens_at == local(2026, 12, 20, 0)


async def test_opening_does_only_what_is_missing(world: World, season_id: UUID) -> None:
    await facts(world.store, "DELETE FROM alarm WHERE case_id = $1", world.cases["math"])
    for table in ("deadline", "task", "visit", "notification"):
        await facts(world.store, f"DELETE FROM {table} WHERE case_id = $1", world.cases["math"])
    await facts(world.store, "DELETE FROM cases WHERE id = $1", world.cases["math"])
    async with world.store.transaction() as tx:
        result = await open_season(tx, season_id, 1)
    assert (result["cases"], result["opened"]) == (6, 1)
    tasks = await facts(world.store, "SELECT due_at FROM task WHERE state = 'open'")
    assert [task["due_at"] for task in tasks] == [local(2027, 2, 1, 0)] * 6


async def test_an_older_generation_may_do_nothing(world: World, season_id: UUID) -> None:
    await carry(world, season_id, seen=1)
    for act in (open_season, report_missing, publish_summary):
        async with world.store.transaction() as tx:
            with pytest.raises(SupersededError):
                await act(tx, season_id, 1)
    async with world.store.transaction() as tx:
        with pytest.raises(SupersededError):
            await pass_or_ask(tx, season_id, generation=1, name="due")


async def test_the_missing_are_listed_to_the_offices_once(world: World, season_id: UUID) -> None:
    for group in ("math", "biology"):
        await submit(world, group)
    await move_clock(world.store, local(2027, 2, 1))
    for _ in range(2):
        async with world.store.transaction() as tx:
            result = await report_missing(tx, season_id, 1)
    assert result["missing"] == ["chemistry", "humanities", "informatics", "physics"]
    told = await facts(world.store, "SELECT person_id, context FROM notification WHERE kind = 'season-missing'")
    assert {row["person_id"] for row in told} == {
        world.people[who] for who in ("basic-clerk", "basic-head", "finance-clerk")
    }
    assert len(told) == 3
    assert [group["code"] for group in told[0]["context"]["missing"]] == result["missing"]
    assert all(group["unit_zh"] for group in told[0]["context"]["missing"])


async def test_a_returned_plan_is_not_missing_and_a_withdrawn_one_is(world: World, season_id: UUID) -> None:
    from services.workflow.acts import return_case, withdraw  # noqa: PLC0415

    for group in ("math", "biology"):
        await submit(world, group)
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "research-reviewer")
        task = await world.open_task(tx, "math")
        await return_case(tx, by=by, task_id=task, to="plan", words="Too vague.")
        by = await world.reader(tx, "biology-chief")
        await withdraw(tx, by=by, case_id=world.cases["biology"])
    async with world.store.transaction() as tx:
        missing = (await report_missing(tx, season_id, 1))["missing"]
    assert "math" not in missing
    assert "biology" in missing


async def test_nobody_is_told_when_nobody_is_missing(world: World, season_id: UUID) -> None:
    for group in world.cases:
        await submit(world, group)
    async with world.store.transaction() as tx:
        assert (await report_missing(tx, season_id, 1))["told"] == 0
    assert await facts(world.store, "SELECT 1 FROM notification WHERE kind = 'season-missing'") == []


async def test_the_summary_closes_the_season(world: World, season_id: UUID) -> None:
    await close_all(world, but=("physics", "biology"))
    async with world.store.transaction() as tx:
        with pytest.raises(ConflictError):
            await publish_summary(tx, season_id, 1)
    await end(world, "biology")
    await move_clock(world.store, local(2027, 2, 2))
    await file(world, "physics")
    async with world.store.transaction() as tx:
        await publish_summary(tx, season_id, 1)
    season = await season_row(world.store, season_id)
    assert season.summary is not None
    assert (season.state, season.ended_at) == ("completed", local(2027, 2, 2))
    counts = {key: season.summary[key] for key in ("cases", "filed", "ended", "late")}
    assert counts == {"cases": 6, "filed": 5, "ended": 1, "late": 1}
    numbers = [group["number"] for group in season.summary["groups"]]
    assert numbers == [*(f"QJ-2027-00{n}" for n in range(1, 6)), None]
    told = await facts(world.store, "SELECT person_id FROM notification WHERE kind = 'season-summary'")
    assert len(told) == 3


async def test_waits_follow_the_facts(world: World, season_id: UUID) -> None:
    async def ask(name: str) -> str | None:
        async with world.store.transaction() as tx:
            return await pass_or_ask(tx, season_id, generation=1, name=name)

    assert [await ask("due"), await ask("due")] == ["due-1", "due-2"]
    await facts(world.store, "UPDATE season SET flow_run_id = 'run' WHERE id = $1", season_id)
    async with world.store.transaction() as tx:
        assert await met_waits(tx) == []
    await move_clock(world.store, local(2027, 2, 1, 0) - timedelta(microseconds=1))
    assert await ask("due") == "due-3"
    await move_clock(world.store, local(2027, 2, 1, 0))
    async with world.store.transaction() as tx:
        assert [wait.wait for wait in await met_waits(tx)] == ["due"]
        assert [wait.wait for wait in await met_waits(tx)] == ["due"]
    assert await ask("due") is None
    await move_clock(world.store, local(2027, 1, 1))
    assert await ask("due") is None, "a passed wait stays passed"
    assert await ask("all-closed") == "all-closed-1"
    with pytest.raises(KeyError):
        await ask("whatever")


async def test_a_hard_close_ends_no_wait(world: World, season_id: UUID) -> None:
    await close_all(world, but=("physics",))
    await move_clock(world.store, local(2027, 6, 1))
    async with world.store.transaction() as tx:
        assert await pass_or_ask(tx, season_id, generation=1, name="all-closed") == "all-closed-1"
    await end(world, "physics")
    async with world.store.transaction() as tx:
        assert await pass_or_ask(tx, season_id, generation=1, name="all-closed") is None


async def test_one_of_many_claims_a_generation(world: World) -> None:
    season_id = await plan_2027(world)

    async def claim() -> int | None:
        async with world.store.transaction() as tx:
            return await begin_generation(tx, season_id, seen=0)

    claims = await asyncio.gather(*(claim() for _ in range(8)))
    assert sorted(claims, key=str) == [1] + [None] * 7


@pytest.mark.parametrize(
    ("run", "lease", "failures", "verdict"),
    [
        ("scheduled", "none", 0, "keep"),
        ("suspended", "none", 0, "keep"),
        ("suspended", "expired", 0, "release"),
        ("running", "held", 0, "keep"),
        ("running", "none", 0, "grace"),
        ("running", "expired", 0, "next"),
        (None, "held", 0, "keep"),
        (None, "none", 0, "next"),
        (None, "expired", 0, "next"),
        ("crashed", "none", 0, "next"),
        ("crashed", "held", 0, "keep"),
        ("failed", "none", 3, "wait"),
        ("failed", "expired", 3, "next"),
        ("cancelled", "none", 0, "next"),
        ("completed", "none", 0, "next"),
    ],
)
async def test_a_run_is_judged_by_its_state_and_its_lease(
    run: str | None, lease: str, failures: int, verdict: str
) -> None:
    assert judge(run, lease, failures) == verdict  # type: ignore[arg-type]


async def test_waiting_grows_with_failures_and_has_an_end() -> None:
    waits = [backoff(failures) for failures in range(1, 40)]
    assert waits[:3] == [10, 20, 40]
    assert waits[-1] == carrying.LONGEST_BACKOFF_SECONDS


async def test_leases_are_by_the_real_clock(world: World, season_id: UUID) -> None:
    async def lease() -> str:
        async with world.store.transaction() as tx:
            (kept,) = await carrying.seasons_to_keep(tx)
            return kept.lease

    async with world.store.transaction() as tx:
        assert await carrying.hold_lease(tx, season_id, generation=1)
        assert not await carrying.hold_lease(tx, season_id, generation=7)
    await move_clock(world.store, local(2027, 11, 14))
    assert await lease() == "held"
    await facts(world.store, "UPDATE season SET lease_until = clock_timestamp() WHERE id = $1", season_id)
    assert await lease() == "expired"
    async with world.store.transaction() as tx:
        await carrying.release_expired(tx, season_id, generation=1)
    assert await lease() == "none"


async def test_the_seasons_events_make_one_chain(world: World, season_id: UUID) -> None:
    for group in world.cases:
        await end(world, group)
    async with world.store.transaction() as tx:
        await report_missing(tx, season_id, 1)
        await publish_summary(tx, season_id, 1)
    async with world.store.transaction() as tx:
        events = (
            await tx.session.exec(
                select(AuditEvent).where(col(AuditEvent.stream_id) == season_id).order_by(col(AuditEvent.seq))
            )
        ).all()
    season = await season_row(world.store, season_id)
    names = [event.kind for event in events]
    assert names == [
        "season-planned", "season-carried", "season-opened", "cases-opened", "missing-reported", "season-completed",
    ]  # fmt: skip
    assert events[0].prev == GENESIS
    assert all(after.prev == before.hash for before, after in pairwise(events))
    for event in events:
        fields = {name: getattr(event, name) for name in ChainedEvent.__dataclass_fields__}
        assert ChainedEvent(**fields).hash == event.hash
    assert (season.audit_seq, season.audit_hash) == (len(events), events[-1].hash)
