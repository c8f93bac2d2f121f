"""The audit chain: every kind of tampering is found, and nothing else."""

from __future__ import annotations

import asyncio
from datetime import date
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.exc import DBAPIError

from models.people import Bureau
from services.store import anchors
from services.store.anchors import make_anchor, verify_anchors
from services.store.audit import GENESIS, ChainedEvent, salted
from services.store.chain import append_event, erase_salts, verify_chain
from tests.statements import counted

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
DAY = date(2027, 1, 22)


@pytest.fixture
async def bureau_id(store):
    return await add_bureau(store, "east")


async def add_bureau(store, code):
    async with store.transaction() as tx:
        row = Bureau(
            id=tx.new_id(), code=code, name=code, zone="Asia/Shanghai", locale="zh", settings={}, created_at=tx.now
        )
        tx.session.add(row)
    return row.id


async def write(store, bureau_id, n=4, stream="bureau", **options):
    for number in range(n):
        async with store.transaction() as tx:
            await append_event(
                tx, bureau_id, stream=stream, kind="changed", person_id=None, data={"n": number, "词": "值"}, **options
            )


async def tamper(store, *statements):
    """Change rows as somebody could who holds the database: with the append-only triggers switched off."""
    async with store.transaction() as tx:
        await tx.rows("SET LOCAL session_replication_role = replica")
        for statement in statements:
            await tx.rows(statement)


async def problems(store, bureau_id):
    async with store.transaction() as tx:
        return [(broken.stream, broken.seq, broken.problem) for broken in await verify_chain(tx, bureau_id)]


async def test_an_untouched_chain_verifies(store, bureau_id):
    assert await problems(store, bureau_id) == []
    await write(store, bureau_id)
    await write(store, bureau_id, stream="sign-in", personal={"login": "zhou"})
    assert await problems(store, bureau_id) == []


async def test_appending_costs_two_statements(store, bureau_id):
    await write(store, bureau_id, n=1)
    async with store.transaction() as tx:
        with counted(store) as sent:
            await append_event(tx, bureau_id, stream="bureau", kind="x", person_id=None, data={}, personal={"a": "b"})
    assert len(sent) == 2


async def test_events_written_at_once_make_one_chain(store, bureau_id):
    await asyncio.gather(*(write(store, bureau_id, n=3) for _ in range(6)))
    assert await problems(store, bureau_id) == []
    async with store.transaction() as tx:
        rows = await tx.rows("SELECT seq FROM audit_event ORDER BY seq")
    assert [row["seq"] for row in rows] == list(range(1, 19))


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["UPDATE audit_event SET data = '{\"n\": 7}' WHERE seq = 2"], [("bureau", 2, "edited")]),
        (["UPDATE audit_event SET at = at - interval '1 microsecond' WHERE seq = 2"], [("bureau", 2, "edited")]),
        (["UPDATE audit_event SET person_id = gen_random_uuid() WHERE seq = 2"], [("bureau", 2, "edited")]),
        (["UPDATE audit_event SET kind = 'other' WHERE seq = 2"], [("bureau", 2, "edited")]),
        (["UPDATE audit_event SET hash = repeat('a', 64) WHERE seq = 2"], [("bureau", 2, "edited"), ("bureau", 3, "unlinked")]),
        (["DELETE FROM audit_event WHERE seq = 2"], [("bureau", 3, "removed")]),
        (["DELETE FROM audit_event WHERE seq = 1"], [("bureau", 2, "removed")]),
        (["DELETE FROM audit_event WHERE seq >= 3"], [("bureau", 4, "truncated")]),
        (["DELETE FROM audit_event"], [("bureau", 4, "truncated")]),
        (["UPDATE stream_head SET seq = 3"], [("bureau", 3, "head-changed")]),
        (["UPDATE stream_head SET hash = repeat('a', 64)"], [("bureau", 4, "head-changed")]),
        (["DELETE FROM stream_head"], [("bureau", 4, "headless")]),
        (
            ["UPDATE stream_head SET seq = 3, hash = (SELECT hash FROM audit_event WHERE seq = 3)"],
            [("bureau", 4, "beyond-head")],
        ),
        (
            ["DELETE FROM audit_event WHERE seq = 2", "UPDATE audit_event SET seq = seq - 1 WHERE seq = 3"],
            [("bureau", 2, "unlinked"), ("bureau", 2, "edited"), ("bureau", 4, "removed")],
        ),
    ],
)  # fmt: skip
async def test_tampering_is_found_where_it_was_done(store, bureau_id, statements, expected):
    await write(store, bureau_id)
    await tamper(store, *statements)
    assert await problems(store, bureau_id) == expected


