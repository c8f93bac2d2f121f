"""Standing substitutes: who may name one, what rules hold, and that what is seen by it ends with it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from services.errors import ForbiddenError, InvalidInputError, NotFoundError
from services.people.directory import SeparationError, appoint, end_appointment
from services.people.erasure import erase_person_values
from services.people.leaving import leave
from services.people.substitutes import (
    OverlapError,
    SubstitutionOverError,
    Wish,
    check_substitute,
    end_substitution,
    name_substitute,
    processes_of,
)
from services.people.substitution_list import Chosen, list_substitutions, substitutions_of
from services.store.chain import verify_chain
from tests.conftest import move_clock
from tests.people.conftest import load_programme
from tests.people.test_access import add_cases, fill, seen_three_ways
from tests.statements import counted

pytestmark = pytest.mark.postgres

TODAY = date(2027, 1, 22)
LAST = date(2027, 1, 29)
PLAN, REPORT = ("camp", "plan"), ("camp", "report")
NOTHING = (set(), set(), set())
MATH = ({"math"}, {"math"}, {"math"})


@pytest.fixture
async def staffed(town):
    await fill(town)
    await add_cases(town)
    await load_programme(town)
    await town.add_person("teacher", unit="school")
    await town.add_person("pupil", unit="branch")
    return town


async def say(town, person, substitute, *, by=None, **more):
    """Name `substitute` for `person` as the person, or as `by`."""
    reader = await town.reader(by or person)
    values = {"starts_on": TODAY, "ends_on": LAST, "reason": "出差", **more}
    wish = Wish(town.people[person], town.people[substitute], **values)
    async with town.store.transaction() as tx:
        return await name_substitute(tx, reader, wish)


async def end(town, substitution, by):
    reader = await town.reader(by)
    async with town.store.transaction() as tx:
        await end_substitution(tx, reader, substitution)


async def told(town):
    async with town.store.transaction() as tx:
        rows = await tx.rows("SELECT kind, person_id FROM notification ORDER BY id")
    logins = {person: login for login, person in town.people.items()}
    return [(row["kind"], logins[row["person_id"]]) for row in rows]


async def sees(town, login):
    return await seen_three_ways(town, await town.reader(login))


async def test_a_substitute_sees_what_the_person_sees_until_the_last_day_is_over(staffed):
    assert await sees(staffed, "nobody") == NOTHING
    await say(staffed, "math-chief", "nobody")
    assert await sees(staffed, "nobody") == MATH
    reader = await staffed.reader("nobody")
    assert [(each.person_id, each.name) for each in reader.stand_ins] == [(staffed.people["math-chief"], "王小明")]
    assert [held.code for held in reader.stand_ins[0].positions] == ["camp:math:chief-coach"]
    assert reader.stand_ins[0].processes is None
    assert (reader.positions, reader.position_ids) == ((), frozenset())
    await move_clock(staffed.store, datetime(2027, 1, 29, 15, 59, 59, tzinfo=UTC))
    assert await sees(staffed, "nobody") == MATH
    await move_clock(staffed.store, datetime(2027, 1, 29, 16, 0, tzinfo=UTC))
    assert await sees(staffed, "nobody") == NOTHING
    assert (await staffed.reader("nobody")).stand_ins == ()


async def test_it_begins_on_its_first_day(staffed):
    await say(staffed, "math-chief", "nobody", starts_on=TODAY + timedelta(days=1))
    assert await sees(staffed, "nobody") == NOTHING
    await move_clock(staffed.store, datetime(2027, 1, 22, 16, 0, tzinfo=UTC))
    assert await sees(staffed, "nobody") == MATH


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ("math-coach", {"math"}),
        ("math-reviewer", {"math"}),
        ("math-clerk", {"math"}),
        ("other-office", {"informatics"}),
        ("basic-head", {"math", "informatics"}),
        ("administrator", {"math", "informatics"}),
        ("finance-head", set()),
        ("security", set()),
    ],
)
async def test_each_position_lets_its_substitute_see_the_same(staffed, person, expected):
    await say(staffed, person, "nobody")
    assert await sees(staffed, "nobody") == (expected, expected, expected)
    await end_all(staffed)
    await say(staffed, person, "nobody", processes=[PLAN])
    assert await sees(staffed, "nobody") == (expected, expected, expected)
    await end_all(staffed)
    await say(staffed, person, "nobody", processes=[REPORT])
    assert await sees(staffed, "nobody") == NOTHING


async def end_all(town):
    async with town.store.transaction() as tx:
        await tx.rows("UPDATE substitution SET ended_at = $1", (tx.now,))


async def test_what_is_lent_adds_to_what_is_held(staffed):
    await say(staffed, "math-chief", "other-office", processes=[PLAN])
    both = {"math", "informatics"}
    assert await sees(staffed, "other-office") == (both, both, both)
    await say(staffed, "school-office", "other-office", processes=[REPORT])
    assert await sees(staffed, "other-office") == (both, both, both)
    assert not (await staffed.reader("other-office")).is_administrator


async def test_a_substitute_of_an_administrator_sees_cases_but_administers_nothing(staffed):
    await say(staffed, "administrator", "nobody")
    reader = await staffed.reader("nobody")
    assert not reader.is_administrator
    assert reader.administered == frozenset()


async def test_a_substitute_of_a_substitute_sees_nothing(staffed):
    await say(staffed, "math-chief", "nobody")
    await say(staffed, "nobody", "teacher")
    assert await sees(staffed, "nobody") == MATH
    assert await sees(staffed, "teacher") == NOTHING
    assert (await staffed.reader("teacher")).stand_ins[0].positions == ()


async def test_it_ends_with_the_persons_own_appointment(staffed):
    await say(staffed, "math-chief", "nobody")
    async with staffed.store.transaction() as tx:
        row = (await tx.rows("SELECT id FROM appointment WHERE person_id = $1", (staffed.people["math-chief"],)))[0]
        await end_appointment(tx, None, bureau_id=staffed.bureau_id, appointment_id=row["id"], last_day=TODAY)
    assert await sees(staffed, "nobody") == MATH
    await move_clock(staffed.store, datetime(2027, 1, 22, 16, 0, tzinfo=UTC))
    assert await sees(staffed, "nobody") == NOTHING


async def test_who_leaves_stands_in_for_nobody_and_nobody_for_them(staffed):
    await say(staffed, "math-chief", "nobody")
    await say(staffed, "math-coach", "math-chief", starts_on=TODAY + timedelta(days=3))
    reader = await staffed.reader("administrator")
    async with staffed.store.transaction() as tx:
        await leave(tx, reader, staffed.people["math-chief"], last_day=TODAY)
        rows = (await list_substitutions(tx, reader)).rows
    assert [(row.ends_on, row.ended_at is not None) for row in rows] == [(LAST, True), (TODAY, False)]
    assert await sees(staffed, "nobody") == MATH
    await move_clock(staffed.store, datetime(2027, 1, 22, 16, 0, tzinfo=UTC))
    assert await sees(staffed, "nobody") == NOTHING
    assert ("substitute-ended", "nobody") in await told(staffed)
    assert ("substitute-ended", "math-coach") in await told(staffed)


async def test_it_can_be_ended_early_by_those_who_may_name_one(staffed):
    for by in ("math-chief", "administrator"):
        substitution = await say(staffed, "math-chief", "nobody")
        for other in ("nobody", "school-admin", "security", "auditor"):
            with pytest.raises(ForbiddenError):
                await end(staffed, substitution, other)
        await end(staffed, substitution, by)
        assert await sees(staffed, "nobody") == NOTHING
        with pytest.raises(SubstitutionOverError):
            await end(staffed, substitution, by)


async def test_what_is_over_cannot_be_ended(staffed):
    substitution = await say(staffed, "math-chief", "nobody")
    await move_clock(staffed.store, datetime(2027, 1, 29, 16, 0, tzinfo=UTC))
    with pytest.raises(SubstitutionOverError):
        await end(staffed, substitution, "math-chief")


async def test_the_person_and_those_who_look_after_them_may_name_one(staffed):
    allowed = []
    for by in ("teacher", "pupil", "school-admin", "administrator", "security", "auditor", "basic-head", "math-chief"):
        try:
            await say(staffed, "teacher", "math-coach", by=by)
        except ForbiddenError:
            continue
        allowed.append(by)
        await end_all(staffed)
    assert allowed == ["teacher", "school-admin", "administrator"]
    await say(staffed, "pupil", "math-coach", by="school-admin")


async def test_a_unit_administrator_names_none_for_who_holds_an_office_of_the_bureau(staffed):
    async with staffed.store.transaction() as tx:
        await tx.rows(
            "UPDATE person SET unit_id = $1 WHERE id = ANY($2::uuid[])",
            (staffed.units["school"], [staffed.people["auditor"], staffed.people["administrator"]]),
        )
    for person in ("auditor", "administrator"):
        with pytest.raises(ForbiddenError):
            await say(staffed, person, "nobody", by="school-admin")
    with pytest.raises(ForbiddenError):
        await say(staffed, "auditor", "nobody", by="administrator")
    await say(staffed, "auditor", "nobody")


async def test_both_are_told_of_the_beginning_and_of_the_end(staffed):
    substitution = await say(staffed, "math-chief", "nobody")
    both = {"math-chief", "nobody"}
    assert set(await told(staffed)) == {("substitute-named", who) for who in both}
    await end(staffed, substitution, "math-chief")
    assert set(await told(staffed)) == {(f"substitute-{what}", who) for what in ("named", "ended") for who in both}


async def test_events_say_who_and_when_and_not_why(staffed):
    substitution = await say(staffed, "math-chief", "nobody", processes=[REPORT, PLAN], reason="因病住院")
    await end(staffed, substitution, "administrator")
    async with staffed.store.transaction() as tx:
        rows = await tx.rows(
            "SELECT kind, person_id, data, data::text AS text FROM audit_event"
            " WHERE bureau_id = $1 AND kind LIKE 'substitute%' ORDER BY seq",
            (staffed.bureau_id,),
        )
        assert await verify_chain(tx, staffed.bureau_id) == []
    assert [row["kind"] for row in rows] == ["substitute-named", "substitute-ended"]
    assert rows[0]["data"]["processes"] == [list(PLAN), list(REPORT)]
    assert rows[1]["person_id"] == staffed.people["administrator"]
    assert {row["data"]["substitute"] for row in rows} == {str(staffed.people["nobody"])}
    assert "因病住院" not in rows[0]["text"]


WRONG = {
    "themself": ({"substitute": "math-chief"}, "substitute"),
    "backwards": ({"ends_on": TODAY - timedelta(days=1)}, "ends_on"),
    "past": ({"starts_on": TODAY - timedelta(days=1)}, "starts_on"),
    "no reason": ({"reason": " "}, "reason"),
    "long reason": ({"reason": "x" * 501}, "reason"),
    "no process": ({"processes": []}, "processes"),
    "unknown process": ({"processes": [PLAN, ("camp", "party")]}, "processes"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_what_makes_no_sense_is_refused_with_its_field(staffed, case):
    changed, field = WRONG[case]
    with pytest.raises(InvalidInputError) as refused:
        await say(staffed, "math-chief", **{"substitute": "nobody", **changed})
    assert field in {problem["field"] for problem in refused.value.problems}
    assert await told(staffed) == []


async def test_a_substitute_who_leaves_before_the_end_is_refused(staffed):
    reader = await staffed.reader("administrator")
    async with staffed.store.transaction() as tx:
        await leave(tx, reader, staffed.people["nobody"], last_day=LAST - timedelta(days=1))
    with pytest.raises(InvalidInputError, match="correcting") as refused:
        await say(staffed, "math-chief", "nobody")
    assert refused.value.problems[0]["message"] == "The substitute's last day here is 2027-01-28."
    await say(staffed, "math-chief", "nobody", ends_on=LAST - timedelta(days=1))
    with pytest.raises(InvalidInputError, match="correcting"):
        await say(staffed, "nobody", "teacher", by="administrator", starts_on=LAST, ends_on=LAST)


async def test_two_substitutes_for_the_same_process_and_day_are_refused(staffed):
    await say(staffed, "math-chief", "nobody", processes=[PLAN])
    for processes in (None, [PLAN], [PLAN, REPORT]):
        with pytest.raises(OverlapError, match="from 2027-01-22 to 2027-01-29"):
            await say(staffed, "math-chief", "teacher", processes=processes, starts_on=LAST, ends_on=LAST)
    await say(staffed, "math-chief", "teacher", processes=[REPORT])
    await say(staffed, "math-chief", "teacher", starts_on=LAST + timedelta(days=1), ends_on=LAST + timedelta(days=1))
    await say(staffed, "math-coach", "nobody")
    assert [each.processes for each in (await staffed.reader("nobody")).stand_ins] == [frozenset({PLAN}), None]


async def test_checking_first_refuses_the_same_and_writes_nothing(staffed):
    reader = await staffed.reader("math-chief")
    wish = Wish(reader.person_id, staffed.people["nobody"], TODAY, LAST, "出差")
    async with staffed.store.transaction() as tx:
        await check_substitute(tx, reader, wish)
        assert await substitutions_of(tx, reader, reader.person_id) == ()
        await name_substitute(tx, reader, wish)
        with pytest.raises(OverlapError):
            await check_substitute(tx, reader, wish)


async def test_the_bureaus_three_offices_do_not_come_together(staffed):
    for person, substitute in (("administrator", "auditor"), ("auditor", "security"), ("security", "administrator")):
        with pytest.raises(SeparationError):
            await say(staffed, person, substitute)
    await say(staffed, "auditor", "nobody")
    with pytest.raises(SeparationError):
        await say(staffed, "administrator", "nobody")
    await say(staffed, "math-chief", "auditor")


async def test_an_office_that_is_given_later_is_not_lent_any_more(staffed):
    await say(staffed, "administrator", "nobody")
    async with staffed.store.transaction() as tx:
        await appoint(
            tx, None, bureau_id=staffed.bureau_id, position_id=staffed.positions["bureau/audit-administrator"],
            person_id=staffed.people["nobody"], starts_on=TODAY,
        )  # fmt: skip
    reader = await staffed.reader("nobody")
    assert reader.is_auditor
    assert [each.positions for each in reader.stand_ins] == [()]
    assert await sees(staffed, "nobody") == NOTHING


async def test_nobody_of_another_bureau_stands_in_or_is_seen(staffed, neighbour):
    await fill(neighbour)
    stranger = neighbour.people["nobody"]
    reader = await staffed.reader("math-chief")
    async with staffed.store.transaction() as tx:
        with pytest.raises(NotFoundError):
            await name_substitute(tx, reader, Wish(reader.person_id, stranger, TODAY, LAST, "出差"))
    substitution = await say(staffed, "math-chief", "nobody")
    theirs = await neighbour.reader("administrator")
    async with neighbour.store.transaction() as tx:
        with pytest.raises(NotFoundError):
            await name_substitute(tx, theirs, Wish(reader.person_id, stranger, TODAY, LAST, "出差"))
        with pytest.raises(NotFoundError):
            await end_substitution(tx, theirs, substitution)
        assert (await list_substitutions(tx, theirs)).rows == ()
        assert await processes_of(tx, neighbour.bureau_id) == {}
    assert await seen_three_ways(staffed, await neighbour.reader("nobody")) == NOTHING


async def test_lists_hold_what_concerns_their_reader(staffed):
    await say(staffed, "math-chief", "nobody")
    await say(staffed, "teacher", "math-coach", processes=[REPORT], by="school-admin")
    seen = {}
    for login in ("math-chief", "nobody", "math-coach", "school-admin", "administrator", "security", "basic-head"):
        async with staffed.store.transaction() as tx:
            rows = (await list_substitutions(tx, await staffed.reader(login))).rows
        seen[login] = len(rows)
    assert seen == {
        "math-chief": 1, "nobody": 1, "math-coach": 1, "school-admin": 1, "administrator": 2, "security": 0,
        "basic-head": 0,
    }  # fmt: skip


async def test_a_list_is_paged_and_says_how_each_stands(staffed):
    await end(staffed, await say(staffed, "teacher", "nobody"), "teacher")
    await say(staffed, "teacher", "nobody", ends_on=TODAY)
    await say(staffed, "teacher", "nobody", starts_on=TODAY + timedelta(days=1), processes=[PLAN])
    await say(staffed, "teacher", "nobody", starts_on=TODAY + timedelta(days=2), processes=[REPORT])
    await move_clock(staffed.store, datetime(2027, 1, 22, 16, 0, tzinfo=UTC))
    reader = await staffed.reader("teacher")
    async with staffed.store.transaction() as tx:
        first = await list_substitutions(tx, reader, limit=3)
        second = await list_substitutions(tx, reader, after=first.next, limit=3)
        running = await list_substitutions(tx, reader, Chosen(running=True))
    assert [row.standing for row in (*first.rows, *second.rows)] == ["to-come", "now", "over", "ended"]
    assert second.next is None
    assert [row.processes for row in running.rows] == [(REPORT,), (PLAN,)]
    assert {row.named_by for row in first.rows} == {"王小明"}


async def test_a_reader_is_two_statements_however_many_they_stand_in_for_and_one_without(staffed):
    for person in ("math-chief", "math-coach", "basic-head"):
        await say(staffed, person, "nobody")
    for login, stand_ins, expected in (("nobody", 3, 2), ("math-chief", 0, 1)):
        with counted(staffed.store) as statements:
            assert len((await staffed.reader(login)).stand_ins) == stand_ins
        assert len(statements) == expected


async def test_erasing_a_person_erases_why_others_stood_in_and_the_name_in_their_mails(staffed):
    await say(staffed, "math-chief", "nobody", reason="因病住院")
    reader = await staffed.reader("administrator")
    async with staffed.store.transaction() as tx:
        other = (await tx.rows("SELECT id FROM notification WHERE person_id = $1", (staffed.people["nobody"],)))[0][
            "id"
        ]
        mail = tx.new_id()
        await tx.rows(
            "INSERT INTO message (id, bureau_id, person_id, locale, key, state, created_at, try_at, attempts, subject, text, html)"
            " VALUES ($1, $2, $3, 'zh', 'k', 'sent', $4, $4, 1, '王小明', '王小明', '王小明')",
            (mail, staffed.bureau_id, staffed.people["nobody"], tx.now),
        )
        await tx.rows("UPDATE notification SET state = 'enclosed', message_id = $2 WHERE id = $1", (other, mail))
        await erase_person_values(tx, reader, staffed.people["math-chief"])
        said = await tx.rows("SELECT subject, text, html FROM message WHERE id = $1", (mail,))
        assert set(said[0].values()) == {None}
        assert [row.reason for row in (await list_substitutions(tx, reader)).rows] == ["—"]
