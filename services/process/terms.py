"""The small words of a definition: codes, actors, texts in two languages, lengths of time, and what is due when."""

from __future__ import annotations

import re
from datetime import time
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from services.i18n import Message

CODE = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
ACTOR = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*(/[a-z][a-z0-9]*(-[a-z0-9]+)*)?$"

Code = Annotated[str, Field(pattern=CODE, max_length=60)]
Actor = Annotated[str, Field(pattern=ACTOR, max_length=120)]
"""Who acts: `role` is a position of the case's group, `unit/role` a position at a unit.

`guiding-unit` and `base-school` stand for the unit that guides or hosts the case's group.
"""


class Definition(BaseModel):
    """Base of everything read from a pack: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @cached_property
    def _known_hash(self) -> int:
        return hash((type(self), *(getattr(self, name) for name in type(self).model_fields)))

    def __hash__(self) -> int:
        """Hash the values once: definitions are keys of what is worked out from them, at every act."""
        return self._known_hash


class Localized(Definition):
    """One text in the languages of the service."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)

    def in_(self, locale: str) -> str:
        """Return the text for `locale` (`zh…` or anything else for English)."""
        return self.zh if locale.startswith("zh") else self.en


class Span(BaseModel):
    """A length of time: `5wd` is five workdays, `30d` thirty calendar days."""

    model_config = ConfigDict(frozen=True)
    n: int = Field(ge=0, le=3660)
    unit: Literal["d", "wd"]

    def __str__(self) -> str:
        return f"{self.n}{self.unit}"


def parse_span(value: Any) -> Any:
    """Read `5wd` or `30d`; anything else is left for pydantic to refuse."""
    if isinstance(value, str):
        match = re.fullmatch(r"(\d+)(wd|d)", value)
        if match is None:
            raise ValueError(
                Message(
                    "“{value}” is not a length of time; write for example 5wd (workdays) or 30d (days)",
                    {"value": value},
                )
            )
        return Span(n=int(match[1]), unit=match[2])
    return value


Length = Annotated[Span, BeforeValidator(parse_span), PlainSerializer(str, return_type=str)]


def parse_clock_time(value: Any) -> Any:
    """Read `09:00`; YAML may already have turned an unquoted 9:00 into minutes, which is refused with the cure."""
    if isinstance(value, int):
        raise ValueError(Message('write the time in quotes, for example "09:00"'))  # noqa: TRY004 - pydantic turns ValueError into a problem
    return value


ClockTime = Annotated[time, BeforeValidator(parse_clock_time), PlainSerializer(lambda t: t.strftime("%H:%M"))]


class Due(Definition):
    """By when a submission is due: the season's date, or so long after its visit opened; and at least so long after a return."""

    at: Literal["season.due"] | None = None
    within: Length | None = None
    returned: Returned | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> Due:
        if (self.at is None) == (self.within is None):
            raise ValueError(Message('write either at: season.due or within: a length of time, for example "5wd"'))
        return self


class Returned(Definition):
    """How long a returned submitter has at the least, also after the season's due date."""

    at_least: Length


class Close(Definition):
    """When a late submission is no longer accepted, and who may grant an exception to that."""

    after: Length
    from_: Literal["visit-due"] = Field(alias="from", default="visit-due")
    exceptions: Actor | None = None

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class Remind(Definition):
    """Reminders before the due date, each at a local time of day."""

    before: tuple[Length, ...] = Field(min_length=1)
    at: ClockTime


class Rung(Definition):
    """One rung of the overdue ladder: from when after the due date, how often, until when, to whom."""

    after: Length
    every: Length
    until: Literal["close", "done"] = "done"
    tell: tuple[Actor, ...] = Field(min_length=1)


class Extension(Definition):
    """延期: who may grant more time when it is asked for before the due date, how much at the most, and how often."""

    by: Actor
    at_most: Length
    times: int = Field(default=1, ge=1, le=10)
