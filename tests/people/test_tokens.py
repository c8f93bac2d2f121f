"""API tokens."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from services.errors import ForbiddenError, InvalidInputError, NotFoundError, NotSignedInError
from services.people.tokens import BeyondTokenError, create_token, list_tokens, revoke_token, token_for
from tests.conftest import START, move_clock
from tests.statements import counted


@pytest.fixture
async def chief(town):
    await town.add_person("chief", "camp:math:chief-coach")
    return town


async def make(town, login="chief", *, scopes=("read", "write"), expires=None, name="export", made_with=None):
    reader = await town.reader(login)
    async with town.store.transaction() as tx:
        return await create_token(tx, reader, name, scopes=scopes, expires=expires, made_with=made_with)


async def use(town, raw):
    async with town.store.transaction() as tx:
        return await token_for(tx, raw)


async def test_a_token_acts_as_its_person_in_one_statement(chief):
    _, raw = await make(chief)
    async with chief.store.transaction() as tx:
        with counted(chief.store) as sent:
            grant = await token_for(tx, raw)
    assert len(sent) == 1
    reader = grant.reader
    assert (reader, grant.scopes) == (await chief.reader("chief"), {"read", "write"})
    assert reader.has_role("chief-coach")


async def test_only_the_digest_is_kept(chief):
    _, raw = await make(chief)
    async with chief.store.transaction() as tx:
        rows = await tx.rows("SELECT t::text AS t FROM api_token t UNION ALL SELECT e::text FROM audit_event e")
    assert raw.startswith("gt_")
    assert not any(raw in row["t"] for row in rows)


async def test_a_token_ends_when_it_expires(chief):
    _, raw = await make(chief, expires=START + timedelta(days=1))
    await move_clock(chief.store, START + timedelta(days=1, seconds=-1))
    assert await use(chief, raw)
    await move_clock(chief.store, START + timedelta(days=1))
    with pytest.raises(NotSignedInError):
        await use(chief, raw)


@pytest.mark.parametrize(
    "statement", ["UPDATE account SET disabled_at = now()", "UPDATE person SET left_at = '2020-01-01'"]
)
async def test_a_token_ends_with_its_person(chief, statement):
    _, raw = await make(chief)
    async with chief.store.transaction() as tx:
        await tx.rows(statement)
    with pytest.raises(NotSignedInError):
        await use(chief, raw)


@pytest.mark.parametrize("raw", ["", "gt_guess", "\x00\ud800"])
async def test_anything_else_is_no_token(chief, raw):
    await make(chief)
    with pytest.raises(NotSignedInError):
        await use(chief, raw)


async def test_a_revoked_token_is_none(chief):
    token_id, raw = await make(chief)
    _, other = await make(chief)
    reader = await chief.reader("chief")
    async with chief.store.transaction() as tx:
        await revoke_token(tx, reader, token_id)
    with pytest.raises(NotSignedInError):
        await use(chief, raw)
    assert await use(chief, other)
    async with chief.store.transaction() as tx:
        assert [token.revoked_at for token in await list_tokens(tx, reader)] == [None, START]


async def test_tokens_are_ones_own_but_the_administrator_may_revoke_them(chief, neighbour):
    token_id, raw = await make(chief)
    await chief.add_person("colleague", "camp:math:coach")
    for stranger in (await chief.reader("colleague"), await neighbour.reader("administrator")):
        async with chief.store.transaction() as tx:
            assert await list_tokens(tx, stranger) == []
            with pytest.raises(NotFoundError):
                await revoke_token(tx, stranger, token_id)
    assert await use(chief, raw)
    async with chief.store.transaction() as tx:
        await revoke_token(tx, await chief.reader("administrator"), token_id)
        with pytest.raises(NotSignedInError):
            await token_for(tx, raw)
        with pytest.raises(NotFoundError):
            await revoke_token(tx, await chief.reader("chief"), UUID(int=7))


async def test_the_scopes_of_an_administrator_are_for_the_administrator(chief):
    for scope in ("admin", "metrics"):
        assert await make(chief, login="administrator", scopes=[scope])
        with pytest.raises(ForbiddenError):
            await make(chief, scopes=["read", scope])


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["read", "everything"]}, "scopes"),
        ({"expires": START}, "expires"),
    ],
)
async def test_a_token_that_makes_no_sense_is_refused(chief, wrong, field):
    with pytest.raises(InvalidInputError) as raised:
        await make(chief, **wrong)
    assert [problem["field"] for problem in raised.value.problems] == [field]


DAY = START + timedelta(days=1)
LATER = START + timedelta(days=2)


@pytest.mark.parametrize(
    ("ends", "scopes", "expires", "made"),
    [
        (None, ["read", "write"], None, True),
        (None, ["write"], DAY, True),
        (DAY, ["read"], DAY, True),
        (None, ["read", "admin"], None, False),
        (None, ["metrics"], None, False),
        (DAY, ["read"], LATER, False),
        (DAY, ["read"], None, False),
    ],
)
async def test_a_token_makes_none_that_goes_further_than_itself(chief, ends, scopes, expires, made):
    _, raw = await make(chief, login="administrator", expires=ends)
    grant = await use(chief, raw)
    if made:
        assert await make(chief, login="administrator", scopes=scopes, expires=expires, made_with=grant)
        return
    with pytest.raises(BeyondTokenError):
        await make(chief, login="administrator", scopes=scopes, expires=expires, made_with=grant)


async def test_with_a_token_end_those_made_with_it(chief):
    first_id, first = await make(chief)
    _, child = await make(chief, made_with=await use(chief, first))
    _, grandchild = await make(chief, made_with=await use(chief, child))
    _, other = await make(chief)
    async with chief.store.transaction() as tx:
        await revoke_token(tx, await chief.reader("chief"), first_id)
    for raw in (first, child, grandchild):
        with pytest.raises(NotSignedInError):
            await use(chief, raw)
    assert await use(chief, other)
