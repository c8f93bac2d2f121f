"""The mail page: who sees which messages, with which words."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from services.errors import NotFoundError
from services.messages.assemble import assemble_all
from services.messages.dispatch import Dispatcher
from services.messages.outbox import (
    NO_SERVER,
    alarm_lateness,
    message_lateness,
    message_view,
    outbox_page,
    server_problem,
)
from services.people.access import Reader
from services.store.transaction import Store
from tests.conftest import START, move_clock
from tests.messages.factory import COACH, PUBLIC, World, crowd, make_world, settings
from tests.smtp_servers import RecordingServer

pytestmark = pytest.mark.postgres


async def test_the_administrator_sees_all_of_the_bureau_everybody_else_their_own(world: World, store: Store):
    coach = await world.person("Coach", COACH)
    clerk = await world.person("Clerk", "basic-education-office/clerk")
    await world.start()
    await world.tell(clerk, "season-summary", {"cases": 1, "filed": 1, "late": 0, "ended": 0}, season=world.season_id)
    elsewhere = await make_world(store, "another")
    stranger = await elsewhere.person("Stranger", COACH)
    await elsewhere.start()
    await assemble_all(store)
    expected = {world.administrator: {coach, clerk}, coach: {coach}, clerk: {clerk}}
    for person, seen in expected.items():
        reader = await world.reader(person)
        async with store.transaction() as tx:
            page = await outbox_page(tx, reader)
            assert {row.person_id for row in page.rows} == seen
            assert page.counts["waiting"] == len(seen)
    async with store.transaction() as tx:
        [theirs] = (await outbox_page(tx, await elsewhere.reader(stranger))).rows
        for person in (world.administrator, coach):
            with pytest.raises(NotFoundError):
                await message_view(tx, await world.reader(person), theirs.id)


async def test_pages_follow_each_other_without_gap_or_double(world: World, store: Store):
    case = await world.start()
    await world.rows("UPDATE notification SET state = 'void'")
    for n in range(7):
        await world.tell(await world.person(f"P{n}"), "submitted", case=case)
        await assemble_all(store)
        await move_clock(store, START + timedelta(minutes=n // 2))
    reader, seen, after = await world.reader(world.administrator), [], None
    while True:
        async with store.transaction() as tx:
            page = await outbox_page(tx, reader, after=after, limit=3)
        seen += [row.id for row in page.rows]
        after = page.next
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 7
    async with store.transaction() as tx:
        assert (await outbox_page(tx, reader, state="dead")).rows == ()


async def test_whoever_has_no_mailbox_reads_the_message_on_their_page(world: World, store: Store):
    coach = await world.person("Coach", COACH, email=None)
    await world.start()
    await assemble_all(store)
    reader = await world.reader(coach)
    async with store.transaction() as tx:
        [row] = (await outbox_page(tx, reader, state="no-address")).rows
        view = await message_view(tx, reader, row.id, public_url=PUBLIC)
    assert (row.state, row.kinds) == ("no-address", ("task-opened",))
    assert "Sunday 31 January 2027 24:00" in str(view.text)
    assert f"{PUBLIC}/tasks/" in str(view.html)
    assert str(view.row.subject).startswith("To do:")


async def test_a_sent_message_is_shown_as_it_was_handed_over(
    world: World, store: Store, dispatcher: Dispatcher, server: RecordingServer
):
    coach = await world.person("Coach", COACH)
    await world.start()
    await dispatcher.tick()
    await move_clock(store, START + timedelta(days=3))
    reader = await world.reader(coach)
    async with store.transaction() as tx:
        [row] = (await outbox_page(tx, reader)).rows
        view = await message_view(tx, reader, row.id)
    assert (row.state, row.address, row.answer) == ("sent", "coach@example.test", "250 taken")
    assert "in 9 days" in str(view.text)


async def test_lateness_counts_what_is_due_and_undone(world: World, store: Store):
    case = await world.start()
    async with store.transaction() as tx:
        assert (await alarm_lateness(tx, None)).count == 0
        assert (await message_lateness(tx, None)).count == 0
    await crowd(world, case, people=2, each=2, next_at=START)
    await world.person("Coach", COACH)
    await assemble_all(store)
    await move_clock(store, START + timedelta(minutes=5))
    await world.tell(await world.person("Somebody"), "filed", {"number": "1"}, case=case)
    await assemble_all(store)
    async with store.transaction() as tx:
        late = await alarm_lateness(tx, world.bureau_id)
        waiting = await message_lateness(tx, world.bureau_id)
        for bureau_id, alarms, messages in ((None, 4, 1), (UUID(int=1), 0, 0)):
            assert (await alarm_lateness(tx, bureau_id)).count == alarms
            assert (await message_lateness(tx, bureau_id)).count == messages
    assert (late.count, late.oldest) == (4, 300.0)
    assert waiting.count == 1
    assert 0 <= waiting.oldest < 60


def test_a_missing_mail_server_is_said(tmp_path: Path):
    assert server_problem(settings(tmp_path)) is None
    assert server_problem(settings(tmp_path, smtp_host=None)) == NO_SERVER


SENT = """
WITH people AS (
    INSERT INTO person (id, bureau_id, name, sort_key, locale, created_at)
    SELECT gen_random_uuid(), $1, 'P' || i, 'p', 'en', $2 FROM generate_series(1, 100) i RETURNING id
)
INSERT INTO message (id, bureau_id, person_id, locale, key, state, created_at, try_at, attempts)
SELECT gen_random_uuid(), $1, p.id, 'en', p.id || '/' || i, 'sent', $2::timestamptz - i * interval '1 second', $2, 1
FROM people p, generate_series(1, 200) i
"""


async def test_the_page_reads_what_it_shows_however_many_mails_were_sent(world: World, store: Store):
    coach = await world.person("Coach", COACH)
    async with store.transaction() as tx:
        await tx.rows(SENT, (world.bureau_id, tx.now))
    async with store.engine.begin() as connection:
        await connection.exec_driver_sql("ANALYZE message")
    for person, states in ((world.administrator, ("dead", "no-address")), (coach, ("dead", None))):
        reader = await world.reader(person)
        for state in states:
            assert await rows_read(store, reader, state) < 5000


async def rows_read(store: Store, reader: Reader, state: str | None) -> int:
    """Return how many rows of the table and its indexes PostgreSQL reads for a page and its counts, as it plans for all."""
    async with store.transaction() as tx:
        await tx.rows("SET LOCAL plan_cache_mode = force_generic_plan")
        before = (await tx.rows(READ))[0]["n"]
        assert len((await outbox_page(tx, reader, state=state)).rows) == 0
        return int((await tx.rows(READ))[0]["n"] - before)


READ = """
SELECT coalesce(sum(seq_tup_read), 0) + coalesce(sum(idx_tup_fetch), 0) AS n FROM pg_stat_xact_user_tables
WHERE relname = 'message'
"""
