"""All processes together: the clock alone carries a season on Prefect, also when both are killed on the way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from services.adapters.keys import make_keys
from services.store.transaction import Store
from tests.conftest import move_clock
from tests.flows.conftest import Installation, end_tree, until_true
from tests.flows.filing import close_all, facts, know_cases, season_row
from tests.world import local, make_world

pytestmark = [pytest.mark.prefect, pytest.mark.postgres, pytest.mark.crash]


class Clocks:
    """Clock processes of one installation."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GUANTONG_")}
        command = [sys.executable, "-m", "schedules.runner"]
        with (self._installation.server.home / "clock.log").open("ab") as log:
            self.running.append(
                subprocess.Popen(
                    command, env=environment | self._installation.settings.environment(), stdout=log, stderr=log
                )
            )

    def kill(self) -> None:
        for process in self.running:
            end_tree(process)
        self.running = []


@pytest.fixture
def clocks(installation: Installation) -> Iterator[Clocks]:
    make_keys(installation.settings.key_folder)
    processes = Clocks(installation)
    yield processes
    processes.kill()


async def test_two_clocks_carry_a_season_and_survive(store: Store, installation: Installation, clocks: Clocks) -> None:
    await move_clock(store, local(2026, 12, 1))
    world = await make_world(store)
    clocks.start()
    clocks.start()

    async def waiting() -> bool:
        return bool(await facts(store, "SELECT 1 FROM season_wait WHERE name = 'due' AND met_at IS NULL"))

    await until_true(waiting, what="the wait for the due date", words=installation.words)
    (season,) = await facts(store, "SELECT id, generation FROM season WHERE state = 'running'")
    assert season["generation"] == 1
    clocks.kill()
    installation.kill_worker()
    await know_cases(world, season["id"])
    await close_all(world)
    await move_clock(store, local(2027, 2, 1))
    installation.start_worker()
    clocks.start()

    async def completed() -> bool:
        return (await season_row(store, season["id"])).state == "completed"

    await until_true(completed, what="completion", words=installation.words)
    steps = await facts(store, "SELECT name FROM season_step")
    assert sorted(step["name"] for step in steps) == ["open-season", "publish-summary", "report-missing"]
    assert len(await facts(store, "SELECT 1 FROM notification WHERE kind = 'season-summary'")) == 3
