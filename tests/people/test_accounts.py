"""Signing in, sessions, lockout, passwords."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from services.errors import (
    InvalidInputError,
    LockedOutError,
    NotSignedInError,
    WrongCredentialsError,
)
from services.people import passwords
from services.people.accounts import (
    FAILURES,
    change_password,
    session_for,
    sign_in,
    sign_out,
)
from services.people.lockout import LOCKED, Strangers
from services.people.passwords import check_password, hash_password, is_password
from services.people.tokens import create_token, token_for
from tests.conftest import START, move_clock
from tests.people.conftest import PASSWORD
from tests.statements import counted


async def try_sign_in(town, login="chief", password=PASSWORD, bureau="east", **options):
    async with town.store.transaction() as tx:
        return await sign_in(tx, bureau, login, password, **options)


async def kinds(town):
    async with town.store.transaction() as tx:
        rows = await tx.rows(
            "SELECT kind FROM audit_event WHERE bureau_id = $1 AND stream = 'sign-in' ORDER BY seq", (town.bureau_id,)
        )
    return [row["kind"] for row in rows]


@pytest.fixture
async def chief(town):
    await town.add_person("chief", "camp:math:chief-coach", unit="school")
    return town


async def test_the_right_password_opens_a_session(chief):
    session = (await try_sign_in(chief, login="  Chief ")).or_raise()
    async with chief.store.transaction() as tx:
        with counted(chief.store) as sent:
            reader, csrf = await session_for(tx, session.token)
    assert len(sent) == 1
    assert (reader.person_id, reader.has_role("chief-coach"), csrf) == (chief.people["chief"], True, session.csrf)
    assert await kinds(chief) == ["signed-in"]


async def test_the_store_holds_neither_password_nor_token(chief):
    session = (await try_sign_in(chief)).or_raise()
    async with chief.store.transaction() as tx:
        rows = await tx.rows("SELECT s::text AS a, c::text AS b FROM sign_in s JOIN account c USING (person_id)")
        events = await tx.rows("SELECT data::text AS a, '' AS b FROM audit_event")
    text = " ".join(row["a"] + row["b"] for row in [*rows, *events])
    assert session.token not in text
    assert PASSWORD not in text
    assert "$argon2id$" in text
    assert "chief-coach" in text
    assert "王小明" not in text


@pytest.mark.parametrize(
    ("bureau", "login", "password"),
    [
        ("east", "chief", "a quiet evening"),
        ("east", "nobody", PASSWORD),
        ("east", "chief", ""),
        ("nowhere", "chief", PASSWORD),
        ("east", "\x00\ud800", PASSWORD),
        ("east", "chief", "\ud800" * 100_000),
        ("ea\x00st\x00", "chief", "x"),
    ],
)
async def test_anything_else_is_refused_in_the_same_words(chief, bureau, login, password):
    attempt = await try_sign_in(chief, login, password, bureau)
    with pytest.raises(WrongCredentialsError, match="The sign-in name or the password is wrong"):
        attempt.or_raise()


async def test_an_unknown_name_costs_a_hash_as_well(chief, monkeypatch):
    verified = []
    real = passwords._verify
    monkeypatch.setattr(passwords, "_verify", lambda *given: verified.append(1) or real(*given))
    await try_sign_in(chief, login="nobody")
    await try_sign_in(chief, login="chief", bureau="nowhere")
    assert len(verified) == 2


async def test_without_a_bureau_code_the_only_one_is_meant(chief):
    assert (await try_sign_in(chief, bureau=None)).or_raise()


async def test_without_a_bureau_code_several_are_asked_about(chief, neighbour):
    with pytest.raises(InvalidInputError) as raised:
        await try_sign_in(chief, bureau=None)
    assert raised.value.problems[0]["field"] == "bureau"


async def test_the_same_login_in_two_bureaus_are_two_people(chief, neighbour):
    await neighbour.add_person("chief", name="李另一")
    ours = (await try_sign_in(chief)).or_raise()
    theirs = (await try_sign_in(neighbour, bureau="west")).or_raise()
    assert (ours.person_id, ours.bureau_id) == (chief.people["chief"], chief.bureau_id)
    assert (theirs.person_id, theirs.bureau_id) == (neighbour.people["chief"], neighbour.bureau_id)
    for _ in range(FAILURES):
        await try_sign_in(chief, password="wrong wrong wrong")
    assert (await try_sign_in(neighbour, bureau="west")).or_raise()
    assert "locked-out" not in await kinds(neighbour)


async def test_five_wrong_passwords_lock_for_a_quarter_of_an_hour(chief):
    for _ in range(FAILURES - 1):
        assert isinstance((await try_sign_in(chief, password="wrong")).refusal, WrongCredentialsError)
    fifth = (await try_sign_in(chief, password="wrong")).refusal
    assert isinstance(fifth, LockedOutError)
    assert "09:15" in fifth.message
    with pytest.raises(LockedOutError):
        (await try_sign_in(chief)).or_raise()
    assert (await kinds(chief))[-2:] == ["locked-out", "sign-in-refused"]
    await move_clock(chief.store, START + timedelta(minutes=14, seconds=59))
    assert isinstance((await try_sign_in(chief)).refusal, LockedOutError)
    await move_clock(chief.store, START + timedelta(minutes=15))
    assert (await try_sign_in(chief)).or_raise()


@pytest.mark.parametrize("bureau", ["east", "nowhere-else"])
async def test_a_name_that_does_not_exist_gets_the_answers_of_one_that_does(chief, bureau):
    answers = {}
    for name, where in (("chief", "east"), ("nobody", bureau)):
        await move_clock(chief.store, START)
        tried = [(await try_sign_in(chief, name, "wrong", where)).refusal for _ in range(FAILURES + 1)]
        await move_clock(chief.store, START + timedelta(minutes=15))
        tried += [(await try_sign_in(chief, name, "wrong", where)).refusal for _ in range(FAILURES)]
        answers[name] = [(type(refusal), refusal.message) for refusal in tried]
    assert answers["nobody"] == answers["chief"]
    assert answers["nobody"][FAILURES - 1][0] is LockedOutError


async def test_a_lock_on_an_unknown_name_is_of_that_bureau_and_that_name(chief, neighbour):
    for _ in range(FAILURES):
        await try_sign_in(chief, "nobody", "wrong")
    for name, bureau in (("nobody", "west"), ("somebody", "east")):
        assert isinstance((await try_sign_in(chief, name, "wrong", bureau)).refusal, WrongCredentialsError)
    assert isinstance((await try_sign_in(chief, " NoBody ", "wrong")).refusal, LockedOutError)


async def test_unknown_names_are_remembered_within_bounds():
    strangers = Strangers(names=10)
    for number in range(100):
        strangers.count("east", f"name-{number}", START)
    assert len(strangers) == 10
    tried = [strangers.count("east", "name-99", START) for _ in range(FAILURES - 1)]
    assert tried[-1] == START + LOCKED


async def test_tries_of_unknown_names_are_one_event_an_hour(chief):
    for number in range(40):
        await try_sign_in(chief, f"nobody-{number}", "wrong")
    assert await kinds(chief) == ["sign-in-refused"]
    await move_clock(chief.store, START + timedelta(hours=1))
    await try_sign_in(chief, "nobody", "wrong")
    async with chief.store.transaction() as tx:
        events = await tx.rows(
            "SELECT data->'attempts' AS n FROM audit_event WHERE bureau_id = $1 AND stream = 'sign-in' ORDER BY seq",
            (chief.bureau_id,),
        )
    assert [event["n"] for event in events] == [1, 40]


async def test_tries_at_a_locked_account_do_not_fill_the_chain(chief):
    for _ in range(FAILURES + 40):
        await try_sign_in(chief, password="wrong")
    assert (await kinds(chief)).count("locked-out") == 1
    assert len(await kinds(chief)) == FAILURES + 1 + 6  # the 1st, 2nd, 4th, 8th, 16th and 32nd of the 40


async def test_after_a_lock_counting_begins_anew(chief):
    for _ in range(FAILURES):
        await try_sign_in(chief, password="wrong")
    await move_clock(chief.store, START + timedelta(minutes=15))
    for _ in range(FAILURES - 1):
        assert isinstance((await try_sign_in(chief, password="wrong")).refusal, WrongCredentialsError)
    assert isinstance((await try_sign_in(chief, password="wrong")).refusal, LockedOutError)


async def test_a_right_password_forgives_the_wrong_ones(chief):
    for _ in range(2):
        for _ in range(FAILURES - 1):
            await try_sign_in(chief, password="wrong")
        assert (await try_sign_in(chief)).or_raise()


async def test_guessing_in_parallel_gets_no_more_tries(chief):
    guesses = [try_sign_in(chief, password="wrong") for _ in range(16)]
    refusals = [attempt.refusal for attempt in await asyncio.gather(*guesses)]
    assert sum(isinstance(refusal, WrongCredentialsError) for refusal in refusals) == FAILURES - 1
    assert sum(isinstance(refusal, LockedOutError) for refusal in refusals) == 16 - FAILURES + 1


async def test_signing_out_ends_the_session(chief):
    session = (await try_sign_in(chief)).or_raise()
    other = (await try_sign_in(chief)).or_raise()
    async with chief.store.transaction() as tx:
        await sign_out(tx, session.token)
        await sign_out(tx, session.token)
    async with chief.store.transaction() as tx:
        with pytest.raises(NotSignedInError):
            await session_for(tx, session.token)
        assert await session_for(tx, other.token)
    assert await kinds(chief) == ["signed-in", "signed-in", "signed-out"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sign_in SET expires_at = clock_timestamp() - interval '1 second'",
        "UPDATE account SET disabled_at = now()",
        "UPDATE person SET left_at = '2020-01-01'",
    ],
)
async def test_a_session_is_over_when_it_expires_or_its_person_may_not(chief, statement):
    session = (await try_sign_in(chief, hours=1)).or_raise()
    async with chief.store.transaction() as tx:
        assert await session_for(tx, session.token)
        await tx.rows(statement)
        with pytest.raises(NotSignedInError):
            await session_for(tx, session.token)


async def test_a_session_lasts_its_hours_by_the_real_clock(chief):
    session = (await try_sign_in(chief, hours=2)).or_raise()
    async with chief.store.transaction() as tx:
        left = (await tx.rows("SELECT $1::timestamptz - clock_timestamp() AS left", (session.expires_at,)))[0]["left"]
    assert timedelta(minutes=115) < left <= timedelta(minutes=120)


async def test_a_disabled_account_cannot_sign_in(chief):
    async with chief.store.transaction() as tx:
        await tx.rows("UPDATE account SET disabled_at = now() WHERE login = 'chief'")
    assert isinstance((await try_sign_in(chief)).refusal, WrongCredentialsError)


async def test_changing_the_password_ends_the_other_sessions(chief):
    kept, other = (await try_sign_in(chief)).or_raise(), (await try_sign_in(chief)).or_raise()
    async with chief.store.transaction() as tx:
        reader, _ = await session_for(tx, kept.token)
        done = await change_password(tx, reader, old=PASSWORD, new="a louder evening", keep_session=kept.token)
    assert done.or_raise()
    async with chief.store.transaction() as tx:
        assert await session_for(tx, kept.token)
        with pytest.raises(NotSignedInError):
            await session_for(tx, other.token)
    assert (await try_sign_in(chief)).refusal
    assert (await try_sign_in(chief, password="a louder evening")).or_raise()


async def test_changing_the_password_revokes_the_tokens(chief):
    reader = await chief.reader("chief")
    async with chief.store.transaction() as tx:
        _, raw = await create_token(tx, reader, "export", scopes=["write"], expires=None)
    async with chief.store.transaction() as tx:
        assert (await change_password(tx, reader, old="wrong", new="a louder evening")).refusal
    async with chief.store.transaction() as tx:
        assert await token_for(tx, raw)
        assert (await change_password(tx, reader, old=PASSWORD, new="a louder evening")).or_raise()
        with pytest.raises(NotSignedInError):
            await token_for(tx, raw)


async def test_changing_it_with_a_wrong_old_one_is_refused_and_counted(chief):
    reader = await chief.reader("chief")
    for number in range(FAILURES):
        async with chief.store.transaction() as tx:
            attempt = await change_password(tx, reader, old="wrong", new="a louder evening")
        assert type(attempt.refusal) is (LockedOutError if number == FAILURES - 1 else WrongCredentialsError)
    await move_clock(chief.store, START + timedelta(minutes=15))
    assert (await try_sign_in(chief)).or_raise()


@pytest.mark.parametrize(
    ("password", "accepted"),
    [
        ("short", False),
        ("123456789", False),
        ("1234567890", False),
        ("Password123", False),
        ("aaaaaaaaaaaa", False),
        ("wang-xiaoming", False),
        ("WANG-XIAOMING1", False),
        ("x" * 201, False),
        ("一二三四五六七八九十", True),
        ("a quiet morning", True),
    ],
)
def test_the_rules_for_a_password(password, accepted):
    if accepted:
        check_password(password, login="wang-xiaoming")
        return
    with pytest.raises(InvalidInputError) as raised:
        check_password(password, login="wang-xiaoming")
    assert raised.value.problems[0]["field"] == "password"


async def test_a_password_typed_in_full_width_letters_is_the_same():
    hashed = await hash_password("ｐａｓｓｗｏｒｄ一二三")
    assert await is_password("password一二三", hashed)
    assert not await is_password("password一二四", hashed)
