"""Printed slips: issuing, redeeming, unlocking, and who may."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from services.errors import ForbiddenError, InvalidInputError, LockedOutError, NotFoundError, NotSignedInError
from services.people.accounts import FAILURES, session_for, sign_in
from services.people.slips import ALPHABET, WrongSlipError, issue_slip, redeem_slip, unlock
from tests.conftest import START, move_clock
from tests.people.conftest import PASSWORD

NEW = "a louder evening"


@pytest.fixture
async def school(town):
    await town.add_person("teacher", "camp:math:coach", unit="school")
    await town.add_person("keeper", "school/unit-administrator", unit="school")
    await town.add_person("other-keeper", "other-school/unit-administrator", unit="other-school")
    return town


async def issue(town, by="keeper", to="teacher", purpose="reset"):
    reader = await town.reader(by)
    async with town.store.transaction() as tx:
        return await issue_slip(tx, reader, town.people[to], purpose=purpose)


async def redeem(town, code, password=NEW, login="teacher", bureau="east"):
    async with town.store.transaction() as tx:
        return await redeem_slip(tx, bureau, login, code=code, new_password=password)


async def enter(town, password, login="teacher"):
    async with town.store.transaction() as tx:
        return await sign_in(tx, "east", login, password)


async def test_a_slip_sets_the_password_once(school):
    slip = await issue(school, purpose="activate")
    assert (slip.login, slip.name, slip.bureau_code, len(slip.code)) == ("teacher", "王小明", "east", 14)
    assert set(slip.code) <= set(ALPHABET) | {"-"}
    assert (await redeem(school, slip.code.lower().replace("-", " "))).or_raise() == school.people["teacher"]
    assert (await enter(school, NEW)).or_raise()
    assert (await enter(school, PASSWORD)).refusal
    with pytest.raises(WrongSlipError):
        (await redeem(school, slip.code, "another evening")).or_raise()
    assert (await enter(school, NEW)).or_raise()


async def test_the_code_is_nowhere_in_the_store(school):
    slip = await issue(school)
    async with school.store.transaction() as tx:
        rows = await tx.rows("SELECT s::text AS t FROM activation_slip s UNION ALL SELECT e::text FROM audit_event e")
    assert not any(slip.code in row["t"] or slip.code.replace("-", "") in row["t"] for row in rows)


async def test_the_qr_code_keeps_name_and_code_in_the_fragment(school):
    slip = await issue(school)
    parts = urlsplit(slip.url("https://guantong.example.edu.cn/"))
    assert (parts.path, parts.query) == ("/activate", "")
    assert parse_qs(parts.fragment) == {"bureau": ["east"], "login": ["teacher"], "code": [slip.code]}


async def test_a_newer_slip_voids_the_older(school):
    old, new = await issue(school), await issue(school)
    assert isinstance((await redeem(school, old.code)).refusal, WrongSlipError)
    assert (await redeem(school, new.code)).or_raise()


@pytest.mark.parametrize(("later", "accepted"), [(timedelta(days=14, seconds=-1), True), (timedelta(days=14), False)])
async def test_a_slip_is_valid_for_fourteen_days(school, later, accepted):
    slip = await issue(school)
    await move_clock(school.store, START + later)
    assert (await redeem(school, slip.code)).refusal is None if accepted else (await redeem(school, slip.code)).refusal


async def test_a_slip_is_for_its_person_only(school, neighbour):
    await school.add_person("colleague", unit="school")
    await neighbour.add_person("teacher")
    slip = await issue(school)
    assert (await redeem(school, slip.code, login="colleague")).refusal
    assert (await redeem(school, slip.code, login="nobody")).refusal
    assert (await redeem(school, slip.code, bureau="west")).refusal
    assert (await redeem(school, slip.code, bureau="nowhere")).refusal
    assert (await redeem(school, slip.code)).or_raise()


async def test_wrong_codes_lock_as_wrong_passwords_do(school):
    slip = await issue(school)
    for _ in range(FAILURES - 1):
        assert isinstance((await redeem(school, "AAAA-AAAA-AAAA")).refusal, WrongSlipError)
    assert isinstance((await redeem(school, "AAAA-AAAA-AAAA")).refusal, LockedOutError)
    assert isinstance((await redeem(school, slip.code)).refusal, LockedOutError)
    await move_clock(school.store, START + timedelta(minutes=15))
    assert (await redeem(school, slip.code)).or_raise()


async def test_a_slip_for_a_name_that_does_not_exist_is_refused_in_the_same_way(school):
    answers = {}
    for name in ("teacher", "nobody"):
        tried = [(await redeem(school, "AAAA-AAAA-AAAA", login=name)).refusal for _ in range(FAILURES + 1)]
        answers[name] = [(type(refusal), refusal.message) for refusal in tried]
    assert answers["nobody"] == answers["teacher"]
    async with school.store.transaction() as tx:
        assert isinstance((await sign_in(tx, "east", "nobody", PASSWORD)).refusal, LockedOutError)


async def test_a_password_that_is_refused_leaves_the_slip_as_it_is(school):
    slip = await issue(school)
    with pytest.raises(InvalidInputError):
        await redeem(school, slip.code, "short")
    assert (await redeem(school, slip.code)).or_raise()


async def test_of_two_who_redeem_at_once_one_does(school):
    slip = await issue(school)
    attempts = await asyncio.gather(*(redeem(school, slip.code, f"evening number {n}") for n in range(4)))
    assert sum(attempt.refusal is None for attempt in attempts) == 1


async def test_a_reset_ends_all_sessions_and_a_redeemed_slip_too(school):
    for purpose in ("reset", "activate"):
        password = PASSWORD if purpose == "reset" else NEW
        session = (await enter(school, password)).or_raise()
        slip = await issue(school, purpose=purpose)
        if purpose == "activate":
            async with school.store.transaction() as tx:
                assert await session_for(tx, session.token)
        assert (await redeem(school, slip.code, NEW)).or_raise()
        async with school.store.transaction() as tx:
            with pytest.raises(NotSignedInError):
                await session_for(tx, session.token)


async def test_a_reset_ends_the_sessions_before_it_is_redeemed(school):
    session = (await enter(school, PASSWORD)).or_raise()
    await issue(school, purpose="reset")
    async with school.store.transaction() as tx:
        with pytest.raises(NotSignedInError):
            await session_for(tx, session.token)


async def test_who_is_locked_out_gets_in_by_a_slip_or_by_being_unlocked(school):
    for _ in range(FAILURES):
        await enter(school, "wrong")
    keeper = await school.reader("keeper")
    async with school.store.transaction() as tx:
        await unlock(tx, keeper, school.people["teacher"])
    assert (await enter(school, PASSWORD)).or_raise()
    for _ in range(FAILURES):
        await enter(school, "wrong")
    slip = await issue(school)
    assert (await redeem(school, slip.code)).or_raise()
    assert (await enter(school, NEW)).or_raise()


async def test_only_the_own_units_administrator_or_the_bureaus_may(school, neighbour):
    await neighbour.add_person("teacher")
    for by in ("keeper", "administrator"):
        assert await issue(school, by=by)
    for by in ("other-keeper", "teacher"):
        with pytest.raises(ForbiddenError):
            await issue(school, by=by)
        async with school.store.transaction() as tx:
            with pytest.raises(ForbiddenError):
                await unlock(tx, await school.reader(by), school.people["teacher"])
    administrator = await school.reader("administrator")
    async with school.store.transaction() as tx:
        with pytest.raises(NotFoundError):
            await issue_slip(tx, administrator, neighbour.people["teacher"], purpose="reset")
        with pytest.raises(NotFoundError):
            await unlock(tx, administrator, neighbour.people["teacher"])


async def test_no_slip_hands_over_an_office_of_the_bureau(school):
    await school.add_person("auditor", "bureau/audit-administrator", unit="school")
    with pytest.raises(ForbiddenError):
        await issue(school, to="auditor")
    with pytest.raises(ForbiddenError):
        await issue(school, by="administrator", to="auditor")
    await school.add_person("guard", "bureau/security-administrator")
    assert await issue(school, by="guard", to="auditor")
    assert await issue(school, by="guard", to="administrator")
    await school.add_person("second-guard", "bureau/security-administrator")
    with pytest.raises(ForbiddenError):
        await issue(school, by="guard", to="second-guard")
