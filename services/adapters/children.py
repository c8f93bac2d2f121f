"""One child process of the supervisor: started, watched, started again with back-off, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.adapters.data_folder import DataFolder
from services.adapters.lifeline import Lifeline

ROOT = Path(__file__).parents[2]
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
# A child that has run this long (seconds) was healthy: its next crash is its first again.
HEALTHY_AFTER = 60.0
LOG_LIMIT = 20 * 1024 * 1024


@dataclass(frozen=True)
class Ended:
    """What is to be said of a child that ended by itself: its exit code, its last words, the seconds until it returns."""

    name: str
    code: int
    words: str
    delay: float


class Child:
    """A process that is to run for as long as the supervisor does.

    Args:
        name: how people are told of it.
        spawn: starts it.
        log: where its last words are found.
        patience: seconds that it may take to end in good order.
    """

    def __init__(
        self, name: str, spawn: Callable[[], subprocess.Popen[bytes]], *, log: Path, patience: float = 8
    ) -> None:
        self.name = name
        self._spawn = spawn
        self._log = log
        self._patience = patience
        self._failures = 0
        self._started = 0.0
        self._next: float | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it now."""
        self._next, self._started = None, time.monotonic()
        self.process = self._spawn()

    def check(self) -> Ended | None:
        """Look after it: note that it ended, and start it again when its time has come."""
        if self._next is not None:
            if time.monotonic() >= self._next:
                self.start()
            return None
        if self.process is None or (code := self.process.poll()) is None:
            return None
        end_group(self.process.pid, signal.SIGKILL)
        return self._plan_restart(code)

    def _plan_restart(self, code: int) -> Ended:
        if time.monotonic() - self._started > HEALTHY_AFTER:
            self._failures = 0
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2**self._failures)
        self._failures += 1
        self._next = time.monotonic() + delay
        return Ended(self.name, code, last_words(self._log), delay)

    def stop(self) -> None:
        """End it in good order, or at once when its patience is over."""
        process, self.process, self._next = self.process, None, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(self._patience)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        end_group(process.pid, signal.SIGKILL)


def end_group(pid: int, number: signal.Signals) -> None:
    """Signal what is left of a child's process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


@dataclass(frozen=True)
class Launcher:
    """How children of one installation are started: each holds the lifeline and a share of the data folder."""

    folder: DataFolder
    lifeline: Lifeline

    def log(self, name: str) -> Path:
        """Return where a child's output goes."""
        return self.folder.path / "logs" / f"{name}.log"

    def module(self, name: str, module: str, *arguments: str, environment: dict[str, str]) -> Child:
        """Return a child that runs one of our modules, with the lifeline's watch inside it."""
        command = ["--module", module, *arguments]
        return Child(name, lambda: self.spawn(name, command, environment), log=self.log(name))

    def program(self, name: str, *command: str, environment: dict[str, str]) -> Child:
        """Return a child that stands beside a foreign program and ends it with all that it started."""
        return Child(name, lambda: self.spawn(name, ["--", *command], environment), log=self.log(name))

    def spawn(self, name: str, command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start a process under the lifeline now."""
        path = self.log(name)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        if path.exists() and path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "services.adapters.lifeline", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=environment | self.lifeline.environment(),
                pass_fds=(self.lifeline.read_end, self.folder.child_fd),
                start_new_session=True,
            )


def last_words(log: Path) -> str:
    """Return the last line of a log that says something."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4000))
            lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except FileNotFoundError:
        return ""
    return lines[-1] if lines else ""
