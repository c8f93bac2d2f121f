"""What kinds of notification there are, and what follows from a kind."""

from __future__ import annotations

ALARM_KINDS = ("remind", "warn", "overdue", "escalate", "close", "unheld")
"""Written by the sweep. They are gathered: all that is due to a person at one time goes out as one mail."""

FROM_SERIES = ("remind", "warn", "overdue", "escalate", "close")
"""Told to whoever holds the position of an alarm of this kind (or is its person)."""

TO_ASSIGNEE = ("task-opened", "returned", "exception-granted", "due-changed", "urged")
"""Told by acts to whoever holds the task's position."""

BEFORE_DUE = ("remind", "warn")
STANDS_FOR = ("remind", "close", "overdue")
"""What may stand for a reminder whose due date has passed, the best last: they speak to those who have to act."""

ACT_KINDS = (
    "task-opened",
    "returned",
    "submitted",
    "closed-by-other",
    "returned-after-approval",
    "withdrawn",
    "filed",
    "stage-reached",
    "exception-granted",
    "ended",
    "due-changed",
    "urged",
    "priority-given",
    "copied",
    "asked",
    "answered",
    "question-withdrawn",
)
"""Written with what somebody did to a case."""

SEASON_KINDS = ("season-missing", "season-summary", "audit-anchor")
"""About a season or the bureau; they have no case."""

KINDS = (*ALARM_KINDS, *ACT_KINDS, *SEASON_KINDS)

NEEDS_OPEN_TASK = (*ALARM_KINDS, *TO_ASSIGNEE)
"""Said only while the task is open. The act that closes a task voids them, but an act whose statement began before a
sweep committed cannot see what that sweep wrote; so whoever assembles and sends looks at the task again."""

WITH_CALENDAR = frozenset({"task-opened", "returned", "remind", "warn", "due-changed", "exception-granted"})
"""Those that bring a calendar entry: their readers have something to do by a day that is to come."""

URGENCY = (
    "escalate",
    "close",
    "overdue",
    "unheld",
    "urged",
    "warn",
    "remind",
    "returned",
    "task-opened",
    "exception-granted",
    "due-changed",
    "asked",
    "answered",
    "priority-given",
    "copied",
)
"""The order in a digest; whatever is not named follows. An escalation stands before every reminder."""


def urgency(kind: str) -> int:
    """Return the kind's place in a digest."""
    return URGENCY.index(kind) if kind in URGENCY else len(URGENCY)
