"""What a process is, as its YAML says it: stages, who acts, by when, who is told.

These are values. A case pins the digest of the resolved pack they came from, so a running case keeps its rules.
"""

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
    """By when a submission is due: the season's date, and at least so long after a return."""

    at: Literal["season.due"]
    returned: Returned | None = None


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


class AllOf(Definition):
    """会签: every one of these positions must approve; one return sends it back."""

    all_of: tuple[Actor, ...] = Field(min_length=1)


class AnyOf(Definition):
    """或签: the first of these positions to act decides."""

    any_of: tuple[Actor, ...] = Field(min_length=1)


class StageBase(Definition):
    """What every kind of stage has."""

    code: Code
    title: Localized | None = None
    notify: tuple[Actor, ...] = ()


class SubmitStage(StageBase):
    """A form is filled in and submitted by one position of the case's group."""

    kind: Literal["submit"] = "submit"
    by: Actor
    form: Code
    requires: tuple[Code, ...] = ()
    """Positions of the group that must be filled to their least number of seats before it may submit (QD-02)."""
    due: Due
    close: Close | None = None
    remind: Remind | None = None
    overdue: tuple[Rung, ...] = ()


class ApproveStage(StageBase):
    """One or several positions judge the submission."""

    kind: Literal["approve"] = "approve"
    by: Actor | AllOf | AnyOf
    within: Length
    return_to: tuple[Code, ...] = ()
    remind: Remind | None = None
    overdue: tuple[Rung, ...] = ()

    @property
    def actors(self) -> tuple[str, ...]:
        """Every position that gets a task in this stage."""
        match self.by:
            case AllOf(all_of=actors) | AnyOf(any_of=actors):
                return actors
            case actor:
                return (actor,)

    @property
    def mode(self) -> Literal["one", "any_of", "all_of"]:
        """How the opinions of the actors make one outcome."""
        match self.by:
            case AllOf():
                return "all_of"
            case AnyOf():
                return "any_of"
            case _:
                return "one"


class FileStage(StageBase):
    """备案: the case is recorded under the season's next number. Nobody acts."""

    kind: Literal["file"] = "file"
    number: str = Field(min_length=1, max_length=120)


Stage = Annotated[SubmitStage | ApproveStage | FileStage, Field(discriminator="kind")]

STAGE_KINDS = ("submit", "approve", "file")


def spread_kind(value: Any) -> Any:
    """Turn `{submit: plan, …}` as packs write it into `{kind: submit, code: plan, …}` as it is stored."""
    if not isinstance(value, dict) or "kind" in value:
        return value
    kinds = [kind for kind in STAGE_KINDS if kind in value]
    if len(kinds) != 1:
        values = {"kinds": ", ".join(STAGE_KINDS), "found": ", ".join(kinds) or "–"}
        raise ValueError(Message("a stage begins with exactly one of {kinds}; found {found}", values))
    rest = {key: item for key, item in value.items() if key != kinds[0]}
    return {"kind": kinds[0], "code": value[kinds[0]], **rest}


class SeasonRule(Definition):
    """When a season of the process opens and is due, relative to its project year."""

    every: Literal["year"]
    opens: str = Field(pattern=r"^(-1/)?\d\d-\d\d$")
    due: str = Field(pattern=r"^(-1/)?\d\d-\d\d$")


class ProcessDefinition(Definition):
    """One process: its subject, its seasons and its stages in order."""

    process: Code
    title: Localized
    subject: Literal["project-group"]
    season: SeasonRule
    stages: tuple[Annotated[Stage, BeforeValidator(spread_kind)], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _codes_are_unique(self) -> ProcessDefinition:
        codes = [stage.code for stage in self.stages]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise ValueError(Message("stage codes must differ; {twice} stands twice", {"twice": ", ".join(twice)}))
        return self

    def stage(self, code: str) -> SubmitStage | ApproveStage | FileStage:
        """Return the stage named `code`; KeyError where there is none."""
        for stage in self.stages:
            if stage.code == code:
                return stage
        raise KeyError(code)

    def index(self, code: str) -> int:
        """Return the place of stage `code` in the order of stages."""
        return [stage.code for stage in self.stages].index(code)

    def after(self, code: str) -> SubmitStage | ApproveStage | FileStage | None:
        """Return the stage that follows `code`, or None after the last."""
        following = self.index(code) + 1
        return self.stages[following] if following < len(self.stages) else None

    def actors(self) -> tuple[str, ...]:
        """Every actor that the definition names anywhere, each once, in order."""
        named: list[str] = []
        for stage in self.stages:
            named.extend(stage.notify)
            match stage:
                case SubmitStage():
                    named.append(stage.by)
                    if stage.close is not None and stage.close.exceptions is not None:
                        named.append(stage.close.exceptions)
                case ApproveStage():
                    named.extend(stage.actors)
                case FileStage():
                    pass
            if not isinstance(stage, FileStage):
                named.extend(actor for rung in stage.overdue for actor in rung.tell)
        return tuple(dict.fromkeys(named))
