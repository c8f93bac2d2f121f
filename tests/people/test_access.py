"""Who sees which case, and who may do what: every rule with somebody allowed and somebody refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from sqlmodel import select

from models.case import Case
from models.programme import ProgrammeVersion, Season
from services.errors import ForbiddenError, NotFoundError
from services.people import access
from services.people.access import (
    Subject,
    case_scope,
    case_scope_sql,
    may_appoint,
    may_issue_slip,
    may_manage_people,
    may_run_seasons,
    may_see_audit,
    may_see_case,
    may_see_outbox,
    may_see_seasons,
    may_use_scopes,
    reader_for,
    require,
)
from services.people.directory import appoint, end_appointment
from services.people.positions import ADMINISTRATOR, AUDITOR
from services.store.audit import GENESIS
from tests.conftest import START, move_clock
from tests.statements import counted

PEOPLE = {
    "math-chief": "camp:math:chief-coach",
    "math-coach": "camp:math:coach",
    "informatics-chief": "camp:informatics:chief-coach",
    "math-reviewer": "institute/reviewer",
    "math-clerk": "institute/clerk",
    "informatics-reviewer": "center/reviewer",
    "basic-clerk": "basic-office/clerk",
    "basic-head": "basic-office/head",
    "finance-head": "finance-office/head",
    "school-office": "school/office",
    "other-office": "other-school/office",
    "school-admin": "school/unit-administrator",
    "auditor": "bureau/audit-administrator",
    "security": "bureau/security-administrator",
}
MATH, INFORMATICS = {"math"}, {"informatics"}
BOTH = MATH | INFORMATICS
SEEN = {
    "administrator": BOTH,
    "math-chief": MATH,
    "math-coach": MATH,
    "informatics-chief": INFORMATICS,
    "math-reviewer": MATH,
    "math-clerk": MATH,
    "informatics-reviewer": INFORMATICS,
    "basic-clerk": BOTH,
    "basic-head": BOTH,
    "finance-head": set(),
    "school-office": MATH,
    "other-office": INFORMATICS,
    "school-admin": set(),
    "auditor": set(),
    "security": set(),
    "nobody": set(),
}


async def fill(town):
    for login, position in PEOPLE.items():
        await town.add_person(login, position)
    await town.add_person("nobody")


async def add_cases(town):
    """A case of each group; the basic-education office countersigns both, the guiding unit its own."""
    async with town.store.transaction() as tx:
        version = ProgrammeVersion(
            id=tx.new_id(), bureau_id=town.bureau_id, programme="camp", digest="d", resolved={}, loaded_at=tx.now
        )
        tx.session.add(version)
        await tx.session.flush()
        season = Season(
            id=tx.new_id(), bureau_id=town.bureau_id, programme="camp", process="plan", key="2027", version_id=version.id,
            state="running", opens_at=tx.now, due_at=tx.now, due={}, audit_hash=GENESIS,
        )  # fmt: skip
        tx.session.add(season)
        await tx.session.flush()
        for group, unit in (("math", "institute"), ("informatics", "center")):
            actors = {
                "guiding-unit/reviewer": str(town.positions[f"{unit}/reviewer"]),
                "basic-office/clerk": str(town.positions["basic-office/clerk"]),
            }
            tx.session.add(
                Case(
                    id=tx.new_id(), bureau_id=town.bureau_id, season_id=season.id, version_id=version.id, process="plan",
                    group_id=town.groups[group], state="open", actors=actors, state_doc={}, opened_at=tx.now,
                    audit_hash=GENESIS,
                )
            )  # fmt: skip


async def seen_three_ways(town, reader):
    """The groups whose cases the reader sees by the condition, by its SQL text, and case by case."""
    names = {group_id: name for name, group_id in town.groups.items()}
    scope = case_scope_sql(reader, alias="k", first=2)
    async with town.store.transaction() as tx:
        by_condition = (await tx.session.exec(select(Case).where(case_scope(reader)))).all()
        statement = f"SELECT k.group_id FROM cases k WHERE k.process = $1 AND {scope.text}"
        by_text = await tx.rows(statement, ("plan", *scope.parameters))
        every = await tx.rows(
            "SELECT c.bureau_id, c.group_id, c.actors, c.process, g.programme, g.guiding_unit_id, g.base_unit_id,"
            " EXISTS (SELECT FROM case_copy k WHERE k.case_id = c.id AND k.person_id = $1 AND k.revoked_at IS NULL) AS copied"
            " FROM cases c JOIN project_group g ON g.id = c.group_id",
            (reader.person_id,),
        )
    return (
        {names[case.group_id] for case in by_condition},
        {names[row["group_id"]] for row in by_text},
        {names[case["group_id"]] for case in every if may_see_case(reader, as_locked(case), copied=case["copied"])},
    )


def as_locked(case):
    """The case with its rules, as far as seeing it depends on them."""
    pack, definition = SimpleNamespace(programme=case["programme"]), SimpleNamespace(process=case["process"])
    return SimpleNamespace(**case, pack=pack, definition=definition)


async def test_each_role_sees_its_cases_and_no_others(town):
    await fill(town)
    await add_cases(town)
    for login, expected in SEEN.items():
        for seen in await seen_three_ways(town, await town.reader(login)):
            assert seen == expected, login


async def test_a_copy_shows_its_case_to_its_person_until_it_is_revoked(town):
    await fill(town)
    await add_cases(town)
    nobody, auditor = await town.reader("nobody"), await town.reader("auditor")
    async with town.store.transaction() as tx:
        (case,) = await tx.rows("SELECT id FROM cases WHERE group_id = $1", (town.groups["math"],))
        await tx.rows(
            "INSERT INTO case_copy (id, bureau_id, case_id, from_id, person_id, words, at, unread)"
            " VALUES ($1, $2, $3, $4, $5, '', $6, true)",
            (tx.new_id(), town.bureau_id, case["id"], auditor.person_id, nobody.person_id, tx.now),
        )
    assert await seen_three_ways(town, nobody) == (MATH, MATH, MATH)
    assert await seen_three_ways(town, auditor) == (set(), set(), set())
    async with town.store.transaction() as tx:
        await tx.rows("UPDATE case_copy SET revoked_at = at")
    assert await seen_three_ways(town, nobody) == (set(), set(), set())


async def test_nothing_of_another_bureau_is_seen(town, neighbour):
    await fill(town)
    await fill(neighbour)
    await add_cases(neighbour)
    for login in SEEN:
        assert await seen_three_ways(neighbour, await town.reader(login)) == (set(), set(), set()), login


async def test_a_reader_is_one_statement_and_knows_positions_and_bureau(town):
    await fill(town)
    person_id = town.people["math-reviewer"]
    async with town.store.transaction() as tx:
        with counted(town.store) as sent:
            reader = await reader_for(tx, bureau_id=town.bureau_id, person_id=person_id)
    assert len(sent) == 1
    assert (reader.bureau_code, reader.zone, reader.name) == ("east", "Asia/Shanghai", "王小明")
    assert [position.code for position in reader.positions] == ["institute/reviewer"]
    assert reader.has_role("reviewer")
    assert reader.sights[0].guiding == {town.units["institute"]}
    assert reader.positions[0].title("en") == "reviewer"


async def test_a_reader_of_another_bureau_is_nobody(town, neighbour):
    async with town.store.transaction() as tx:
        with pytest.raises(NotFoundError):
            await reader_for(tx, bureau_id=town.bureau_id, person_id=neighbour.people["administrator"])


async def test_who_left_is_no_reader(town):
    person_id = await town.add_person("chief", "camp:math:chief-coach")
    async with town.store.transaction() as tx:
        await tx.rows("UPDATE person SET left_at = $2 WHERE id = $1", (person_id, START))
    with pytest.raises(NotFoundError):
        await town.reader("chief")


async def test_an_appointment_holds_on_its_first_and_last_local_day_only(town):
    person_id = await town.add_person("coach")
    days = {"starts_on": date(2027, 2, 1), "ends_on": date(2027, 2, 28)}
    async with town.store.transaction() as tx:
        await appoint(
            tx,
            None,
            bureau_id=town.bureau_id,
            position_id=town.positions["camp:math:coach"],
            person_id=person_id,
            **days,
        )
    for moment, holds in (
        (datetime(2027, 1, 31, 15, 59, 59, tzinfo=UTC), False),
        (datetime(2027, 1, 31, 16, 0, tzinfo=UTC), True),
        (datetime(2027, 2, 28, 15, 59, 59, tzinfo=UTC), True),
        (datetime(2027, 2, 28, 16, 0, tzinfo=UTC), False),
    ):
        await move_clock(town.store, moment)
        assert bool((await town.reader("coach")).positions) is holds, moment


async def test_an_ended_appointment_takes_the_cases_away(town):
    await fill(town)
    await add_cases(town)
    async with town.store.transaction() as tx:
        row = (await tx.rows("SELECT id FROM appointment WHERE person_id = $1", (town.people["math-chief"],)))[0]
        await end_appointment(tx, None, bureau_id=town.bureau_id, appointment_id=row["id"], last_day=date(2027, 1, 21))
    assert await seen_three_ways(town, await town.reader("math-chief")) == (set(), set(), set())


async def test_each_act_is_for_its_role(town):
    await fill(town)
    readers = {login: await town.reader(login) for login in SEEN}
    allowed = {
        may_see_audit: {"auditor"},
        may_see_outbox: {"administrator"},
        may_run_seasons: {"administrator"},
        access.may_load_programmes: {"administrator"},
        may_appoint: {"administrator", "security"},
        may_see_seasons: {
            "administrator", "math-reviewer", "math-clerk", "informatics-reviewer", "basic-clerk", "basic-head",
            "finance-head", "school-office", "other-office",
        },
    }  # fmt: skip
    for rule, expected in allowed.items():
        assert {login for login, reader in readers.items() if rule(reader)} == expected, rule.__name__
    assert {login for login, reader in readers.items() if may_use_scopes(reader, ["admin"])} == {"administrator"}
    assert all(may_use_scopes(reader, ["read", "write"]) for reader in readers.values())


async def test_a_unit_administrator_looks_after_the_unit_and_those_below_it_only(town):
    await fill(town)
    reader = await town.reader("school-admin")
    allowed = {unit for unit, unit_id in town.units.items() if may_manage_people(reader, unit_id)}
    assert allowed == {"school", "branch"}
    assert not may_manage_people(reader, None)
    assert may_manage_people(await town.reader("administrator"), None)


async def test_slips_are_for_ones_own_people_without_power_over_the_bureau(town, neighbour):
    await fill(town)
    person_id, branch = town.people["nobody"], town.units["branch"]
    own = Subject(person_id, town.bureau_id, branch)
    elsewhere = Subject(person_id, town.bureau_id, town.units["other-school"])
    powerful = Subject(person_id, town.bureau_id, branch, frozenset({ADMINISTRATOR}))
    auditor = Subject(person_id, town.bureau_id, branch, frozenset({AUDITOR}))
    foreign = Subject(person_id, neighbour.bureau_id, branch)
    school, bureau = await town.reader("school-admin"), await town.reader("administrator")
    assert [may_issue_slip(school, each) for each in (own, elsewhere, powerful, auditor, foreign)] == [
        True, False, False, False, False,
    ]  # fmt: skip
    assert [may_issue_slip(bureau, each) for each in (own, elsewhere, powerful, auditor, foreign)] == [
        True, True, True, False, False,
    ]  # fmt: skip
    assert not may_issue_slip(await town.reader("basic-clerk"), own)
    assert not may_issue_slip(bureau, Subject(bureau.person_id, town.bureau_id, None))


async def test_an_administrator_of_a_school_is_not_the_bureaus(town):
    async with town.store.transaction() as tx:
        await tx.rows(
            "UPDATE position SET role = 'administrator' WHERE bureau_id = $1 AND code = 'school/office'",
            (town.bureau_id,),
        )
    await town.add_person("school-boss", "school/office")
    assert not (await town.reader("school-boss")).is_administrator


def test_require_raises_for_what_is_refused():
    require(True)
    with pytest.raises(ForbiddenError):
        require(False)
