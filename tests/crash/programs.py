"""The real processes of an installation, each to be killed at a commit of a test's choosing and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from services.adapters.keys import make_keys
from services.settings import Settings, load_settings
from tests.homes import until
from tests.smtp_servers import free_port

SITE = Path(__file__).parent / "site"
Moment = Literal["before", "after"]
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Crash:
    """Where the next crash is planned. See site/sitecustomize.py."""

    path: Path

    def plan(self, marker: str, moment: Moment, *, everything: bool = False) -> None:
        """Kill whichever process next commits a statement with `marker`; `everything`: with what started it."""
        half = self.path.with_suffix(".half")
        half.write_text(json.dumps({"marker": marker, "moment": moment, "all": everything}))
        self.path.with_suffix(".taken").unlink(missing_ok=True)
        half.rename(self.path)

    @property
    def happened(self) -> bool:
        return self.path.with_suffix(".taken").exists()

    def environment(self) -> dict[str, str]:
        return {"GUANTONG_TEST_CRASH": str(self.path), "PYTHONPATH": str(SITE)}


@dataclass
class Program:
    """One process, started as an installation starts it."""

    command: list[str]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, env=self.environment, stdout=log, stderr=log)

    def kill(self) -> None:
        """SIGKILL it and all that it started."""
        if self.process is None:
            return
        try:
            below = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            below = []
        self.process.kill()
        for each in below:
            try:
                each.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait()
        self.process = None

    @property
    def is_dead(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def wait_killed(self, *, seconds: float = 60) -> None:
        """Wait for its death, which must be the planned one."""
        assert self.process is not None
        assert self.process.wait(seconds) == -signal.SIGKILL, self.words()

    def words(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]


@dataclass
class Installation:
    """Web and clock processes on one database, with the settings that both have."""

    settings: Settings
    folder: Path
    crash: Crash
    watched: bool = True
    programs: list[Program] = field(default_factory=list)

    def _program(self, name: str, *arguments: str) -> Program:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("GUANTONG_")}
        environment = inherited | self.settings.environment()
        environment |= self.crash.environment() if self.watched else {}
        program = Program([sys.executable, "-m", *arguments], environment, self.folder / f"{name}.log")
        self.programs.append(program)
        return program

    def web(self) -> Program:
        """A web process; `start_web` starts it and waits."""
        where = ["--host", "127.0.0.1", "--port", str(self.settings.port)]
        return self._program(
            "web", "uvicorn", "--factory", "services.web.app:create_app", *where, "--log-level", "error"
        )

    def clock(self) -> Program:
        return self._program("clock", "schedules.runner")

    def start_web(self, web: Program) -> None:
        web.start()

        def answers() -> bool:
            assert not web.is_dead, web.words()
            return self.is_ready()

        until(answers, seconds=60)

    def is_ready(self) -> bool:
        try:
            with _DIRECT.open(f"http://127.0.0.1:{self.settings.port}/readyz", timeout=5) as answer:
                return int(answer.status) == 200
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False

    def end(self) -> None:
        for program in self.programs:
            program.kill()


def installation(folder: Path, database_url: str, *, watched: bool = True, **more: object) -> Installation:
    """Return an installation that runs nothing yet; not `watched`, its processes know nothing of planned crashes."""
    settings = load_settings(
        {},
        home=folder / "home",
        key_folder=folder / "keys",
        database_url=database_url,
        clock="store",
        port=free_port(),
        prefect_port=free_port(),
        log_level="warning",
        **more,
    )
    make_keys(settings.key_folder)
    return Installation(settings, folder, Crash(folder / "crash.json"), watched)