async def test_an_event_put_in_is_found(store, bureau_id):
    await write(store, bureau_id)
    async with store.transaction() as tx:
        row = dict((await tx.rows("SELECT * FROM audit_event WHERE seq = 4"))[0])
    row.pop("hash")
    forged = ChainedEvent(**{**row, "id": UUID(int=5), "seq": 5, "prev": "f" * 64})
    await tamper(
        store,
        "INSERT INTO audit_event SELECT '00000000-0000-0000-0000-000000000005', bureau_id, stream, stream_id, 5, at,"
        f" person_id, kind, data, repeat('f', 64), '{forged.hash}' FROM audit_event WHERE seq = 4",
        f"UPDATE stream_head SET seq = 5, hash = '{forged.hash}'",
    )
    assert await problems(store, bureau_id) == [("bureau", 5, "unlinked")]


async def test_each_bureau_has_its_own_chains(store, bureau_id):
    other = await add_bureau(store, "west")
    await write(store, bureau_id)
    await write(store, other)
    await tamper(store, f"UPDATE audit_event SET kind = 'x' WHERE bureau_id = '{other}' AND seq = 1")
    assert await problems(store, bureau_id) == []
    assert await problems(store, other) == [("bureau", 1, "edited")]


async def test_verifying_beside_writers_finds_nothing(store, bureau_id):
    async def verify():
        found = []
        for _ in range(6):
            found += await problems(store, bureau_id)
        return found

    results = await asyncio.gather(*(write(store, bureau_id, n=20) for _ in range(3)), verify(), verify())
    assert results[3:] == [[], []]


