"""Data folders for tests that start real servers, and a look at what runs on them."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil


@contextlib.contextmanager
def passable_folder() -> Iterator[Path]:
    """A fresh folder that other accounts may pass: as root, PostgreSQL runs under one, and pytest's own folders are 0700."""
    folder = Path(tempfile.mkdtemp(prefix="guantong-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def running_on(home: Path) -> list[psutil.Process]:
    """Every process that has the folder in its command line, its environment or as its working folder."""
    found, name, own = [], str(home), psutil.Process()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process == own or process.status() == psutil.STATUS_ZOMBIE:
                continue
            places = [*process.cmdline(), process.cwd(), *process.environ().values()]
            if any(name in place for place in places):
                found.append(process)
    return found


def until(condition: Callable[[], object], *, seconds: float) -> float:
    """Wait for the condition; return how long it took."""
    begin = time.monotonic()
    while not condition():
        waited = time.monotonic() - begin
        assert waited < seconds, f"not so within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - begin
