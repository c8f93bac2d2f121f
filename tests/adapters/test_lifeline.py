"""What a parent started ends with it, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.homes import until

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.crash

PARENT = """
import subprocess, sys, time
from services.adapters.lifeline import Lifeline
line = Lifeline()
child = subprocess.Popen([sys.executable, "-m", "services.adapters.lifeline", *sys.argv[1:]],
    env=line.environment() | {"PYTHONPATH": "."}, pass_fds=(line.read_end,), start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""
# Ignores SIGTERM, and leaves a grandchild in a session of its own whose parent is gone: nothing but a look at all
# processes finds that one.
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    subprocess.Popen(["sleep", "601"], start_new_session=True)
    os._exit(0)
os.wait()
subprocess.Popen(["sleep", "602"], start_new_session=True)
open(sys.argv[1], "w").write("ready")
time.sleep(600)
"""


def start(tmp_path: Path, *arguments: str) -> tuple[subprocess.Popen[str], psutil.Process]:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.stdout.close()
    until((tmp_path / "ready").exists, seconds=10)
    return parent, child


def stubborn(tmp_path: Path) -> list[str]:
    return ["--", sys.executable, "-c", STUBBORN, str(tmp_path / "ready")]


def family(child: psutil.Process) -> list[psutil.Process]:
    return [child, *child.children(recursive=True)]


def gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


def test_kill_9_of_the_parent_ends_program_and_orphans_within_five_seconds(tmp_path: Path) -> None:
    parent, child = start(tmp_path, "--grace", "1", *stubborn(tmp_path))
    # The wrapper, the program, the child in its own session, and the orphan, which the wrapper has adopted.
    processes = family(child)
    assert len(processes) == 4
    parent.kill()
    parent.wait()
    until(lambda: gone(processes), seconds=5)


def test_kill_9_of_the_wrapper_ends_its_program(tmp_path: Path) -> None:
    parent, child = start(tmp_path, *stubborn(tmp_path))
    program = child.children()[0]
    rest = child.children(recursive=True)
    child.kill()
    try:
        until(lambda: gone([program]), seconds=5)
    finally:
        parent.kill()
        parent.wait()
        for process in rest:
            if process.is_running():
                process.kill()


def test_terminating_the_wrapper_gives_the_program_its_own_signal(tmp_path: Path) -> None:
    polite = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: (open(sys.argv[1] + '-bye', 'w').close(), sys.exit(7)))\n"
        "open(sys.argv[1], 'w').close(); time.sleep(600)"
    )
    parent, child = start(tmp_path, "--stop", "SIGINT", "--", sys.executable, "-c", polite, str(tmp_path / "ready"))
    child.send_signal(signal.SIGTERM)
    until(lambda: gone([child]), seconds=5)
    assert (tmp_path / "ready-bye").exists()
    parent.kill()
    parent.wait()


def test_a_module_with_the_watch_inside_ends_with_its_parent(tmp_path: Path) -> None:
    (tmp_path / "stuck.py").write_text(
        "import signal, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "open(sys.argv[1], 'w').close()\nwhile True: time.sleep(600)\n"
    )
    here = PARENT.replace('"PYTHONPATH": "."', f'"PYTHONPATH": ".:{tmp_path}"')
    command = ["--grace", "1", "--module", "stuck", str(tmp_path / "ready")]
    parent = subprocess.Popen([sys.executable, "-c", here, *command], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.stdout.close()
    until((tmp_path / "ready").exists, seconds=10)
    parent.kill()
    parent.wait()
    assert until(lambda: gone([child]), seconds=5) > 0.5, "it was given its grace first"


def test_a_process_run_by_hand_needs_no_parent(tmp_path: Path) -> None:
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "services.adapters.lifeline", "--", sys.executable, "-c", "raise SystemExit(3)"],
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 3
    assert time.monotonic() - begin < 5
