"""Seconds until the page answers and until Prefect runs, and the resident memory of each process when idle.

`guantong demo` on a fresh data folder. `ours` is until the page answers, `ceiling` until Prefect's server does.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from benchmarks.http import free_port
from benchmarks.measure import Figure

ROUNDS = 3
IDLE = 15.0
LONGEST = 180.0


async def start(_server: str) -> list[Figure]:
    page, prefect, memory = [], [], {}
    for _ in range(ROUNDS):
        first, second, memory = await asyncio.to_thread(_once)
        page.append(first)
        prefect.append(second)
    more = {"memory_mib": memory}
    note = "ours: the page answers; ceiling: Prefect answers; memory after some seconds of rest"
    return [Figure("start", "s", page, prefect, note=note, more=more)]


def _once() -> tuple[float, float, dict[str, int]]:
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        Path(home).chmod(0o755)
        web, prefect = free_port(), free_port()
        environment = {
            **os.environ, "GUANTONG_HOME": home, "GUANTONG_PORT": str(web), "GUANTONG_PREFECT_PORT": str(prefect),
        }  # fmt: skip
        command = [sys.executable, "-c", "from services.cli import main; main()", "demo"]
        began = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            page = _until(f"http://127.0.0.1:{web}/healthz", began)
            ready = _until(f"http://127.0.0.1:{prefect}/api/health", began)
            time.sleep(IDLE)
            return page, ready, _memory(process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _until(address: str, began: float) -> float:
    while time.perf_counter() - began < LONGEST:
        try:
            urllib.request.urlopen(address, timeout=2)
        except urllib.error.HTTPError:
            return time.perf_counter() - began  # it answers, though it wants a secret
        except OSError:
            time.sleep(0.1)
        else:
            return time.perf_counter() - began
    raise RuntimeError(f"{address} does not answer")


def _memory(pid: int) -> dict[str, int]:
    """Return the resident memory of each kind of process, in MiB."""
    sizes: dict[str, int] = {}
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        try:
            kind, size = _kind(process.cmdline()), process.memory_info().rss
        except psutil.Error:
            continue
        sizes[kind] = sizes.get(kind, 0) + size // 2**20
    return dict(sorted(sizes.items()))


def _kind(command: list[str]) -> str:
    text = " ".join(command)
    names = (
        ("lifeline", "lifeline"), ("postgres", "postgres"), ("uvicorn services.web", "web"), ("schedules.runner", "clock"),
        ("worker start", "prefect worker"), ("server start", "prefect server"), ("prefect.server", "prefect server"),
        ("flow-run", "flow run"), ("demo", "supervisor"),
    )  # fmt: skip
    return next((name for mark, name in names if mark in text), "other")
