"""An installation for browser tests: a bureau in the store, and its real processes on loopback."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from services.adapters import prefect_server
from services.adapters.keys import make_keys
from services.people.passwords import hash_password
from services.settings import Settings, load_settings
from services.store.transaction import Store
from tests.conftest import move_clock
from tests.flows.conftest import end_tree, free_port
from tests.world import World

ROOT = Path(__file__).parents[2]
PASSWORD = "weihai-taishan-2027"
PATIENCE = 120.0


async def until(look: Callable[[], Awaitable[Any]], *, what: str, seconds: float = PATIENCE) -> Any:
    """Look again and again until it is so; nothing here waits for a fixed time."""
    deadline = time.monotonic() + seconds
    while not (found := await look()):
        assert time.monotonic() < deadline, f"{what}: not so within {seconds} s"
        await asyncio.sleep(0.05)
    return found


async def open_accounts(world: World, *, without: tuple[str, ...] = ()) -> None:
    """Give everybody a sign-in name; those in `without` have no password yet."""
    hashed = await hash_password(PASSWORD)
    async with world.store.transaction() as tx:
        await tx.rows(
            "INSERT INTO account (id, bureau_id, person_id, login, password_hash, failures, created_at)"
            " SELECT gen_random_uuid(), $1, p.id, p.login, CASE WHEN p.login = ANY($4) THEN NULL ELSE $5 END, 0, $6"
            " FROM unnest($2::uuid[], $3::text[]) AS p(id, login)",
            (world.bureau_id, list(world.people.values()), list(world.people), list(without), hashed, tx.now),
        )


@dataclass
class House:
    """The store, the bureau's world, and the processes that were started for it."""

    store: Store
    home: Path
    database_url: str
    more: dict[str, str] = field(default_factory=dict)
    world: World = field(init=False)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = self._settings()
        make_keys(self.settings.key_folder)

    def _settings(self) -> Settings:
        place = {
            "GUANTONG_HOME": str(self.home),
            "GUANTONG_KEY_FOLDER": str(self.home / "keys"),
            "GUANTONG_DATABASE_URL": self.database_url,
            "GUANTONG_CLOCK": "store",
            "GUANTONG_PORT": str(free_port()),
            "GUANTONG_LOG_LEVEL": "warning",
        }
        return load_settings(place | self.more)

    @property
    def url(self) -> str:
        return self.settings.public_url

    def start(self, name: str, *command: str, **environment: str) -> None:
        """Start `python -m …` as the installation does."""
        known = {key: value for key, value in os.environ.items() if not key.startswith("GUANTONG_")}
        known |= prefect_server.client_environment(self.settings) | self.settings.environment() | environment
        with (self.home / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", *command], env=known, stdout=log, stderr=log, cwd=ROOT, start_new_session=True
            )

    async def start_web(self) -> None:
        web = ["uvicorn", "--factory", "services.web.app:create_app", "--port", str(self.settings.port)]
        self.start("web", *web, "--log-level", "warning")

        async def answers() -> bool:
            assert self.running["web"].poll() is None, self.words("web")
            return await asyncio.to_thread(prefect_server.answers_http, f"{self.url}/healthz")

        await until(answers, what="the page")

    def words(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text()[-4000:]

    async def move(self, to: datetime) -> None:
        await move_clock(self.store, to)

    async def facts(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        async with self.store.transaction() as tx:
            return [dict(row) for row in await tx.rows(statement, parameters)]

    def stop(self) -> None:
        for process in reversed(list(self.running.values())):
            end_tree(process)
