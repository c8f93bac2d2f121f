"""A task's light: a colour, a shape and a word, so that nobody depends on seeing colours (catalogue, 督办)."""

from __future__ import annotations

import datetime as dt
from enum import Enum
from typing import NamedTuple

from services.i18n import N_


class Face(NamedTuple):
    """How a light looks: colour name, shape name (for the style sheet), and the gettext id of its word."""

    color: str
    shape: str
    word: str


class Light(Enum):
    """Where an open or finished task stands against its due date."""

    GREEN = Face("green", "circle", N_("In time"))
    YELLOW = Face("yellow", "triangle", N_("Due soon"))
    RED = Face("red", "square", N_("Overdue"))
    DONE = Face("green", "check", N_("Done in time"))
    DONE_LATE = Face("yellow", "check", N_("Done late"))
    NONE = Face("grey", "dash", N_("No due date"))

    @property
    def color(self) -> str:
        return self.value.color

    @property
    def shape(self) -> str:
        return self.value.shape

    @property
    def word(self) -> str:
        return self.value.word


def light(due_at: dt.datetime | None, closed_at: dt.datetime | None, now: dt.datetime, *, near_days: int = 3) -> Light:
    """Return the light of a task.

    What was finished late turns yellow and never green again (catalogue, 督办: 瓯海).

    Args:
        due_at: the instant at which the due day has ended; None where the task has no due date.
        closed_at: when the task was done; None while it is open.
        now: business time.
        near_days: within how many days before `due_at` the light is yellow.
    """
    if due_at is None:
        return Light.NONE if closed_at is None else Light.DONE
    if closed_at is not None:
        return Light.DONE if closed_at < due_at else Light.DONE_LATE
    if now >= due_at:
        return Light.RED
    return Light.YELLOW if due_at - now <= dt.timedelta(days=near_days) else Light.GREEN