async def test_the_table_refuses_changes(store, bureau_id):
    await write(store, bureau_id)
    for statement in ("UPDATE audit_event SET kind = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with store.transaction() as tx:
                await tx.rows(statement)


async def test_personal_values_stand_as_salted_digests_and_can_be_erased(store, bureau_id):
    person, other = UUID(int=1), UUID(int=2)
    for each in (person, other):
        async with store.transaction() as tx:
            await append_event(
                tx, bureau_id, stream="bureau", kind="person-created", person_id=None, data={"person": str(each)},
                personal={"name": "周明远"},
            )  # fmt: skip
    async with store.transaction() as tx:
        rows = await tx.rows("SELECT e.data, s.salt FROM audit_event e JOIN audit_salt s ON s.event_id = e.id")
        assert [row["data"]["name"] == salted("周明远", row["salt"]) for row in rows] == [True, True]
        assert rows[0]["data"]["name"] != rows[1]["data"]["name"]
        assert await erase_salts(tx, bureau_id, person) == 1
    async with store.transaction() as tx:
        left = await tx.rows("SELECT e.data FROM audit_event e JOIN audit_salt s ON s.event_id = e.id")
        assert [row["data"]["person"] for row in left] == [str(other)]
    assert await problems(store, bureau_id) == []


# --- anchors --------------------------------------------------------------------------------------------------------


async def anchor(store, bureau_id, day=DAY, key=KEY):
    async with store.transaction() as tx:
        return await make_anchor(tx, bureau_id, day=day, key=key)


async def anchor_problems(store, bureau_id, *keys):
    async with store.transaction() as tx:
        found = await verify_anchors(tx, bureau_id, keys=keys or [KEY.public_key()])
        return [(broken.stream, broken.seq, broken.problem) for broken in found]


async def recompute(store, statement):
    """Rewrite history as whoever holds the database could: change an event and compute the whole chain anew."""
    async with store.transaction() as tx:
        await tx.rows("SET LOCAL session_replication_role = replica")
        await tx.rows(statement)
        prev = GENESIS
        for row in await tx.rows("SELECT * FROM audit_event ORDER BY seq"):
            event = ChainedEvent(**{**{k: v for k, v in row.items() if k != "hash"}, "prev": prev})
            await tx.rows("UPDATE audit_event SET prev = $2, hash = $3 WHERE id = $1", (event.id, prev, event.hash))
            prev = event.hash
        await tx.rows("UPDATE stream_head SET hash = $1, seq = (SELECT max(seq) FROM audit_event)", (prev,))


async def test_a_recomputed_chain_verifies_but_not_against_the_anchor(store, bureau_id):
    await write(store, bureau_id)
    await anchor(store, bureau_id)
    await write(store, bureau_id)
    assert await anchor_problems(store, bureau_id) == []
    await recompute(store, "UPDATE audit_event SET data = '{}' WHERE seq = 2")
    assert await problems(store, bureau_id) == []
    assert await anchor_problems(store, bureau_id) == [("bureau", 4, "changed")]


async def test_a_stream_cut_off_with_its_head_is_found_by_the_anchor(store, bureau_id):
    await write(store, bureau_id)
    await anchor(store, bureau_id)
    await recompute(store, "DELETE FROM audit_event WHERE seq > 2")
    assert await problems(store, bureau_id) == []
    assert await anchor_problems(store, bureau_id) == [("bureau", 4, "changed")]


async def test_a_day_has_one_anchor(store, bureau_id):
    await write(store, bureau_id)
    first, made = await anchor(store, bureau_id)
    await write(store, bureau_id)
    again, made_again = await anchor(store, bureau_id)
    assert (made, made_again, first.digest) == (True, False, again.digest)
    results = await asyncio.gather(*(anchor(store, bureau_id, date(2027, 1, 23)) for _ in range(5)))
    assert sum(made for _, made in results) == 1


async def test_an_anchor_names_what_moved_and_the_one_before(store, bureau_id):
    await write(store, bureau_id)
    first, _ = await anchor(store, bureau_id)
    await write(store, bureau_id, stream="sign-in", n=2)
    second, _ = await anchor(store, bureau_id, date(2027, 1, 23))
    third, _ = await anchor(store, bureau_id, date(2027, 1, 24))
    assert [len(each.body["moved"]) for each in (first, second, third)] == [1, 1, 0]
    assert second.body["moved"][0][0] == "sign-in"
    assert (first.body["prev"], second.body["prev"]) == (GENESIS, first.digest)
    assert [(each.body["streams"], each.body["events"]) for each in (first, second)] == [(1, 4), (2, 6)]
    assert first.digest in anchors.mailed_text(first)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "UPDATE anchor SET body = jsonb_set(body, '{events}', '5') WHERE day = '2027-01-22'",
            [("anchor", 1, "forged")],
        ),
        ("UPDATE anchor SET signature = repeat('0', 128) WHERE day = '2027-01-22'", [("anchor", 1, "forged")]),
        ("UPDATE anchor SET signature = 'none' WHERE day = '2027-01-22'", [("anchor", 1, "forged")]),
        ("UPDATE anchor SET day = '2027-01-21' WHERE day = '2027-01-22'", [("anchor", 1, "forged")]),
        ("DELETE FROM anchor WHERE day = '2027-01-22'", [("anchor", 1, "removed")]),
    ],
)
async def test_a_changed_anchor_is_found(store, bureau_id, statement, expected):
    for day in (22, 23):
        await write(store, bureau_id)
        await anchor(store, bureau_id, date(2027, 1, day))
    assert await anchor_problems(store, bureau_id) == []
    await tamper(store, statement)
    assert await anchor_problems(store, bureau_id) == expected


async def test_an_anchor_signed_with_another_key_is_forged(store, bureau_id):
    await write(store, bureau_id)
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    await anchor(store, bureau_id, key=other)
    assert await anchor_problems(store, bureau_id) == [("anchor", 1, "forged")]
    assert await anchor_problems(store, bureau_id, KEY.public_key(), other.public_key()) == []


async def test_anchors_of_two_bureaus_do_not_meet(store, bureau_id):
    other = await add_bureau(store, "west")
    await write(store, bureau_id)
    await write(store, other)
    ours, _ = await anchor(store, bureau_id)
    theirs, _ = await anchor(store, other)
    assert ours.digest != theirs.digest
    assert theirs.body["prev"] == GENESIS
    assert (ours.body["events"], theirs.body["events"]) == (4, 4)
