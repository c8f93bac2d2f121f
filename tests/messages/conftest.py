from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.adapters.smtp import SmtpMailer
from services.messages.delivery import Backoff
from services.messages.dispatch import Dispatcher
from services.settings import Settings
from services.store.transaction import Store
from tests.messages import factory
from tests.smtp_servers import RecordingServer, smtp_server

SOON = Backoff(first=0.01, longest=0.02, tries=4)


@pytest.fixture
async def world(store: Store) -> factory.World:
    return await factory.make_world(store)


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    with smtp_server() as running:
        yield running


@pytest.fixture
def own_settings(tmp_path: Path) -> Settings:
    return factory.settings(tmp_path)


@pytest.fixture
async def mailer(server: RecordingServer) -> AsyncIterator[SmtpMailer]:
    mailer = SmtpMailer("127.0.0.1", server.port, timeout=5)
    yield mailer
    await mailer.close()


@pytest.fixture
def dispatcher(store: Store, mailer: SmtpMailer, own_settings: Settings) -> Dispatcher:
    return Dispatcher(store, mailer, own_settings, backoff=SOON)
