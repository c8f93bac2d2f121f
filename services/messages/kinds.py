"""What kinds of notification there are, and what follows from a kind."""

from __future__ import annotations

ALARM_KINDS = ("remind", "warn", "overdue", "escalate", "close", "unheld")
"""Written by the sweep. They are gathered: all that is due to a person at one time goes out as one mail."""

REMINDERS = ("remind", "warn", "close")
"""Told by alarms to whoever the task is with."""

FROM_SERIES = ("overdue", "escalate")
"""Told by alarms to whoever holds the position that a rung names (or to the alarm's person)."""

HANDED = ("transferred", "delegated", "answered", "signer-added")
"""Told to the one person whom the task was given to. Whoever it is given to next is told by that act."""

TO_ASSIGNEE = (
    "task-opened", "returned", "exception-granted", "due-changed", "put-back", "extension-granted", "extension-refused",
    "resumed", "urged", *HANDED, *REMINDERS,
)  # fmt: skip
"""Told to whoever the task is with: a person, or any holder of its position."""

TO_POSITION = ("extension-asked", "objected")
"""Told to whoever holds the position that the context names: they decide on what was asked."""

OF_THE_CASE = ("ended", "rejected", "failed", "jumped", "suspended", "reopened")
"""Told of the case as a whole, also to whoever lost a task by it: they lead to the case and not to a closed task."""

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
    "taken-back",
    "rejected",
    "failed",
    "filed",
    "completed",
    "stage-reached",
    "exception-granted",
    "ended",
    "due-changed",
    "put-back",
    "transferred",
    "delegated",
    "answered",
    "recalled",
    "signer-added",
    "signer-removed",
    "extension-asked",
    "extension-granted",
    "extension-refused",
    "suspended",
    "resumed",
    "reopened",
    "jumped",
    "objected",
    "objection-settled",
    "urged",
    "priority-given",
    "copied",
    "asked",
    "question-answered",
    "question-withdrawn",
)
"""Written with what somebody did to a case."""

SEASON_KINDS = ("season-missing", "season-summary", "audit-anchor")
"""About a season or the bureau; they have no case."""

PEOPLE_KINDS = ("substitute-named", "substitute-ended")
"""About who stands in for whom; their subject is the substitution."""

KINDS = (*ALARM_KINDS, *ACT_KINDS, *SEASON_KINDS, *PEOPLE_KINDS)

NEEDS_OPEN_TASK = (*ALARM_KINDS, *(kind for kind in TO_ASSIGNEE if kind not in ALARM_KINDS), *TO_POSITION)
"""Said only while the task is open. The act that closes a task voids them, but an act whose statement began before a
sweep committed cannot see what that sweep wrote; so whoever assembles and sends looks at the task again."""

UNTIL_RESUMED = tuple(kind for kind in NEEDS_OPEN_TASK if kind not in (*REMINDERS, *FROM_SERIES, "resumed"))
"""What asks somebody to act is held while the case is suspended, and said when it goes on. Reminders are not kept: the
due dates move on, and reminders begin anew."""

WITH_CALENDAR = frozenset({
    "task-opened", "returned", "remind", "warn", "due-changed", "exception-granted", "put-back", "transferred", "delegated",
    "answered", "signer-added", "extension-granted", "resumed",
})  # fmt: skip
"""Those that bring a calendar entry: their readers have something to do by a day that is to come."""

MOVES_DATES = ("due-changed", "exception-granted", "extension-granted", "resumed")
"""What tells that a due date or close has moved; a calendar entry counts them."""

SAYS_BY = frozenset(ACT_KINDS) - {"task-opened", "stage-reached", "due-changed", "filed", "completed"}
"""Those that say who did it: the act itself is the news."""

SAYS_REASON = frozenset({
    "returned", "returned-after-approval", "ended", "exception-granted", "due-changed", "taken-back", "rejected", "failed",
    "transferred", "delegated", "answered", "signer-added", "signer-removed", "extension-asked", "extension-granted",
    "extension-refused", "suspended", "resumed", "reopened", "jumped", "objected", "objection-settled",
})  # fmt: skip
"""Those that show the words with which it was done."""

URGENCY = (
    "escalate",
    "close",
    "overdue",
    "unheld",
    "urged",
    "warn",
    "remind",
    "returned",
    "transferred",
    "delegated",
    "answered",
    "signer-added",
    "extension-asked",
    "objected",
    "task-opened",
    "put-back",
    "resumed",
    "exception-granted",
    "extension-granted",
    "extension-refused",
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
