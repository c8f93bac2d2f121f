"""A bureau's own values: set with the checks of a load, kept over the pack's next version, conflicts listed and decided."""

from __future__ import annotations

import json
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from sqlmodel import col, select

from models.audit import AuditEvent
from models.people import Unit
from models.programme import Programme, ProgrammeOverlay
from services.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from services.people.access import Reader
from services.process.pack_overlay import Change, problems_of, reapply
from services.process.pack_places import read, replaced
from services.process.pack_values import parsed, settable, typed
from services.process.packs import Pack
from services.programmes.load import load_pack
from services.programmes.overlays import OverlaySet, overlay_view, preview_overlay, set_overlay
from services.programmes.pinned import pinned_pack
from services.programmes.planning import Orders, UndecidedError, plan_load
from services.programmes.versions import versions_of
from services.store.transaction import Store
from tests.world import World, make_world, open_filing, qingdao

pytestmark = pytest.mark.postgres

STAGES = "processes/annual-filing/stages"
WITHIN, NEAR, AT_LEAST = f"{STAGES}/guidance/within", "settings/near_days", f"{STAGES}/plan/due/returned/at_least"
MAX = "positions/group:coach/seats/max"
BASE = qingdao().resolved()


def pack_with(**changes: Any) -> Pack:
    doc = BASE
    for place, value in changes.items():
        doc = replaced(doc, place, value)
    return Pack.model_validate(doc)


async def programme(world: World) -> Programme:
    async with world.store.transaction() as tx:
        found = await tx.session.exec(select(Programme).where(col(Programme.bureau_id) == world.bureau_id))
        return found.one()


async def put(world: World, values: dict[str, Any], *, login: str = "administrator", **more: Any) -> OverlaySet:
    of = (await programme(world)).id
    async with world.store.transaction() as tx:
        by = await world.reader(tx, login)
        return await set_overlay(tx, by, of, values, reason=more.pop("reason", "地市要求"), **more)


async def in_force(world: World) -> dict[str, Any]:
    async with world.store.transaction() as tx:
        return (await pinned_pack(tx, (await programme(world)).version_id)).resolved()


async def load(world: World, pack: Pack, **orders: Any) -> Any:
    async with world.store.transaction() as tx:
        return await load_pack(tx, world.bureau_id, pack, orders=Orders(**orders))


async def overlays(world: World) -> list[ProgrammeOverlay]:
    async with world.store.transaction() as tx:
        query = select(ProgrammeOverlay).where(col(ProgrammeOverlay.bureau_id) == world.bureau_id)
        return list(await tx.session.exec(query.order_by(col(ProgrammeOverlay.n))))


async def events(world: World, kind: str) -> list[AuditEvent]:
    async with world.store.transaction() as tx:
        query = select(AuditEvent).where(col(AuditEvent.bureau_id) == world.bureau_id, col(AuditEvent.kind) == kind)
        return list(await tx.session.exec(query.order_by(col(AuditEvent.seq))))


def problems(error: pytest.ExceptionInfo[InvalidInputError], locale: str = "en") -> dict[str, str]:
    return {each["field"]: each["message"].in_(locale) for each in error.value.problems}


@pytest.fixture
async def world(store: Store) -> World:
    return await make_world(store)


# --- which values, and how they are typed -----------------------------------------------------------------------------


def test_numbers_times_seats_actors_and_formats_may_be_set_and_nothing_else():
    found = {each.place: each.sort for each in settable(BASE)}
    wanted = {
        NEAR: "number", "settings/remind_at": "time", "settings/roll_forward": "yes-no", MAX: "seats", WITHIN: "span",
        AT_LEAST: "span", f"{STAGES}/plan/close/after": "span", f"{STAGES}/plan/close/exceptions": "actor",
        f"{STAGES}/plan/remind/before": "spans", f"{STAGES}/plan/overdue": "ladder", f"{STAGES}/bureau/by": "who",
        "processes/annual-filing/season/due": "season-day", f"{STAGES}/filing/number": "pattern",
        f"{STAGES}/filing/notify": "actors",
    }  # fmt: skip
    assert {place: found.get(place) for place in wanted} == wanted
    for fixed in ("code", "kind", "title", "return_to", "form", "due/at", "close/from"):
        assert f"{STAGES}/plan/{fixed}" not in found
    assert not any(place.startswith(("forms", "units", "groups", "calendar")) for place in found)


