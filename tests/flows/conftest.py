"""A real Prefect server for the session, and a worker per test, as an installation runs them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from services.adapters import prefect_server
from services.adapters.prefect import PrefectApi, PrefectOrchestrator, prefect_environment, register_deployments
from services.settings import Settings, load_settings
from services.store.transaction import Store

ROOT = Path(__file__).parents[2]
START_TIMEOUT, STEP_TIMEOUT = 120.0, 120.0
QUICK = {"PREFECT_WORKER_QUERY_SECONDS": "1", "PREFECT_LOGGING_LEVEL": "INFO"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end_tree(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL a process and everything that it started, as a power cut would."""
    with contextlib.suppress(psutil.NoSuchProcess):
        below = psutil.Process(process.pid).children(recursive=True)
        for each in [psutil.Process(process.pid), *below]:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
    process.wait()


@dataclass
class Server:
    """A Prefect server on a free port, with a secret, on its own SQLite file."""

    home: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def settings(self, database_url: str = "postgresql://nobody@127.0.0.1/none") -> Settings:
        return load_settings(
            {
                "GUANTONG_HOME": str(self.home),
                "GUANTONG_KEY_FOLDER": str(self.home / "keys"),
                "GUANTONG_PREFECT_PORT": str(self.port),
                "GUANTONG_DATABASE_URL": database_url,
                "GUANTONG_CLOCK": "store",
            }
        )

    def start(self) -> None:
        environment = prefect_server.server_environment(self.settings())
        command = [sys.executable, "-m", "prefect", "server", "start", "--analytics-off"]
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, cwd=self.home, start_new_session=True
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not prefect_server.answers(self.settings()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail((self.home / "server.log").read_text()[-3000:])
            time.sleep(0.2)

    def stop(self) -> None:
        if self.process is not None:
            end_tree(self.process)
            self.process = None

    def wipe(self) -> None:
        """Lose everything that Prefect knows."""
        for path in prefect_server.sqlite_files(self.home):
            path.unlink()


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture(scope="session")
def server(prefect_home: Path) -> Iterator[Server]:
    running = Server(prefect_home)
    running.start()
    yield running
    running.stop()


@dataclass
class Installation:
    """An installation's Prefect side for one test: its settings, the orchestrator, a worker that may be killed."""

    server: Server
    settings: Settings
    orchestrator: PrefectOrchestrator
    worker: subprocess.Popen[bytes] | None = None
    environment: dict[str, str] = field(default_factory=dict)
    """What the worker and its flow processes find there beside the usual."""

    def start_worker(self) -> None:
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "guantong", "--type", "process"]
        with (self.server.home / "worker.log").open("ab") as log:
            self.worker = subprocess.Popen(
                command, env=prefect_environment(self.settings) | QUICK | self.environment, stdout=log, stderr=log, cwd=self.server.home,
                start_new_session=True,
            )  # fmt: skip

    def kill_worker(self) -> None:
        """SIGKILL the worker and its flow processes."""
        if self.worker is not None:
            end_tree(self.worker)
            self.worker = None

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        """Ask as its owner would; a server whose SQLite is busy answers 503 and is asked again."""
        async with PrefectApi(self.settings) as api:
            deadline = time.monotonic() + STEP_TIMEOUT
            while (answer := await api.request(method, path, body, accept=(503,))).status_code == 503:
                assert time.monotonic() < deadline, answer.text
                await asyncio.sleep(0.5)
            return answer.json() if answer.content else None

    async def runs(self) -> list[dict[str, Any]]:
        return list(await self.api("POST", "/flow_runs/filter", {"sort": "START_TIME_ASC"}))

    def words(self) -> str:
        return (self.server.home / "worker.log").read_text()[-4000:]


@pytest.fixture
async def installation(server: Server, store: Store, database_url: str) -> AsyncIterator[Installation]:
    """Deployments registered, no run left from an earlier test, a worker on this test's database."""
    if server.process is None:
        server.start()
    settings = server.settings(database_url)
    await register_deployments(settings)
    running = Installation(server, settings, PrefectOrchestrator(settings))
    running.start_worker()
    yield running
    running.kill_worker()
    if server.process is not None:
        for run in await running.runs():
            await running.api("DELETE", f"/flow_runs/{run['id']}")
    await running.orchestrator.close()


async def until_true(look: Callable[[], Awaitable[Any]], *, what: str, words: Callable[[], str] = str) -> Any:
    """Look until it is true; nothing here waits for a fixed time."""
    deadline = time.monotonic() + STEP_TIMEOUT
    while not (found := await look()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not happen. {words()}")
        await asyncio.sleep(0.2)
    return found
