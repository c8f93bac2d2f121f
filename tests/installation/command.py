"""The `guantong` command as a person starts it, on a folder and ports of its own."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from services.adapters.postgres import free_port
from tests.homes import until

GUANTONG = str(Path(sys.executable).with_name("guantong"))
FIRST = [
    "--bureau-name",
    "海州市教育局",
    "--bureau-code",
    "haizhou",
    "--admin-name",
    "管理员",
    "--admin-login",
    "admin",
]


def environment(place: Path, /, **settings: object) -> dict[str, str]:
    """Return the variables of an installation in `place` that disturbs nobody."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("GUANTONG_")}
    chosen: dict[str, object] = {
        "home": place / "data",
        "key_folder": place / "keys",
        "port": free_port(),
        "prefect_port": free_port(),
        "locale": "en",
        "minimum_free_mb": 1,
    }
    return inherited | {f"GUANTONG_{key.upper()}": str(value) for key, value in (chosen | settings).items()}


def guantong(*arguments: str, env: dict[str, str], seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    return subprocess.run(
        [GUANTONG, *arguments],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
        stdin=subprocess.DEVNULL,
    )


@dataclass
class Running:
    """A `guantong up` or `demo` that runs, with what it has said so far."""

    process: subprocess.Popen[str]
    env: dict[str, str]
    lines: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.env['GUANTONG_PORT']}"

    def said(self, words: str) -> bool:
        return any(words in line for line in self.lines)

    def wait_for(self, words: str, *, seconds: float = 60) -> None:
        def seen() -> bool:
            assert self.said(words) or self.process.poll() is None, self.lines
            return self.said(words)

        until(seen, seconds=seconds)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


@contextlib.contextmanager
def started(*arguments: str, env: dict[str, str], typed: str | None = None) -> Iterator[Running]:
    """Start a command that goes on; it is killed at the end if it still runs.

    Args:
        arguments: the command.
        env: its variables.
        typed: what a person types at its terminal; None for no terminal.
    """
    keyboard, terminal = pty.openpty()
    os.write(keyboard, (typed or "").encode())
    process = subprocess.Popen(
        [GUANTONG, *arguments],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL if typed is None else terminal,
    )
    running = Running(process, env)
    assert process.stdout is not None
    reader = threading.Thread(target=lambda: running.lines.extend(process.stdout or []))
    reader.start()
    try:
        yield running
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()
        os.close(keyboard)
        os.close(terminal)


def status(url: str, *, timeout: float = 5) -> int:
    """Return the status of a GET."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
