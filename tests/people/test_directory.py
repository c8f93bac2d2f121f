"""People, appointments, first set-up, rosters, erasure."""

from __future__ import annotations

from datetime import date

import pytest

from services.errors import ForbiddenError, InvalidInputError, NotFoundError
from services.people.accounts import session_for, sign_in
from services.people.directory import (
    AppointedError,
    SeparationError,
    TakenError,
    Titles,
    appoint,
    create_account,
    create_bureau,
    create_person,
    create_position,
    create_unit,
    end_appointment,
)
from services.people.erasure import erase_person_values
from services.people.lists import holders, people_of_unit
from services.people.names import clean_name, sort_key
from services.people.set_up import load_people, set_up_bureau
from services.people.slips import redeem_slip
from services.process.roster import Roster
from services.store.chain import verify_chain
from tests.people.conftest import PASSWORD
from tests.statements import counted

DAY = date(2027, 1, 22)


@pytest.mark.parametrize("dot", ["•", "・", "‧", ".", "．", "∙", " · "])
def test_whatever_stands_for_the_middle_dot_becomes_one(dot):
    assert clean_name(f" 阿卜杜拉{dot}买买提 ") == "阿卜杜拉·买买提"


@pytest.mark.parametrize("name", ["John F. Kennedy", "𠮷田", "㐂", "﨑", "\ue863", "王 小明", "x" * 100])
def test_other_names_stay_as_they_are(name):
    assert clean_name(name) == name
    assert name.encode("gb18030").decode("gb18030") == name


@pytest.mark.parametrize("name", ["", " \t\n", "x" * 101, "a\x00b", "a\u202eb", "a\ud800", "a\u200fb"])
def test_what_cannot_be_a_name_is_refused(name):
    with pytest.raises(InvalidInputError):
        clean_name(name)


def test_names_sort_as_people_expect():
    names = ["张三", "单晓", "李安", "连战", "曾国", "欧阳修", "阿里", "单于飞", "Zoe"]
    assert sorted(names, key=sort_key) == ["阿里", "单于飞", "李安", "连战", "欧阳修", "单晓", "曾国", "张三", "Zoe"]
    assert len(sort_key("窗" * 100)) <= 200


async def test_people_of_a_unit_come_in_pages_by_name_and_one_statement(town):
    names = ["张三", "李安", "阿里", "单晓", "曾国"]
    for number, name in enumerate(names):
        await town.add_person(f"p{number}", "camp:math:coach", unit="school", name=name)
    await town.add_person("elsewhere", unit="branch")
    reader = await town.reader("administrator")
    seen, after, counts = [], None, []
    while True:
        async with town.store.transaction() as tx:
            with counted(town.store) as sent:
                page = await people_of_unit(tx, reader, town.units["school"], after=after, limit=2)
        counts.append(len(sent))
        seen += page.rows
        if (after := page.next) is None:
            break
    assert [row.name for row in seen] == ["阿里", "李安", "单晓", "曾国", "张三"]
    assert counts == [1, 1, 1]
    assert seen[0].positions == ("camp:math:coach",)
    assert (seen[0].login, seen[0].activated, seen[0].locked_until) == ("p2", True, None)


async def test_people_are_listed_for_who_looks_after_them(town, neighbour):
    await town.add_person("keeper", "school/unit-administrator", unit="school")
    keeper, stranger = await town.reader("keeper"), await neighbour.reader("administrator")
    async with town.store.transaction() as tx:
        assert len((await people_of_unit(tx, keeper, town.units["school"])).rows) == 1
        with pytest.raises(ForbiddenError):
            await people_of_unit(tx, keeper, town.units["other-school"])
        assert (await people_of_unit(tx, stranger, town.units["school"])).rows == ()


async def test_who_holds_a_position_depends_on_the_day(town):
    bureau_id, position_id = town.bureau_id, town.positions["camp:math:chief-coach"]
    first = await town.add_person("first", "camp:math:chief-coach", name="张三")
    second = await town.add_person("second", name="李安")
    async with town.store.transaction() as tx:
        row = (await tx.rows("SELECT id FROM appointment WHERE person_id = $1", (first,)))[0]
        await end_appointment(tx, None, bureau_id=bureau_id, appointment_id=row["id"], last_day=DAY)
        days = {"starts_on": date(2027, 1, 23), "ends_on": None}
        await appoint(tx, None, bureau_id=bureau_id, position_id=position_id, person_id=second, **days)
        assert await holders(tx, bureau_id, position_id=position_id, on=DAY) == [(first, "张三")]
        assert await holders(tx, bureau_id, position_id=position_id, on=date(2027, 1, 23)) == [(second, "李安")]


