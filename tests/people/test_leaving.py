"""Leaving, coming back, accounts that are disabled for a while, and what a reset takes away."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from services.errors import ForbiddenError, InvalidInputError, NotFoundError, NotSignedInError
from services.people.access import reader_for
from services.people.accounts import session_for, sign_in
from services.people.directory import appoint
from services.people.erasure import erase_person_values
from services.people.leaving import LeftError, come_back, disable_account, enable_account, leave
from services.people.lists import holders
from services.people.slips import WrongSlipError, issue_slip, redeem_slip
from services.people.tokens import create_token, token_for
from services.store.chain import verify_chain
from tests.conftest import START, move_clock
from tests.people.conftest import FIRST_DAY, PASSWORD, Town

pytestmark = pytest.mark.postgres

TODAY = date(2027, 1, 22)
NEW = "a louder evening"
COACH = "camp:math:coach"


@pytest.fixture
async def school(town: Town) -> Town:
    await town.add_person("teacher", COACH, unit="school")
    await town.add_person("keeper", "school/unit-administrator", unit="school")
    await town.add_person("auditor", "bureau/audit-administrator")
    await town.add_person("guard", "bureau/security-administrator")
    return town


async def say(town: Town, use_case, by: str = "administrator", to: str = "teacher", **more):
    reader = await town.reader(by)
    async with town.store.transaction() as tx:
        return await use_case(tx, reader, town.people[to], **more)


async def enter(town: Town, login: str = "teacher"):
    async with town.store.transaction() as tx:
        return await sign_in(tx, "east", login, PASSWORD)


async def with_token(town: Town, login: str = "teacher", expires: datetime | None = None) -> str:
    reader = await town.reader(login)
    async with town.store.transaction() as tx:
        return (await create_token(tx, reader, "export", scopes=["read"], expires=expires))[1]


async def use(town: Town, raw: str) -> None:
    async with town.store.transaction() as tx:
        await token_for(tx, raw)


async def holding(town: Town, on: date) -> list[str]:
    async with town.store.transaction() as tx:
        found = await holders(tx, town.bureau_id, position_id=town.positions[COACH], on=on)
    return [name for _, name in found]


async def test_who_leaves_holds_nothing_after_the_last_day(school: Town) -> None:
    token = await with_token(school)
    session = (await enter(school)).or_raise()
    await say(school, leave, last_day=TODAY)
    assert await holding(school, TODAY) == ["王小明"]
    await use(school, token)
    await move_clock(school.store, datetime(2027, 1, 22, 15, 59, tzinfo=UTC))
    assert (await enter(school)).or_raise()
    await move_clock(school.store, datetime(2027, 1, 22, 16, 0, tzinfo=UTC))
    assert await holding(school, TODAY) == []
    assert await holding(school, date(2027, 1, 23)) == []
    assert (await enter(school)).refusal
    with pytest.raises(NotSignedInError):
        await use(school, token)
    async with school.store.transaction() as tx:
        with pytest.raises(NotSignedInError):
            await session_for(tx, session.token)
        with pytest.raises(NotFoundError):
            await reader_for(tx, bureau_id=school.bureau_id, person_id=school.people["teacher"])
        assert await verify_chain(tx, school.bureau_id) == []


async def test_leaving_told_afterwards_shuts_out_at_once(school: Town) -> None:
    token = await with_token(school)
    assert (await enter(school)).or_raise()
    slip = await say(school, issue_slip, purpose="activate")
    await say(school, leave, last_day=date(2027, 1, 20))
    async with school.store.transaction() as tx:
        ends = await tx.rows("SELECT ends_on FROM appointment WHERE person_id = $1", (school.people["teacher"],))
        state = await tx.rows(
            "SELECT a.disabled_at, (SELECT count(*) FROM sign_in s WHERE s.person_id = a.person_id AND s.ended_at IS NULL)"
            " AS sessions, (SELECT count(*) FROM api_token t WHERE t.person_id = a.person_id AND t.revoked_at IS NULL)"
            " AS tokens FROM account a WHERE a.person_id = $1",
            (school.people["teacher"],),
        )
        redeemed = await redeem_slip(tx, "east", "teacher", code=slip.code, new_password=NEW)
    assert [row["ends_on"] for row in ends] == [date(2027, 1, 20)]
    assert (state[0]["disabled_at"], state[0]["sessions"], state[0]["tokens"]) == (START, 0, 0)
    assert isinstance(redeemed.refusal, WrongSlipError)
    with pytest.raises(NotSignedInError):
        await use(school, token)


async def test_positions_that_have_not_begun_are_taken_back_and_those_that_have_are_said(school: Town) -> None:
    place = {"bureau_id": school.bureau_id, "person_id": school.people["teacher"]}
    async with school.store.transaction() as tx:
        for code, day in (("school/office", date(2027, 1, 10)), ("basic-office/clerk", date(2027, 9, 1))):
            await appoint(tx, None, **place, position_id=school.positions[code], starts_on=day)
    with pytest.raises(InvalidInputError):
        await say(school, leave, last_day=date(2027, 1, 5))
    await say(school, leave, last_day=date(2027, 6, 30))
    async with school.store.transaction() as tx:
        rows = await tx.rows("SELECT ends_on FROM appointment WHERE person_id = $1", (school.people["teacher"],))
        with pytest.raises(InvalidInputError):
            await appoint(tx, None, **place, position_id=school.positions["basic-office/clerk"], starts_on=TODAY)
        await appoint(
            tx, None, **place, position_id=school.positions["basic-office/clerk"], starts_on=TODAY,
            ends_on=date(2027, 6, 30),
        )  # fmt: skip
    assert [row["ends_on"] for row in rows] == [date(2027, 6, 30)] * 2


async def test_who_comes_back_signs_in_again_and_is_appointed_anew(school: Town) -> None:
    await say(school, leave, last_day=FIRST_DAY)
    with pytest.raises(LeftError):
        await say(school, enable_account)
    await say(school, come_back)
    assert (await enter(school)).or_raise()
    assert await holding(school, TODAY) == []


async def test_an_erased_person_does_not_come_back(school: Town) -> None:
    await say(school, erase_person_values)
    for use_case in (come_back, enable_account):
        with pytest.raises(NotFoundError):
            await say(school, use_case)


async def test_a_disabled_account_lets_nobody_in_until_it_is_enabled(school: Town) -> None:
    token = await with_token(school)
    session = (await enter(school)).or_raise()
    await say(school, disable_account, by="keeper")
    assert (await enter(school)).refusal
    assert await holding(school, TODAY) == ["王小明"]
    await say(school, enable_account, by="keeper")
    assert (await enter(school)).or_raise()
    with pytest.raises(NotSignedInError):
        await use(school, token)
    async with school.store.transaction() as tx:
        with pytest.raises(NotSignedInError):
            await session_for(tx, session.token)


@pytest.mark.parametrize(
    ("by", "to", "allowed"),
    [
        ("administrator", "teacher", True),
        ("administrator", "auditor", False),
        ("administrator", "guard", False),
        ("guard", "administrator", True),
        ("guard", "auditor", True),
        ("guard", "teacher", True),
        ("auditor", "teacher", False),
        ("auditor", "administrator", False),
        ("keeper", "auditor", False),
        ("teacher", "keeper", False),
    ],
)
async def test_nobody_takes_or_silences_an_office_that_keeps_an_eye_on_theirs(
    school: Town, by: str, to: str, *, allowed: bool
) -> None:
    leaving = {"last_day": date(2027, 3, 1)}
    acts = ((issue_slip, {"purpose": "reset"}), (disable_account, {}), (enable_account, {}), (leave, leaving))
    for use_case, more in acts:
        if allowed:
            await say(school, use_case, by=by, to=to, **more)
        else:
            with pytest.raises(ForbiddenError):
                await say(school, use_case, by=by, to=to, **more)


async def test_a_reset_ends_tokens_when_it_is_issued_and_again_when_it_is_redeemed(school: Town) -> None:
    before = await with_token(school)
    await say(school, issue_slip, by="keeper", purpose="activate")
    await use(school, before)
    slip = await say(school, issue_slip, by="keeper", purpose="reset")
    with pytest.raises(NotSignedInError):
        await use(school, before)
    between = await with_token(school)
    async with school.store.transaction() as tx:
        (await redeem_slip(tx, "east", "teacher", code=slip.code, new_password=NEW)).or_raise()
    with pytest.raises(NotSignedInError):
        await use(school, between)
    await use(school, await with_token(school, expires=START + timedelta(days=1)))
