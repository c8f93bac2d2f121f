"""The demo world with its filing season open since December."""

from __future__ import annotations

import pytest

from services.store.transaction import Store
from tests.conftest import move_clock
from tests.world import World, local, make_world, open_filing


@pytest.fixture
async def world(store: Store) -> World:
    await move_clock(store, local(2026, 12, 1))
    return await open_filing(await make_world(store))