async def test_appointing_is_for_administrators_of_the_same_bureau(town, neighbour):
    person_id = await town.add_person("teacher")
    await town.add_person("keeper", "school/unit-administrator", unit="school")
    what = {"position_id": town.positions["camp:math:coach"], "person_id": person_id, "starts_on": DAY}
    for by in (await town.reader("keeper"), await neighbour.reader("administrator")):
        async with town.store.transaction() as tx:
            with pytest.raises(ForbiddenError):
                await appoint(tx, by, bureau_id=town.bureau_id, **what)
    administrator = await town.reader("administrator")
    async with town.store.transaction() as tx:
        made = await appoint(tx, administrator, bureau_id=town.bureau_id, **what)
        with pytest.raises(AppointedError):
            await appoint(tx, administrator, bureau_id=town.bureau_id, **what)
        for wrong in (
            {"person_id": neighbour.people["administrator"]},
            {"position_id": neighbour.positions["camp:math:coach"]},
        ):
            with pytest.raises(NotFoundError):
                await appoint(tx, administrator, bureau_id=town.bureau_id, **{**what, **wrong})
        with pytest.raises(InvalidInputError):
            await appoint(tx, administrator, bureau_id=town.bureau_id, **what, ends_on=date(2027, 1, 1))
        with pytest.raises(InvalidInputError):
            await end_appointment(
                tx, administrator, bureau_id=town.bureau_id, appointment_id=made.id, last_day=date(2027, 1, 1)
            )
        with pytest.raises(NotFoundError):
            await end_appointment(tx, None, bureau_id=neighbour.bureau_id, appointment_id=made.id, last_day=DAY)


async def test_the_three_administrators_are_three_people(town):
    administrator = town.people["administrator"]
    async with town.store.transaction() as tx:
        for office in ("audit-administrator", "security-administrator"):
            what = {"position_id": town.positions[f"bureau/{office}"], "starts_on": DAY}
            with pytest.raises(SeparationError):
                await appoint(tx, None, bureau_id=town.bureau_id, person_id=administrator, **what)
    assert await town.add_person("auditor", "bureau/audit-administrator", "camp:math:coach")


async def test_a_unit_administrator_adds_people_to_the_own_unit(town):
    await town.add_person("keeper", "school/unit-administrator", unit="school")
    keeper = await town.reader("keeper")
    async with town.store.transaction() as tx:
        what = {"bureau_id": town.bureau_id, "name": "新老师"}
        person = await create_person(tx, keeper, unit_id=town.units["branch"], **what)
        await create_account(tx, keeper, person=person, login="New.Teacher")
        with pytest.raises(TakenError):
            await create_account(tx, keeper, person=person, login="new.teacher")
        for unit_id in (town.units["other-school"], None):
            with pytest.raises(ForbiddenError):
                await create_person(tx, keeper, unit_id=unit_id, **what)
        for wrong in ("x", "a b", "-x", "名字"):
            with pytest.raises(InvalidInputError):
                await create_account(tx, keeper, person=person, login=wrong)
        for email in ("nobody", "a@b", "a@b.c\nX: y", "a@" + "b" * 250 + ".cn"):
            with pytest.raises(InvalidInputError):
                await create_person(tx, None, unit_id=None, email=email, **what)


async def test_units_and_positions_are_made_by_the_administrator_only(town):
    await town.add_person("keeper", "school/unit-administrator", unit="school")
    titles = Titles("新处室", "New office")
    office = {"bureau_id": town.bureau_id, "code": "new-office", "titles": titles}
    async with town.store.transaction() as tx:
        keeper, administrator = await town.reader("keeper"), await town.reader("administrator")
        place = {"kind": "office", "parent_id": town.units["bureau"]}
        with pytest.raises(ForbiddenError):
            await create_unit(tx, keeper, **office, **place)
        unit = await create_unit(tx, administrator, **office, **place)
        with pytest.raises(TakenError):
            await create_unit(tx, administrator, **office, **place)
        role = {**office, "role": "clerk", "unit_id": unit.id, "code": "new-office/clerk"}
        with pytest.raises(ForbiddenError):
            await create_position(tx, keeper, **role)
        assert await create_position(tx, administrator, **role)
        with pytest.raises(TakenError):
            await create_position(tx, administrator, **role)


async def test_a_first_start_without_a_password_gives_the_administrator_a_slip(store):
    async with store.transaction() as tx:
        made = await set_up_bureau(tx, "north", name="北市教育局", admin_name="管维安", admin_login="boss")
    assert made.slip is not None
    async with store.transaction() as tx:
        (await redeem_slip(tx, None, "boss", code=made.slip.code, new_password=PASSWORD)).or_raise()
        session = (await sign_in(tx, None, "boss", PASSWORD)).or_raise()
        reader, _ = await session_for(tx, session.token)
    assert reader.is_administrator
    assert not reader.is_auditor
    assert reader.positions[0].title("zh") == "系统管理员"


