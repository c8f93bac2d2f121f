"""The mail of an approval leads to the page that asks; no other mail does."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.messages.dispatch import Dispatcher
from services.store.transaction import Store
from services.workflow.acts import return_case
from tests.messages.office import CHIEF, REVIEWER, RULES, Office, opened
from tests.smtp_servers import RecordingServer
from tests.workflow.acting import submit

pytestmark = pytest.mark.postgres


@pytest.fixture
async def office(store: Store, tmp_path: Path, dispatcher: Dispatcher, server: RecordingServer) -> Office:
    office = await opened(store, tmp_path / "pack", dispatcher, server, RULES)
    await submit(office.world)
    return office


async def test_an_approval_can_be_confirmed_from_its_mail_and_nothing_else(office: Office):
    task = await office.task()
    [mail] = (await office.mails())[REVIEWER]
    link = f"/tasks/{task}/confirm?act=approve"
    assert link in mail.text
    assert f'{link}"' in mail.html
    assert "不会作出任何决定" in mail.text or "decides nothing" in mail.text
    await office.do(return_case, REVIEWER, task_id=task, to="plan", words="The sums differ.")
    [mail] = (await office.mails())[CHIEF]
    assert "/confirm" not in mail.text + mail.html
