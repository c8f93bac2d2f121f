"""Ends a process at a commit, when a test asks for it. The product has no hook for that: this hangs on SQLAlchemy's events.

Python imports a module of this name when it starts, here because this folder is on the process's PYTHONPATH.
GUANTONG_TEST_CRASH names a file; where a test has put a plan there, the first process that commits a transaction with a
statement holding `marker` is killed: `before` the commit, or `after` it and before anybody is answered. A plan is taken by
renaming it, so one process dies for it, once. `all`: what started the process dies first, as in a power cut.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

SITE_VARIABLE = "GUANTONG_TEST_CRASH"


def plan(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return found


def end_here(path: Path, moment: str) -> None:
    """Kill this process if the plan is for this moment and nobody else has taken it."""
    wanted = plan(path)
    if wanted.get("moment") != moment:
        return
    try:
        path.rename(path.with_suffix(".taken"))
    except FileNotFoundError:
        return
    if wanted.get("all"):
        os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def watch(path: Path) -> None:
    from sqlalchemy import Engine, event  # noqa: PLC0415 - only where a test watches

    def is_meant(statement: str) -> bool:
        marker = plan(path).get("marker")
        return marker is not None and marker in statement

    @event.listens_for(Engine, "before_cursor_execute")
    def begin(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if not is_meant(statement):
            return
        if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            end_here(path, "before")
        else:
            connection.info["dies"] = "before"

    @event.listens_for(Engine, "after_cursor_execute")
    def executed(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        alone = connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
        if alone and is_meant(statement):
            end_here(path, "after")

    @event.listens_for(Engine, "commit")
    def committing(connection: Any) -> None:
        if connection.info.get("dies"):
            end_here(path, "before")
            connection.info["dies"] = "after"

    @event.listens_for(Engine, "rollback")
    def forgotten(connection: Any) -> None:
        connection.info.pop("dies", None)

    @event.listens_for(Engine, "checkin")
    def committed(_: Any, record: Any) -> None:
        # A transaction gives its connection back right after its commit, before its caller goes on.
        if record.info.pop("dies", None) == "after":
            end_here(path, "after")


if SITE_VARIABLE in os.environ:
    watch(Path(os.environ[SITE_VARIABLE]))