def test_values_of_stages_that_nobody_knows_yet_may_be_set():
    stage = {"code": "vote", "kind": "vote", "by": {"quorum": 3, "of": ["a/b"]}, "within": "3d", "weights": {"a/b": 2}}
    doc = {
        "processes": [
            {
                "process": "p",
                "stages": [{"code": "both", "kind": "parallel", "branches": [{"code": "x", "stages": [stage]}]}],
            }
        ]
    }
    assert {each.place.removeprefix("processes/p/stages/both/branches/x/stages/"): each.sort for each in settable(doc)} == {
        "vote/by/quorum": "number", "vote/by/of": "actors", "vote/within": "span", "vote/weights/a~1b": "number",
    }  # fmt: skip


def test_what_is_typed_is_what_is_read():
    for each in settable(BASE):
        assert parsed(each.sort, typed(each.sort, each.value)) == each.value, each.place
    assert parsed("who", "any_of：a，b") == {"any_of": ["a", "b"]}
    assert parsed("number", "seven") == "seven"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6) | st.sampled_from(["5wd", "head"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["all_of", "after", "code", "n"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(st.sampled_from([each.place for each in settable(BASE)]), JSON)
def test_any_value_at_all_is_told_or_harmless(place, value):
    for problem in problems_of(replaced(BASE, place, value)):
        assert problem.message.in_("zh")


# --- setting ----------------------------------------------------------------------------------------------------------


async def test_a_value_set_makes_a_new_version_and_an_event(world):
    before = await programme(world)
    made = await put(world, {WITHIN: "8wd", NEAR: "10"})
    assert (made.n, made.changed) == (1, True)
    after = await programme(world)
    assert after.version_id == made.version_id != before.version_id
    assert (read(await in_force(world), WITHIN), read(await in_force(world), NEAR)) == ("8wd", 10)
    (row,) = await overlays(world)
    assert row.changes == [
        {"place": WITHIN, "base": "5wd", "value": "8wd"},
        {"place": NEAR, "base": 7, "value": 10},
    ]
    assert (row.base_id, row.reason) == (before.version_id, "地市要求")
    (event,) = await events(world, "overlay-set")
    assert (event.person_id, event.data["reason"], event.data["overlay"]) == (
        world.people["administrator"],
        "地市要求",
        1,
    )
    assert {"place": WITHIN, "kind": "changed", "before": "5wd", "after": "8wd"} in event.data["differences"]


async def test_what_is_not_named_any_more_has_the_packs_value_again(world):
    await put(world, {WITHIN: "8wd", NEAR: 10})
    await put(world, {NEAR: 10})
    assert read(await in_force(world), WITHIN) == "5wd"
    made = await put(world, {})
    assert made.digest == qingdao().digest()
    assert [len(each.changes) for each in await overlays(world)] == [2, 1, 0]


async def test_the_same_values_again_change_nothing(world):
    first = await put(world, {WITHIN: "8wd"})
    again = await put(world, {WITHIN: "8wd"})
    assert (again.n, again.version_id, again.changed) == (1, first.version_id, False)
    assert len(await events(world, "overlay-set")) == 1


async def test_running_cases_stay_under_their_version(world):
    await open_filing(world, groups=("math",))
    await put(world, {WITHIN: "8wd"})
    async with world.store.transaction() as tx:
        by, of = await world.reader(tx, "administrator"), (await programme(world)).id
        found = await versions_of(tx, by, of)
        assert [(each.in_force, each.own, each.running) for each in found.versions] == [
            (True, True, 0),
            (False, False, 1),
        ]
        assert [(each.process, each.stage, each.cases) for each in found.standing] == [("annual-filing", "plan", 1)]


@pytest.mark.parametrize(
    ("values", "place", "en", "zh"),
    [
        ({WITHIN: "soon"}, WITHIN, "“soon” is not a length of time", "不是时长"),
        ({NEAR: 91}, NEAR, "at most 90 belongs here; found “91”", "最多"),
        ({MAX: 1}, MAX, "max is less than min", "max 小于 min"),
        ({f"{STAGES}/bureau/by": "nowhere/clerk"}, f"{STAGES}/bureau/by", "there is no unit “nowhere”", "没有"),
        ({f"{STAGES}/filing/number": "QJ-{season}"}, f"{STAGES}/filing/number", "no place for the serial", "序号"),
        ({"processes/annual-filing/season/due": "02-30"}, "processes/annual-filing/season/due", "no day", "02-30"),
        ({f"{STAGES}/guidance/title": {"zh": "x", "en": "x"}}, f"{STAGES}/guidance/title", "this value is the pack's", "项目计划"),
        ({f"{STAGES}/nowhere/within": "1wd"}, f"{STAGES}/nowhere/within", "this value is the pack's", "项目计划"),
    ],
)  # fmt: skip
async def test_checks_refuse_with_the_place_and_words(world, values, place, en, zh):
    with pytest.raises(InvalidInputError) as caught:
        await put(world, values)
    assert set(problems(caught)) == {place}
    assert en in problems(caught)[place]
    assert zh in problems(caught, "zh")[place]
    assert await overlays(world) == []


async def test_a_reason_is_needed(world):
    with pytest.raises(InvalidInputError) as caught:
        await put(world, {WITHIN: "8wd"}, reason=" ")
    assert set(problems(caught)) == {"reason"}


async def test_values_set_by_somebody_else_meanwhile_are_not_overwritten(world):
    await put(world, {WITHIN: "8wd"}, seen=0)
    with pytest.raises(ConflictError):
        await put(world, {NEAR: 3}, seen=0)
    await put(world, {NEAR: 3}, seen=1)


@pytest.mark.parametrize("login", ["basic-head", "math-chief", "auditor", "security", "school-1-admin"])
async def test_only_the_administrator_may(world, login):
    of = (await programme(world)).id
    async with world.store.transaction() as tx:
        by: Reader = await world.reader(tx, login)
        for act in (overlay_view(tx, by, of), versions_of(tx, by, of), preview_overlay(tx, by, of, {})):
            with pytest.raises(ForbiddenError):
                await act
    with pytest.raises(ForbiddenError):
        await put(world, {WITHIN: "8wd"}, login=login)


async def test_two_bureaus_have_values_of_their_own(world):
    other = await make_world(world.store, code="yt")
    await put(world, {WITHIN: "8wd"})
    assert read(await in_force(other), WITHIN) == "5wd"
    assert await overlays(other) == await events(other, "overlay-set") == []
    async with world.store.transaction() as tx:
        with pytest.raises(NotFoundError):
            await overlay_view(tx, await other.reader(tx, "administrator"), (await programme(world)).id)


# --- the pack's next version ------------------------------------------------------------------------------------------


async def test_the_overlay_survives_the_next_version(world):
    await put(world, {WITHIN: "8wd"})
    newer = pack_with(**{NEAR: 9})
    report = await load(world, newer)
    assert (read(await in_force(world), WITHIN), read(await in_force(world), NEAR)) == ("8wd", 9)
    assert report.digest == Pack.model_validate(await in_force(world)).digest() != newer.digest()
    last = (await overlays(world))[-1]
    assert (last.n, last.changes) == (2, [{"place": WITHIN, "base": "5wd", "value": "8wd"}])
    again = await load(world, newer)
    assert (again.new_version, again.changes, len(await overlays(world))) == (False, (), 2)


async def test_what_the_pack_takes_up_is_no_conflict(world):
    await put(world, {WITHIN: "8wd"})
    report = await load(world, pack_with(**{WITHIN: "8wd"}))
    assert [each.place for each in report.plan.reapplied.settled] == [WITHIN]
    assert (await overlays(world))[-1].changes == []


async def test_a_value_changed_underneath_is_a_conflict_that_needs_a_decision(world):
    await put(world, {WITHIN: "8wd", NEAR: 10})
    before = await in_force(world)
    newer = pack_with(**{WITHIN: "3wd", AT_LEAST: "4wd"})
    with pytest.raises(UndecidedError) as caught:
        await load(world, newer)
    (conflict,) = caught.value.plan.conflicts
    assert (conflict.change.place, conflict.why, conflict.theirs) == (WITHIN, "changed", "3wd")
    assert WITHIN in str(caught.value)
    assert await in_force(world) == before
    await load(world, newer, decisions={WITHIN: "ours"})
    found = await in_force(world)
    assert (read(found, WITHIN), read(found, NEAR), read(found, AT_LEAST)) == ("8wd", 10, "4wd")
    assert {"place": WITHIN, "base": "3wd", "value": "8wd"} in (await overlays(world))[-1].changes
    assert (await events(world, "pack-loaded"))[-1].data["decisions"] == {WITHIN: "ours"}


async def test_theirs_is_taken_where_that_is_decided(world):
    await put(world, {WITHIN: "8wd", NEAR: 10})
    await load(world, pack_with(**{WITHIN: "3wd"}), decisions={WITHIN: "theirs"})
    assert (read(await in_force(world), WITHIN), read(await in_force(world), NEAR)) == ("3wd", 10)
    assert [each["place"] for each in (await overlays(world))[-1].changes] == [NEAR]


async def test_a_place_that_vanished_leaves_only_theirs(world):
    await put(world, {AT_LEAST: "8wd"})
    newer = pack_with(**{f"{STAGES}/plan/due/returned": None})
    with pytest.raises(UndecidedError) as caught:
        await load(world, newer, decisions={AT_LEAST: "ours"})
    assert [(each.why, each.may_keep) for each in caught.value.plan.reapplied.open] == [("gone", False)]
    await load(world, newer, decisions={AT_LEAST: "theirs"})
    assert (await overlays(world))[-1].changes == []


async def test_a_value_with_which_the_next_version_fails_its_check_is_a_conflict(world):
    await put(world, {MAX: 3, WITHIN: "8wd"})
    newer = pack_with(**{"positions/group:coach/seats/min": 4})
    async with world.store.transaction() as tx:
        plan = await plan_load(tx, world.bureau_id, newer)
    (conflict,) = plan.conflicts
    assert (conflict.change.place, conflict.why) == (MAX, "mistake")
    assert "max is less than min" in conflict.message.in_("en")
    await load(world, newer, decisions={MAX: "theirs"})
    assert (read(await in_force(world), MAX), read(await in_force(world), WITHIN)) == (5, "8wd")


def test_conflicts_do_not_depend_on_the_order_of_stages():
    stages = BASE["processes"][0]["stages"]
    moved = json.loads(json.dumps(BASE))
    moved["processes"][0]["stages"] = [stages[0], {**stages[1], "code": "first", "return_to": ["plan"]}, *stages[1:]]
    found = reapply(moved, [Change(WITHIN, "5wd", "8wd")])
    assert found.conflicts == ()
    assert (read(found.doc, WITHIN), read(found.doc, f"{STAGES}/first/within")) == ("8wd", "5wd")


async def test_a_case_started_afterwards_is_pinned_to_the_pack_with_the_values(world):
    made = await put(world, {WITHIN: "8wd"})
    await open_filing(world, groups=("math",))
    async with world.store.transaction() as tx:
        rows = await tx.rows("SELECT version_id FROM cases WHERE id = $1", (world.cases["math"],))
        units = await tx.session.exec(select(Unit).where(col(Unit.bureau_id) == world.bureau_id))
    assert rows[0]["version_id"] == made.version_id
    assert len(units.all()) == 13
