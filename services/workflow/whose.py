"""Whether a task is with a person now: theirs by name, or open to all who hold its position."""

from __future__ import annotations

from services.people.access import Reader
from services.process.states import TaskState


def is_with(reader: Reader, task: TaskState) -> bool:
    """Tell whether the reader may act on the task by themself (not for somebody else)."""
    if task.with_ is not None:
        return task.with_ == reader.person_id
    return task.position in reader.position_ids
