"""Whether a task is with a person now: theirs by name or position, or of somebody whom they stand in for."""

from __future__ import annotations

from services.people.access import Reader
from services.process.states import TaskState
from services.workflow.locking import LockedCase
from services.workflow.represented import has


def is_with(reader: Reader, case: LockedCase, task: TaskState) -> bool:
    """Tell whether the reader may act on the task of the case."""
    programme, process = case.pack.programme, case.definition.process
    return has(reader, task.with_ or task.position, programme=programme, process=process)
