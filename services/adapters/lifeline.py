"""Processes that end with their parent, however it ends.

The parent holds the writing end of a pipe; its children hold the reading end. When the parent is gone, `kill -9`
included, the kernel closes the pipe and every child reads its end. Two ways to hold it:

- our own processes: `python -m services.adapters.lifeline --module uvicorn …` watches in a thread, then runs the module;
- foreign programs (PostgreSQL, Prefect): `python -m services.adapters.lifeline -- program …` stays beside the program
  and ends it with everything that it started, also what has left its process group.

Standard library only, and little of it: this runs once per child and stays in memory.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

PARENT_FD = "GUANTONG_PARENT_FD"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
POLL = 0.05


class Lifeline:
    """The parent's side: a pipe whose writing end nobody else ever has."""

    def __init__(self) -> None:
        self.read_end, self._write_end = os.pipe()

    def environment(self) -> dict[str, str]:
        """Return the variable by which a child finds its end; give it `pass_fds=(read_end,)` too."""
        return {PARENT_FD: str(self.read_end)}

    def close(self) -> None:
        """Let go: children that are still there end."""
        for end in (self._write_end, self.read_end):
            os.close(end)


def watch(*, grace: float = 3) -> None:
    """End this process when the parent is gone: first as by SIGTERM, after `grace` seconds at once.

    Does nothing where no parent gave a pipe, so that a process may also be run by hand.
    """
    number = os.environ.pop(PARENT_FD, None)
    if number is not None:
        threading.Thread(target=_watch, args=(int(number), grace), name="lifeline", daemon=True).start()


def _watch(read_end: int, grace: float) -> None:
    os.read(read_end, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace)
    kill_tree(os.getpid())
    os._exit(1)


def _descendants(pid: int) -> list[int]:
    """Return the pids below `pid`, from /proc or, where there is none, from ps."""
    below: dict[int, list[int]] = {}
    for child, parent in _parents():
        below.setdefault(parent, []).append(child)
    found, queue = [], [pid]
    while queue:
        children = below.get(queue.pop(), [])
        found += children
        queue += children
    return found


def _parents() -> Iterable[tuple[int, int]]:
    if not Path("/proc/self/stat").exists():
        lines = subprocess.run(["/bin/ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        return [(int(a), int(b)) for a, b in (line.split() for line in lines.splitlines())]
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The command name stands in brackets and may hold anything, so count from its end.
                found.append((int(entry.name), int((entry / "stat").read_text().rpartition(")")[2].split()[1])))
            except OSError:
                continue  # it ended while we looked
    return found


def kill_tree(pid: int) -> None:
    """SIGKILL everything below `pid`, again until nothing new has been started meanwhile; never `pid` itself."""
    for _ in range(20):
        below = _descendants(pid)
        if not below:
            return
        for child in below:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue
        _reap()
        time.sleep(POLL)


def _reap() -> None:
    """Collect adopted children that have ended; the started one's status is kept by its Popen."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        pass


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _beside(command: list[str], *, stop: signal.Signals, grace: float, patience: float, account: str | None) -> int:
    """Run the program until it ends, the parent is gone, or we are told to stop; leave nothing of it behind."""
    read_end = int(os.environ.pop(PARENT_FD, "-1"))
    _prctl(PR_SET_CHILD_SUBREAPER, 1)  # what the program orphans comes to us instead of to init
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    user, group = (int(part) for part in account.split(":")) if account else (None, None)
    child = subprocess.Popen(
        command,
        process_group=0,
        user=user,
        group=group,
        extra_groups=None if account is None else [],
        preexec_fn=lambda: _prctl(PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509  no threads in this process
    )
    orphaned = False
    while child.poll() is None and not stopping.is_set() and not orphaned:
        orphaned = _parent_gone(read_end)
    code = _stop(child, stop=stop, grace=grace if orphaned else patience)
    kill_tree(os.getpid())
    return code


def _parent_gone(read_end: int) -> bool:
    if read_end < 0:
        time.sleep(POLL)
        return False
    return bool(select.select([read_end], [], [], POLL)[0])


def _stop(child: subprocess.Popen[bytes], *, stop: signal.Signals, grace: float) -> int:
    if child.poll() is None:
        child.send_signal(stop)
    try:
        return child.wait(grace)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lifeline")
    parser.add_argument("--stop", default="SIGTERM", help="the signal that ends the program in good order")
    parser.add_argument(
        "--grace", type=float, default=3.0, help="seconds until it is ended at once when the parent is gone"
    )
    parser.add_argument("--patience", type=float, default=6.0, help="the same when the parent asks it to stop")
    parser.add_argument("--account", help="uid:gid under which the program runs")
    parser.add_argument("--module", help="run this module in this process, with the rest as its arguments")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Run a module or a program as the command line says; return its exit code."""
    options = _arguments(argv)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if options.module:
        watch(grace=options.grace)
        sys.argv = [options.module, *command]
        runpy.run_module(options.module, run_name="__main__", alter_sys=True)
        return 0
    stop = signal.Signals[options.stop]
    return _beside(command, stop=stop, grace=options.grace, patience=options.patience, account=options.account)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
