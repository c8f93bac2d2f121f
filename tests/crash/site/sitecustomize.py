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


def is_alone(connection: Any) -> bool:
    """Say whether the connection's statements commit themselves."""
    return connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"


class Watch:
    """Listens to every statement and commit of this process.

    Args:
        path: where a test puts its plan.
    """

    def __init__(self, path: Path) -> None:
        from sqlalchemy import Engine, event  # noqa: PLC0415 - only where a test watches

        self._path = path
        event.listen(Engine, "before_cursor_execute", self.before)
        event.listen(Engine, "after_cursor_execute", self.after)
        event.listen(Engine, "commit", self.committing)
        event.listen(Engine, "rollback", self.rolled_back)
        event.listen(Engine, "checkin", self.committed)

    @property
    def plan(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        return found

    def is_meant(self, statement: str) -> bool:
        marker = self.plan.get("marker")
        return marker is not None and marker in statement

    def before(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if self.is_meant(statement):
            if is_alone(connection):
                self.end_here("before")
            else:
                connection.info["dies"] = "before"

    def after(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if is_alone(connection) and self.is_meant(statement):
            self.end_here("after")

    def committing(self, connection: Any) -> None:
        if connection.info.get("dies"):
            self.end_here("before")
            connection.info["dies"] = "after"

    def committed(self, _: Any, record: Any) -> None:
        """A transaction gives its connection back right after its commit, before its caller goes on."""
        if record.info.pop("dies", None) == "after":
            self.end_here("after")

    def rolled_back(self, connection: Any) -> None:
        if not connection.invalidated:
            connection.info.pop("dies", None)

    def end_here(self, moment: str) -> None:
        """Kill this process if the plan is for this moment and nobody else has taken it."""
        wanted = self.plan
        if wanted.get("moment") != moment:
            return
        try:
            self._path.rename(self._path.with_suffix(".taken"))
        except FileNotFoundError:
            return
        if wanted.get("all"):
            os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


if SITE_VARIABLE in os.environ:
    Watch(Path(os.environ[SITE_VARIABLE]))
