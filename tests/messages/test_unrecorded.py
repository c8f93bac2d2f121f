"""What became of a mail cannot be recorded, because the database is away or refuses."""

from __future__ import annotations

from collections import Counter

import pytest

from services.adapters.smtp import SmtpMailer
from services.messages.assemble import assemble_all
from services.messages.dispatch import Dispatcher
from services.settings import Settings
from tests.messages.factory import World
from tests.smtp_servers import RecordingServer

pytestmark = pytest.mark.postgres

SUMMARY: dict[str, object] = {
    "season": "2027",
    "process": "annual-filing",
    "cases": 6,
    "filed": 5,
    "late": 1,
    "ended": 1,
}
REFUSE = """
CREATE FUNCTION refuse_sent() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$
"""
TRIGGER = """
CREATE TRIGGER refuse_sent BEFORE UPDATE ON message FOR EACH ROW WHEN (new.state = 'sent') EXECUTE FUNCTION refuse_sent()
"""


async def test_no_further_mail_is_begun_that_could_not_be_recorded_either(
    world: World, server: RecordingServer, mailer: SmtpMailer, own_settings: Settings
):
    """With one connection one mail may be under way while another one's commit fails; the others wait, and come once."""
    await world.rows("UPDATE notification SET state = 'void'")
    for number in range(4):
        await world.tell(await world.person(f"Person {number}"), "season-summary", SUMMARY, season=world.season_id)
    await assemble_all(world.store)
    await world.rows(REFUSE)
    await world.rows(TRIGGER)
    one = Dispatcher(world.store, mailer, own_settings.model_copy(update={"smtp_connections": 1}))
    assert await one.send_due() == 4
    begun = len(server.received)
    assert 1 <= begun <= 2
    await world.rows("DROP TRIGGER refuse_sent ON message")
    await world.rows("UPDATE message SET try_at = clock_timestamp()")
    await one.tick()
    times = Counter(mail.message_id for mail in server.received)
    assert sorted(times.values()) == [1] * (4 - begun) + [2] * begun
    assert await world.rows("SELECT DISTINCT state FROM message") == [{"state": "sent"}]
