"""Handing over: to a real server that behaves, and to ones that do not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage

import pytest

from services.adapters.smtp import SmtpMailer
from services.errors import ConflictError, NotFoundError
from services.messages.assemble import assemble_all
from services.messages.delivery import Backoff, Ending, claim, finish
from services.messages.dispatch import Dispatcher
from services.messages.outbox import send_again
from services.messages.sweep import sweep_all
from services.ports import Delivery
from services.settings import Settings
from services.store.transaction import Store
from services.workflow.administering import end_case
from tests.conftest import START, move_clock
from tests.messages.conftest import SOON
from tests.messages.factory import COACH, PUBLIC, World
from tests.smtp_servers import RecordingServer

pytestmark = pytest.mark.postgres


async def until_settled(dispatcher: Dispatcher, world: World) -> dict[str, object]:
    """Tick until the only message is neither waiting nor under way."""
    for _ in range(400):
        await dispatcher.tick()
        [message] = await world.messages()
        if message["state"] not in {"waiting", "sending"}:
            return message
        await asyncio.sleep(0.01)
    raise AssertionError(message)


async def test_a_mail_arrives_with_all_that_it_needs(world: World, dispatcher: Dispatcher, server: RecordingServer):
    await world.person("Coach", COACH)
    case = await world.start()
    assert await dispatcher.tick() == 1
    [got] = server.received
    [message] = await world.messages()
    [task] = await world.rows("SELECT id FROM task")
    assert got.recipients == ["coach@example.test"]
    assert got.sender == "plans@example.edu.cn"
    assert got.message_id == f"<{message['key']}@plans.example.edu.cn>"
    assert got.mail["Auto-Submitted"] == "auto-generated"
    assert got.mail["From"] == "青岛市教育局 <plans@example.edu.cn>"
    assert str(got.mail["Subject"]).startswith("To do: Plan, Mathematics group")
    for words in (got.text, got.html):
        assert f"{PUBLIC}/tasks/{task['id']}" in words
        assert "Sunday 31 January 2027 24:00" in words
        assert "in 9 days" in words
        assert "Chief coach" in words
    assert (message["state"], message["sent_at"], message["text"]) == ("sent", START, got.text.replace("\r\n", "\n"))
    assert str(case)
    assert await dispatcher.tick() == 0


async def test_a_temporary_refusal_is_tried_again(world: World, dispatcher: Dispatcher, server: RecordingServer):
    await world.person("Coach", COACH)
    await world.start()
    server.mode, server.times = "450", 2
    message = await until_settled(dispatcher, world)
    assert (message["state"], message["attempts"], len(server.received)) == ("sent", 3, 1)


async def test_a_refusal_for_good_is_dead_with_the_servers_words_and_can_be_sent_again(
    world: World, dispatcher: Dispatcher, server: RecordingServer
):
    coach = await world.person("Coach", COACH)
    await world.start()
    server.mode = "550"
    message = await until_settled(dispatcher, world)
    assert (message["state"], message["answer"]) == ("dead", "550 5.1.1 no such person here")
    assert server.refused == 1
    server.mode = "accept"
    await world.rows("UPDATE person SET email = 'new@example.test' WHERE id = $1", coach)
    async with world.store.transaction() as tx:
        await send_again(tx, await world.reader(world.administrator), message["id"])
    assert (await until_settled(dispatcher, world))["state"] == "sent"
    assert server.received[0].recipients == ["new@example.test"]
    assert server.received[0].message_id == f"<{message['key']}@plans.example.edu.cn>"
    async with world.store.transaction() as tx:
        with pytest.raises(ConflictError):
            await send_again(tx, await world.reader(world.administrator), message["id"])
        with pytest.raises(NotFoundError):
            await send_again(tx, await world.reader(coach), message["id"])


@pytest.mark.parametrize("mode", ["421", "drop-after-data", "lose-250"])
async def test_a_server_that_goes_away_gets_the_mail_again(
    world: World, dispatcher: Dispatcher, server: RecordingServer, mode
):
    await world.person("Coach", COACH)
    await world.start()
    server.mode, server.times = mode, 1
    message = await until_settled(dispatcher, world)
    assert (message["state"], message["attempts"]) == ("sent", 2)
    assert len(server.received) == (2 if mode == "lose-250" else 1)
    assert len({got.message_id for got in server.received}) == 1


async def test_a_server_that_never_recovers_makes_it_dead(
    world: World, dispatcher: Dispatcher, server: RecordingServer
):
    await world.person("Coach", COACH)
    await world.start()
    server.mode = "421"
    message = await until_settled(dispatcher, world)
    assert (message["state"], message["attempts"]) == ("dead", SOON.tries)
    assert "421" in str(message["answer"])


async def test_a_slow_server_is_not_waited_for_beyond_the_timeout(
    world: World, store: Store, server: RecordingServer, own_settings: Settings
):
    await world.person("Coach", COACH)
    await world.start()
    server.mode, server.delay, server.times = "slow", 0.5, 1
    mailer = SmtpMailer("127.0.0.1", server.port, timeout=0.2)
    message = await until_settled(Dispatcher(store, mailer, own_settings, backoff=SOON), world)
    await mailer.close()
    assert message["state"] == "sent"
    assert "no answer" not in str(message["answer"])
    assert message["attempts"] == 2


async def test_a_server_that_is_not_there_leaves_the_message_waiting(
    world: World, store: Store, own_settings: Settings
):
    await world.person("Coach", COACH)
    await world.start()
    mailer = SmtpMailer("127.0.0.1", 1, timeout=2)
    await Dispatcher(store, mailer, own_settings).tick()
    [message] = await world.messages()
    [times] = await world.rows("SELECT try_at - clock_timestamp() AS wait FROM message")
    assert (message["state"], message["attempts"]) == ("waiting", 1)
    assert timedelta(seconds=40) < times["wait"] < timedelta(seconds=75)


async def test_without_a_mail_server_messages_wait_untouched(world: World, store: Store, own_settings: Settings):
    await world.person("Coach", COACH)
    await world.start()
    assert await Dispatcher(store, None, own_settings).tick() == 0
    [message] = await world.messages()
    assert (message["state"], message["attempts"]) == ("waiting", 0)


async def test_what_was_voided_while_it_waited_is_not_sent(
    world: World, dispatcher: Dispatcher, server: RecordingServer
):
    coach = await world.person("Coach", COACH, email=None)
    case = await world.start()
    await move_clock(world.store, datetime(2027, 1, 24, 1, tzinfo=UTC))
    await sweep_all(world.store)
    await assemble_all(world.store)
    await world.rows("UPDATE person SET email = 'coach@example.test' WHERE id = $1", coach)
    [message] = await world.messages()
    administrator = await world.reader(world.administrator)
    async with world.store.transaction() as tx:
        await send_again(tx, administrator, message["id"])
        await end_case(tx, by=administrator, case_id=case, words="The group was dissolved.")
    await dispatcher.tick()
    states = {row["state"] for row in await world.messages()}
    assert states == {"void", "sent"}
    [got] = server.received
    assert str(got.mail["Subject"]).startswith("Ended:")
    assert "The group was dissolved." in got.text


async def test_a_reminder_of_a_task_closed_in_the_same_moment_is_not_sent(
    world: World, dispatcher: Dispatcher, server: RecordingServer
):
    """The act's statement began before the message was made, so it could not void what was enclosed."""
    await world.person("Coach", COACH)
    await world.start()
    await assemble_all(world.store)
    await world.rows("UPDATE task SET state = 'done'")
    await dispatcher.tick()
    assert not server.received
    assert [row["state"] for row in await world.messages()] == ["void"]
    assert {row["state"] for row in await world.rows("SELECT state FROM notification")} == {"void"}


