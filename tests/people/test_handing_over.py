"""Handing over: what somebody held goes to a successor, all of it or nothing, and refusals say who and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import pytest

from services.errors import ForbiddenError, InvalidInputError, NotFoundError
from services.i18n import translate
from services.people.directory import appoint, create_person
from services.people.leaving import HandOverError, hand_over_positions, leave
from services.people.lists import held_by, holders, people_named
from services.store.chain import verify_chain
from tests.people.conftest import Town, load_programme

pytestmark = pytest.mark.postgres

TODAY = date(2027, 1, 22)
LAST = date(2027, 1, 31)
NEXT = LAST + timedelta(days=1)
CHIEF, COACH = "camp:math:chief-coach", "camp:math:coach"


@pytest.fixture
async def school(town: Town) -> Town:
    await town.add_person("chief", CHIEF, "school/office", unit="school", name="周明远")
    await town.add_person("successor", unit="school", name="孟星河")
    await town.add_person("auditor", "bureau/audit-administrator", name="沈清越")
    await town.add_person("guard", "bureau/security-administrator", name="顾安")
    return town


async def hand_over(town: Town, *, by: str = "administrator", person: str = "chief", to: str = "successor", **more):
    reader = await town.reader(by)
    more = {"on": LAST, **more}
    async with town.store.transaction() as tx:
        return await hand_over_positions(tx, reader, town.people[person], town.people[to], **more)


@contextmanager
def refused_with(words: str) -> Iterator[pytest.ExceptionInfo[HandOverError]]:
    """Hold the block to a refusal that begins with, or has in it, these words in English."""
    with pytest.raises(HandOverError) as refused:
        yield refused
    assert words in translate("en", refused.value.template, **refused.value.details)


async def holding(town: Town, code: str, on: date) -> list[str]:
    logins = {person: login for login, person in town.people.items()}
    async with town.store.transaction() as tx:
        found = await holders(tx, town.bureau_id, position_id=town.positions[code], on=on)
    return [logins[person] for person, _ in found]


async def test_a_successor_holds_everything_from_the_next_day(school: Town):
    done = await hand_over(school)
    assert done.positions == {school.positions[code]: NEXT for code in (CHIEF, "school/office")}
    for code in (CHIEF, "school/office"):
        assert [await holding(school, code, day) for day in (LAST, NEXT)] == [["chief"], ["successor"]]


async def test_only_the_chosen_positions_go(school: Town):
    await hand_over(school, positions=[school.positions["school/office"]])
    assert await holding(school, CHIEF, NEXT) == ["chief"]
    assert await holding(school, "school/office", NEXT) == ["successor"]


async def test_both_may_hold_it_on_the_last_day(school: Town):
    await hand_over(school, from_day=LAST)
    assert sorted(await holding(school, CHIEF, LAST)) == ["chief", "successor"]
    assert await holding(school, CHIEF, NEXT) == ["successor"]
    with pytest.raises(InvalidInputError):
        await hand_over(school, person="successor", to="chief", from_day=LAST + timedelta(days=2))


async def test_there_must_be_a_seat_for_both_on_that_day(school: Town):
    await load_programme(school)
    with refused_with("孟星河 cannot take over “chief-coach”: The position “chief-coach” has 1 seats"):
        await hand_over(school, from_day=LAST)
    await hand_over(school)
    assert await holding(school, CHIEF, NEXT) == ["successor"]


async def test_what_ends_by_itself_ends_for_the_successor_and_what_is_to_begin_begins_for_them(school: Town):
    place = {"bureau_id": school.bureau_id, "person_id": school.people["chief"]}
    later = NEXT + timedelta(days=30)
    async with school.store.transaction() as tx:
        await appoint(
            tx, None, **place, position_id=school.positions["basic-office/clerk"], starts_on=TODAY, ends_on=NEXT
        )
        await appoint(tx, None, **place, position_id=school.positions["basic-office/head"], starts_on=later)
        await appoint(tx, None, **place, position_id=school.positions[COACH], starts_on=TODAY, ends_on=LAST)
    done = await hand_over(school)
    assert done.positions[school.positions["basic-office/head"]] == later
    assert school.positions[COACH] not in done.positions
    assert await holding(school, "basic-office/clerk", NEXT) == ["successor"]
    assert await holding(school, "basic-office/clerk", NEXT + timedelta(days=1)) == []
    assert await holding(school, "basic-office/head", later - timedelta(days=1)) == []
    assert await holding(school, "basic-office/head", later) == ["successor"]


async def test_a_refusal_names_who_and_why_and_leaves_everything_as_it_was(school: Town):
    with refused_with("沈清越 cannot take over “Administrator”: Administrator, security") as refused:
        await hand_over(school, by="guard", person="administrator", to="auditor")
    assert refused.value.details["why"].in_("zh") != refused.value.details["why"].in_("en")
    reader = await school.reader("administrator")
    async with school.store.transaction() as tx:
        await leave(tx, reader, school.people["successor"], last_day=LAST)
    async with school.store.transaction() as tx:
        with refused_with("last day of this person is 2027-01-31"):
            await hand_over_positions(tx, reader, school.people["chief"], school.people["successor"], on=LAST)
        # The transaction goes on: what comes after a refusal is kept, and nothing of what was refused.
        await create_person(tx, None, bureau_id=school.bureau_id, name="路人", unit_id=None)
    assert await holding(school, CHIEF, NEXT) == ["chief"]
    async with school.store.transaction() as tx:
        assert len(await people_named(tx, school.bureau_id, "路人")) == 1
        kinds = await tx.rows("SELECT kind FROM audit_event WHERE kind = 'positions-handed-over'")
        assert (kinds, await verify_chain(tx, school.bureau_id)) == ([], [])


async def test_who_holds_it_already_cannot_take_it_over(school: Town):
    await school.add_person("second", COACH, name="乔木")
    await school.add_person("third", COACH)
    with refused_with("乔木 cannot take over “coach”: This person holds this position"):
        await hand_over(school, person="third", to="second")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"by": "chief"}, ForbiddenError),
        ({"by": "auditor"}, ForbiddenError),
        ({"person": "auditor"}, ForbiddenError),
        ({"to": "chief"}, InvalidInputError),
        ({"positions": [COACH]}, NotFoundError),
    ],
)
async def test_what_is_not_theirs_is_refused(school: Town, changed, error):
    if "positions" in changed:
        changed = {"positions": [school.positions[code] for code in changed["positions"]]}
    with pytest.raises(error):
        await hand_over(school, **changed)


async def test_nobody_of_another_bureau_takes_over(school: Town, neighbour: Town):
    reader = await school.reader("administrator")
    async with school.store.transaction() as tx:
        with pytest.raises(NotFoundError):
            await hand_over_positions(tx, reader, school.people["chief"], neighbour.people["administrator"], on=LAST)
        assert await people_named(tx, school.bureau_id, "周明远")
        assert await people_named(tx, neighbour.bureau_id, "周明远") == []


async def test_what_somebody_holds_is_listed_with_who_else_does(school: Town):
    await school.add_person("second", CHIEF)
    async with school.store.transaction() as tx:
        held = await held_by(tx, school.bureau_id, person_id=school.people["chief"], since=TODAY)
    assert [(each.named("en"), each.open_tasks, each.others) for each in held] == [
        ("math: chief-coach", 0, 1),
        ("school: office", 0, 0),
    ]


async def test_people_are_found_by_their_whole_name_or_their_sign_in_name(school: Town):
    async with school.store.transaction() as tx:
        found = {
            text: [each.name for each in await people_named(tx, school.bureau_id, text)]
            for text in (
                "周明远",
                " Chief ",
                "周",
                "",
                "CHIEF",
                "nobody-of-this-name",
            )
        }
    assert found == {
        "周明远": ["周明远"],
        " Chief ": ["周明远"],
        "周": [],
        "": [],
        "CHIEF": ["周明远"],
        "nobody-of-this-name": [],
    }
