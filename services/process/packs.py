"""What a programme pack says: settings, units, project groups, positions, processes and forms. Values, no I/O.

A pack is stored resolved: one JSON document with everything in it and every default written out. Its digest is the
SHA-256 of that document's canonical JSON (keys sorted, no spaces, UTF-8). A stored version is known by the digest
that was computed when it was loaded; a later release may write more defaults and then gives the same files another
digest, which makes a new version and leaves the stored one as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from services.i18n import Message
from services.process.calendar import CalendarData
from services.process.definitions import ClockTime, Code, Definition, Localized, ProcessDefinition
from services.process.forms import FormDefinition

GUIDING_UNIT, BASE_SCHOOL = "guiding-unit", "base-school"
"""Stand-ins in an actor: the unit that guides, or hosts, the group of the case (QD-33, QD-12)."""

UnitKind = Literal["bureau", "office", "institute", "school", "base", "government"]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(Message("“{name}” is no time zone; write for example Asia/Shanghai", {"name": name})) from None
    return name


class Settings(Definition):
    """What holds for the whole programme.

    roll_forward: whether a last day on a day off moves to the next workday (Qingdao: it does not).
    near_days: from how many days before the due date a task counts as near. remind_at: the local time of day of
    whatever says none itself. urge_every_hours: an open task is urged (催办) at most once in so many hours, by anybody.
    """

    timezone: Annotated[str, AfterValidator(_known_zone)]
    locale: Literal["zh", "en"] = "zh"
    roll_forward: bool = False
    near_days: int = Field(default=7, ge=0, le=90)
    remind_at: ClockTime
    urge_every_hours: int = Field(default=24, ge=1, le=720)


class UnitEntry(Definition):
    """A unit of the bureau. Exactly one has the kind `bureau` and no parent."""

    code: Code
    title: Localized
    kind: UnitKind
    parent: Code | None = None


class Subject(Definition):
    code: Code
    title: Localized


class GroupEntry(Definition):
    """A project group (QD-01): its subjects, the unit that guides it (QD-33), the base that hosts it (QD-12)."""

    code: Code
    title: Localized
    subjects: tuple[Subject, ...] = Field(min_length=1)
    guiding_unit: Code
    base_unit: Code


class Seats(Definition):
    """How many people hold a position at once: at least `min` before the group may submit, at most `max` (QD-02)."""

    min: int = Field(default=1, ge=0)
    max: int | None = Field(default=None, ge=1)


class GroupPosition(Definition):
    """A role that every project group has."""

    role: Code
    title: Localized
    at: Literal["group"]
    seats: Seats = Seats()


class UnitPosition(Definition):
    """A role at units: those of some kinds, and those named."""

    role: Code
    title: Localized
    at: Literal["unit"]
    kinds: tuple[UnitKind, ...] = ()
    units: tuple[Code, ...] = ()
    seats: Seats = Seats()

    def stands_at(self, unit: UnitEntry) -> bool:
        """Tell whether `unit` has this position."""
        return unit.kind in self.kinds or unit.code in self.units


PositionEntry = Annotated[GroupPosition | UnitPosition, Field(discriminator="at")]


class Place(NamedTuple):
    """One position that the pack sets up: a role in a group or at a unit, the other None."""

    role: str
    title: Localized
    group: str | None
    unit: str | None


class Pack(Definition):
    """A programme pack, resolved."""

    programme: Code
    title: Localized
    basis: Localized
    settings: Settings
    units: tuple[UnitEntry, ...] = Field(min_length=1)
    groups: tuple[GroupEntry, ...] = ()
    positions: tuple[PositionEntry, ...] = Field(min_length=1)
    processes: tuple[ProcessDefinition, ...] = ()
    forms: tuple[FormDefinition, ...] = ()
    calendar: CalendarData = CalendarData()

    @field_validator("calendar")
    @classmethod
    def _same_zone(cls, calendar: CalendarData, info: ValidationInfo) -> CalendarData:
        """Let the calendar follow the programme's time zone: a pack says it once."""
        settings = info.data.get("settings")
        return calendar.model_copy(update={"zone": settings.timezone}) if settings else calendar

    def resolved(self) -> dict[str, Any]:
        """Return the whole pack as JSON values; `Pack.model_validate` of it is this pack again."""
        return self.model_dump(mode="json")

    def digest(self) -> str:
        """Return the SHA-256 (hex) of the canonical JSON of `resolved()`."""
        text = json.dumps(self.resolved(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def process(self, code: str) -> ProcessDefinition:
        """Return the process named `code`; KeyError where there is none."""
        return {process.process: process for process in self.processes}[code]

    def form(self, code: str) -> FormDefinition:
        """Return the form named `code`; KeyError where there is none."""
        return {form.form: form for form in self.forms}[code]

    def unit(self, code: str) -> UnitEntry:
        """Return the unit named `code`; KeyError where there is none."""
        return {unit.code: unit for unit in self.units}[code]

    def group(self, code: str) -> GroupEntry:
        """Return the project group named `code`; KeyError where there is none."""
        return {group.code: group for group in self.groups}[code]

    def position(self, role: str, *, at: Literal["group", "unit"]) -> GroupPosition | UnitPosition:
        """Return the position of that role; KeyError where there is none."""
        return {(position.role, position.at): position for position in self.positions}[role, at]

    def places(self) -> Iterator[Place]:
        """Yield every position that the pack sets up, in the order of its positions."""
        for position in self.positions:
            if isinstance(position, GroupPosition):
                for group in self.groups:
                    yield Place(position.role, position.title, group.code, None)
            else:
                for unit in self.units:
                    if position.stands_at(unit):
                        yield Place(position.role, position.title, None, unit.code)

    def units_of(self, name: str) -> list[UnitEntry]:
        """Return the units that the unit part of an actor stands for; [] where the pack knows none."""
        if name == GUIDING_UNIT:
            codes = {group.guiding_unit for group in self.groups}
        elif name == BASE_SCHOOL:
            codes = {group.base_unit for group in self.groups}
        else:
            codes = {name}
        return [unit for unit in self.units if unit.code in codes]