async def test_what_waited_for_a_former_holder_is_not_sent_and_its_successor_is_told(
    world: World, dispatcher: Dispatcher, server: RecordingServer
):
    before = await world.person("Before", COACH)
    await world.start()
    await assemble_all(world.store)
    await world.person("After", COACH)
    await world.rows("UPDATE appointment SET ends_on = $2 WHERE person_id = $1", before, date(2027, 1, 1))
    await dispatcher.tick()
    await dispatcher.tick()
    assert [got.recipients for got in server.received] == [["after@example.test"]]
    states = {row["address"]: row["state"] for row in await world.messages()}
    assert states == {"before@example.test": "void", "after@example.test": "sent"}


class Failing(SmtpMailer):
    """Fails for one recipient in a way that no mail server can bring about."""

    async def send(self, mail: EmailMessage, *, sender: str, recipients: Sequence[str]) -> Delivery:
        if recipients == ["bad@example.test"]:
            raise RuntimeError("unforeseen")
        await asyncio.sleep(0.05)
        return await super().send(mail, sender=sender, recipients=recipients)


async def test_what_fails_unforeseen_backs_off_and_leaves_the_others_alone(
    world: World, store: Store, server: RecordingServer, own_settings: Settings
):
    for name in ("bad", "good", "fine", "well"):
        await world.person(name, COACH)
    await world.start()
    mailer = Failing("127.0.0.1", server.port, timeout=5)
    await Dispatcher(store, mailer, own_settings).tick()
    await mailer.close()
    states = {row["address"]: (row["state"], row["attempts"], row["answer"]) for row in await world.messages()}
    assert states.pop("bad@example.test") == ("waiting", 1, "RuntimeError: unforeseen")
    assert {state for state, _, _ in states.values()} == {"sent"}
    assert len(server.received) == 3