async def test_a_bureau_that_makes_no_sense_is_refused(town):
    async with town.store.transaction() as tx:
        with pytest.raises(TakenError):
            await create_bureau(tx, code="east", name="东市教育局")
        with pytest.raises(InvalidInputError) as raised:
            await create_bureau(tx, code="Ost Stadt", name=" ", zone="Asia/Nowhere")
    assert [problem["field"] for problem in raised.value.problems] == ["code", "name", "zone"]


ROSTER = {
    "people": [
        {
            "login": "math-chief",
            "name": "周明远",
            "unit": "school",
            "holds": [{"position": "chief-coach", "group": "math"}],
        },
        {
            "login": "basic-clerk",
            "name": "许安宁",
            "email": "a@example.test",
            "holds": [{"position": "basic-office/clerk"}],
        },
    ]
}


async def test_a_roster_is_brought_in_once(town):
    roster = Roster.model_validate(ROSTER)
    for _ in range(2):
        async with town.store.transaction() as tx:
            people = await load_people(tx, town.bureau_id, roster, programme="camp", password=PASSWORD)
    assert list(people) == ["math-chief", "basic-clerk"]
    town.people |= people
    assert [held.code for held in (await town.reader("math-chief")).positions] == ["camp:math:chief-coach"]
    assert [held.code for held in (await town.reader("basic-clerk")).positions] == ["basic-office/clerk"]
    async with town.store.transaction() as tx:
        assert (await tx.rows("SELECT count(*) AS n FROM person"))[0]["n"] == 3
        assert (await sign_in(tx, None, "math-chief", PASSWORD)).or_raise()


async def test_a_roster_that_names_what_is_not_there_writes_nothing(town):
    roster = Roster.model_validate(ROSTER)
    async with town.store.transaction() as tx:
        with pytest.raises(InvalidInputError) as raised:
            await load_people(tx, town.bureau_id, roster, programme="festival")
    assert [problem["field"] for problem in raised.value.problems] == ["math-chief"]
    async with town.store.transaction() as tx:
        assert (await tx.rows("SELECT count(*) AS n FROM person"))[0]["n"] == 1


async def test_erasing_a_person_leaves_no_value_and_a_chain_that_verifies(town):
    person_id = await town.add_person("teacher", "camp:math:coach", name="周明远")
    async with town.store.transaction() as tx:
        session = (await sign_in(tx, None, "teacher", PASSWORD)).or_raise()
        assert await tx.rows(
            "SELECT s.id FROM audit_salt s JOIN audit_event e ON e.id = s.event_id WHERE e.data->>'person' = $1",
            (str(person_id),),
        )
    administrator = await town.reader("administrator")
    async with town.store.transaction() as tx:
        with pytest.raises(ForbiddenError):
            await erase_person_values(tx, await town.reader("teacher"), person_id)
        assert await erase_person_values(tx, administrator, person_id) == 2
    async with town.store.transaction() as tx:
        left = await tx.rows(
            "SELECT p::text || a::text AS t FROM person p JOIN account a ON a.person_id = p.id WHERE p.id = $1",
            (person_id,),
        )
        assert not any(word in left[0]["t"] for word in ("周明远", "teacher", "zhou"))
        assert not await tx.rows(
            "SELECT s.id FROM audit_salt s JOIN audit_event e ON e.id = s.event_id WHERE e.data->>'person' = $1",
            (str(person_id),),
        )
        assert await verify_chain(tx, town.bureau_id) == []
        assert (await sign_in(tx, None, "teacher", PASSWORD)).refusal
        assert (
            await tx.rows("SELECT id FROM sign_in WHERE person_id = $1 AND ended_at IS NULL", (session.person_id,))
            == []
        )


async def test_erasing_is_within_the_own_bureau(town, neighbour):
    person_id = await neighbour.add_person("teacher")
    async with town.store.transaction() as tx:
        with pytest.raises(NotFoundError):
            await erase_person_values(tx, await town.reader("administrator"), person_id)


async def test_erasing_a_person_empties_their_mails(town):
    person_id = await town.add_person("teacher", name="周明远")
    async with town.store.transaction() as tx:
        for number, state in enumerate(("sent", "dead", "waiting", "sending", "no-address")):
            await tx.rows(
                "INSERT INTO message (id, bureau_id, person_id, address, locale, key, state, created_at, try_at, attempts,"
                " subject, text, html, answer, enclosed, lease_until) VALUES ($1, $2, $3, 'zhou@example.test', 'zh', $4, $5,"
                " $6, $6, 1, 'zhou', 'zhou', 'zhou', '550 zhou', '{\"to\": \"zhou\"}', $6)",
                (tx.new_id(), town.bureau_id, person_id, f"k{number}", state, tx.now),
            )
        await erase_person_values(tx, await town.reader("administrator"), person_id)
        left = await tx.rows(
            "SELECT m::text AS t, state FROM message m WHERE person_id = $1 ORDER BY key", (person_id,)
        )
    assert not any("zhou" in row["t"] for row in left)
    assert [row["state"] for row in left] == ["sent", "dead", "void", "void", "no-address"]