async def test_a_lease_that_ran_out_is_taken_over_and_its_first_holder_says_nothing_more(world: World, store: Store):
    await world.person("Coach", COACH)
    await world.start()
    await assemble_all(store)
    async with store.transaction() as tx:
        [first] = await claim(tx, limit=5, lease=0.3)
    async with store.transaction() as tx:
        assert await claim(tx, limit=5, lease=0.3) == []
    await asyncio.sleep(0.35)
    async with store.transaction() as tx:
        [second] = await claim(tx, limit=5, lease=60)
    assert (second.id, second.key, second.attempts) == (first.id, first.key, 2)
    assert not await finish(store.engine, first, Ending("dead"))
    assert await finish(store.engine, second, Ending("sent"))
    assert [row["state"] for row in await world.messages()] == ["sent"]


async def test_the_business_clock_neither_hurries_nor_holds_up_a_retry(
    world: World, store: Store, dispatcher: Dispatcher, server: RecordingServer
):
    await world.person("Coach", COACH)
    await world.start()
    await assemble_all(store)
    await world.rows("UPDATE message SET try_at = clock_timestamp() + interval '1 hour'")
    await move_clock(store, START + timedelta(days=300))
    assert await dispatcher.send_due() == 0
    await world.rows("UPDATE message SET try_at = clock_timestamp()")
    await move_clock(store, START - timedelta(days=300))
    assert await dispatcher.send_due() == 1


def test_back_off_doubles_up_to_six_hours_and_ends_after_three_days():
    backoff = Backoff()
    waits = [backoff.seconds(n) for n in range(1, 30)]
    assert 48 <= waits[0] <= 72
    assert 96 <= waits[1] <= 144
    assert all(wait <= 6 * 3600 * 1.2 for wait in waits)
    whole = sum(min(60 * 2 ** (n - 1), 6 * 3600) for n in range(1, backoff.tries))
    assert 2.8 <= whole / 86400 <= 3.2
    assert len({round(wait, 6) for wait in waits}) == len(waits)
