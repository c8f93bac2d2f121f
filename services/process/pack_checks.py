"""What a pack says wrongly although each value is well formed: names that lead nowhere, stages in an impossible order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from difflib import get_close_matches
from typing import NamedTuple

from services.i18n import N_, Message
from services.process.definitions import (
    AllOf,
    AnyOf,
    ApproveStage,
    FileStage,
    ProcessDefinition,
    Stage,
    SubmitStage,
)
from services.process.forms.references import lost_references
from services.process.numbers import PLACES, may_coincide, places_of
from services.process.packs import BASE_SCHOOL, GUIDING_UNIT, GroupPosition, Pack, UnitPosition

Loc = tuple[str | int, ...]


class Mistake(NamedTuple):
    """Where in the resolved pack, and what would be right.

    name: the name that leads nowhere, if it is that. of_order: it is a matter of how all stages follow each other.
    """

    loc: Loc
    message: Message
    name: str | None = None
    of_order: bool = False


def check(pack: Pack) -> list[Mistake]:
    """Return every mistake between the parts of a pack; [] if it may be loaded."""
    return [
        *_twice(pack),
        *_unit_mistakes(pack),
        *_group_mistakes(pack),
        *_position_mistakes(pack),
        *_process_mistakes(pack),
        *_numbers_twice(pack),
        *_form_mistakes(pack),
    ]


def suggest(name: str, known: Sequence[str]) -> Message:
    """Return what a reader may have meant by `name`."""
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        return Message("did you mean {near}?", {"near": near[0]})
    return Message("known are {known}", {"known": ", ".join(known) or "–"})


def _unknown(loc: Loc, what: Message, name: str, known: Sequence[str]) -> Mistake:
    values = {"what": what, "name": name, "suggestion": suggest(name, known)}
    return Mistake(loc, Message("there is no {what} “{name}”; {suggestion}", values), name)


def _twice(pack: Pack) -> Iterator[Mistake]:
    sections: dict[tuple[str, str], list[str]] = {
        ("units", "code"): [unit.code for unit in pack.units],
        ("groups", "code"): [group.code for group in pack.groups],
        ("positions", "role"): [f"{position.at}:{position.role}" for position in pack.positions],
        ("processes", "process"): [process.process for process in pack.processes],
        ("forms", "form"): [form.form for form in pack.forms],
    }
    for (section, key), codes in sections.items():
        for index, code in enumerate(codes):
            if code in codes[:index]:
                name = code.split(":")[-1]
                yield Mistake(
                    (section, index, key),
                    Message("“{name}” stands here for the second time; every code stands once", {"name": name}),
                )
    yield from _subjects_twice(pack)


def _subjects_twice(pack: Pack) -> Iterator[Mistake]:
    """QD-01: a subject has one group."""
    seen: dict[str, str] = {}
    for index, group in enumerate(pack.groups):
        for number, subject in enumerate(group.subjects):
            if subject.code in seen:
                values = {"subject": subject.code, "group": seen[subject.code]}
                words = Message(
                    "the subject {subject} belongs to the group {group} already; a subject has one group", values
                )
                yield Mistake(("groups", index, "subjects", number, "code"), words)
            seen.setdefault(subject.code, group.code)


def _unit_mistakes(pack: Pack) -> Iterator[Mistake]:
    codes = [unit.code for unit in pack.units]
    roots = [unit.code for unit in pack.units if unit.kind == "bureau"]
    if len(roots) != 1:
        values = {"count": len(roots)}
        yield Mistake(("units",), Message("exactly one unit has the kind bureau; found {count}", values), of_order=True)
    for index, unit in enumerate(pack.units):
        if unit.parent is None and unit.kind != "bureau":
            words = Message("write the parent of this unit; only the bureau itself has none")
            yield Mistake(("units", index, "code"), words)
        elif unit.parent is not None and unit.parent not in codes:
            yield _unknown(("units", index, "parent"), Message("unit"), unit.parent, codes)
        elif unit.parent is not None and _in_circle(pack, unit.code):
            yield Mistake(("units", index, "parent"), Message("the parents of this unit lead in a circle"))


def _in_circle(pack: Pack, code: str) -> bool:
    parents = {unit.code: unit.parent for unit in pack.units}
    seen: set[str] = set()
    at: str | None = code
    while at is not None and at not in seen:
        seen.add(at)
        at = parents.get(at)
    return at is not None


def _group_mistakes(pack: Pack) -> Iterator[Mistake]:
    codes = [unit.code for unit in pack.units]
    for index, group in enumerate(pack.groups):
        if group.guiding_unit not in codes:
            yield _unknown(("groups", index, "guiding_unit"), Message("unit"), group.guiding_unit, codes)
        if group.base_unit not in codes:
            yield _unknown(("groups", index, "base_unit"), Message("unit"), group.base_unit, codes)


def _position_mistakes(pack: Pack) -> Iterator[Mistake]:
    codes = [unit.code for unit in pack.units]
    for index, position in enumerate(pack.positions):
        seats = position.seats
        if seats.max is not None and seats.max < seats.min:
            yield Mistake(
                ("positions", index, "seats", "max"),
                Message("max is less than min; write at least {min}", {"min": seats.min}),
            )
        if isinstance(position, UnitPosition):
            for number, code in enumerate(position.units):
                if code not in codes:
                    yield _unknown(("positions", index, "units", number), Message("unit"), code, codes)
            if not any(position.stands_at(unit) for unit in pack.units):
                words = Message("no unit has this position; name units or kinds of units")
                yield Mistake(("positions", index, "role"), words, of_order=True)


def _form_mistakes(pack: Pack) -> Iterator[Mistake]:
    for index, form in enumerate(pack.forms):
        for loc, name, known in lost_references(form):
            yield _unknown(("forms", index, *loc), Message("field that can be compared here,"), name, known)


def _process_mistakes(pack: Pack) -> Iterator[Mistake]:
    for index, process in enumerate(pack.processes):
        root: Loc = ("processes", index)
        yield from _season_mistakes(process, root)
        yield from _order_mistakes(process, root)
        for number, stage in enumerate(process.stages):
            place: Loc = (*root, "stages", number)
            yield from _actor_mistakes(pack, stage, place)
            match stage:
                case SubmitStage():
                    yield from _submit_mistakes(pack, stage, place)
                case ApproveStage():
                    yield from _return_mistakes(process, stage, place)
                case FileStage():
                    yield from _number_mistakes(stage, place)


def _season_mistakes(process: ProcessDefinition, root: Loc) -> Iterator[Mistake]:
    days: dict[str, date] = {}
    for key in ("opens", "due"):
        text: str = getattr(process.season, key)
        year, rest = (2026, text[3:]) if text.startswith("-1/") else (2027, text)
        try:
            days[key] = date.fromisoformat(f"{year}-{rest}")
        except ValueError:
            words = Message(
                "there is no day “{text}” in every year; write month and day, for example 01-31", {"text": text}
            )
            yield Mistake((*root, "season", key), words)
    if len(days) == 2 and days["opens"] >= days["due"]:  # noqa: PLR2004 - both parsed
        words = Message(
            'the season opens on or after the day it is due; write for example "-1/{text}" for the year before',
            {"text": process.season.opens},
        )
        yield Mistake((*root, "season", "opens"), words)


def _order_mistakes(process: ProcessDefinition, root: Loc) -> Iterator[Mistake]:
    last = len(process.stages) - 1
    for number, stage in enumerate(process.stages):
        place: Loc = (*root, "stages", number)
        if isinstance(stage, SubmitStage) != (number == 0):
            words = (
                Message(
                    "the first stage must be a submit stage: there is nothing yet that {stage} could act on",
                    {"stage": stage.code},
                )
                if number == 0
                else Message("a submit stage stands first; {stage} could not be reached here", {"stage": stage.code})
            )
            yield Mistake(place, words, of_order=True)
        if isinstance(stage, FileStage) and number != last:
            after = ", ".join(each.code for each in process.stages[number + 1 :])
            yield Mistake(
                place, Message("a file stage ends the process; {after} after it can never be reached", {"after": after})
            )
        if number == last and not isinstance(stage, FileStage):
            words = Message("the process ends nowhere: after {stage} write a file stage", {"stage": stage.code})
            yield Mistake(place, words, of_order=True)


def _submit_mistakes(pack: Pack, stage: SubmitStage, place: Loc) -> Iterator[Mistake]:
    forms = [form.form for form in pack.forms]
    roles = [position.role for position in pack.positions if isinstance(position, GroupPosition)]
    if stage.form not in forms:
        yield _unknown((*place, "form"), Message("form"), stage.form, forms)
    for number, role in enumerate(stage.requires):
        if role not in roles:
            yield _unknown((*place, "requires", number), Message("position of a project group"), role, roles)
    if stage.close is None:
        for number, rung in enumerate(stage.overdue):
            if rung.until == "close":
                words = Message("this stage has no close; write until: done, or give the stage a close")
                yield Mistake((*place, "overdue", number, "until"), words, of_order=True)


def _return_mistakes(process: ProcessDefinition, stage: ApproveStage, place: Loc) -> Iterator[Mistake]:
    earlier = [each.code for each in process.stages[: process.index(stage.code)] if not isinstance(each, FileStage)]
    if not stage.return_to:
        values = {"earlier": ", ".join(earlier) or "–"}
        words = Message(
            "a dead end: what is not good enough could go nowhere; write return_to with some of {earlier}", values
        )
        yield Mistake((*place, "approve"), words, of_order=True)
    for number, code in enumerate(stage.return_to):
        if code not in earlier:
            yield _unknown((*place, "return_to", number), Message("earlier stage"), code, earlier)
    for number, rung in enumerate(stage.overdue):
        if rung.until == "close":
            words = Message("an approve stage has no close; write until: done")
            yield Mistake((*place, "overdue", number, "until"), words)


def _number_mistakes(stage: FileStage, place: Loc) -> Iterator[Mistake]:
    where: Loc = (*place, "number")
    example = '"QJ-{season}-{serial:03d}"'
    names = places_of(stage.number)
    if names is None:
        values = {"number": stage.number, "places": ", ".join(PLACES), "example": example}
        words = N_("“{number}” cannot be filled in; its places may be {places}, for example {example}")
        yield Mistake(where, Message(words, values))
    elif "serial" not in names:
        words = N_("the number has no place for the serial, so two filings would share it; write for example {example}")
        yield Mistake(where, Message(words, {"example": example}))
    elif "season" not in names:
        words = N_("the number has no place for the season, so two seasons would share it; write for example {example}")
        yield Mistake(where, Message(words, {"example": example}))


def _numbers_twice(pack: Pack) -> Iterator[Mistake]:
    """A bureau's number belongs to one filing; the second that would get it could never be filed."""
    groups = [group.code for group in pack.groups]
    seen: list[tuple[str, str]] = []
    for index, process in enumerate(pack.processes):
        for number, stage in enumerate(process.stages):
            if not isinstance(stage, FileStage) or places_of(stage.number) is None:
                continue
            for known, whose in seen:
                if may_coincide(stage.number, known, groups=groups, others=groups):
                    values = {"number": stage.number, "process": whose, "other": known}
                    words = N_(
                        "“{number}” could write the same number as “{other}” of {process}; begin it with other letters"
                    )
                    yield Mistake(("processes", index, "stages", number, "number"), Message(words, values))
            seen.append((stage.number, process.process))


def _actor_mistakes(pack: Pack, stage: Stage, place: Loc) -> Iterator[Mistake]:
    for loc, actor in _actors(stage):
        mistake = _actor_mistake(pack, actor, (*place, *loc))
        if mistake is not None:
            yield mistake


def _actors(stage: Stage) -> Iterator[tuple[Loc, str]]:
    """Yield every actor of a stage with its place in the stage."""
    yield from ((("notify", number), actor) for number, actor in enumerate(stage.notify))
    if isinstance(stage, FileStage):
        return
    match stage.by:
        case AllOf(all_of=actors):
            yield from ((("by", "all_of", number), actor) for number, actor in enumerate(actors))
        case AnyOf(any_of=actors):
            yield from ((("by", "any_of", number), actor) for number, actor in enumerate(actors))
        case actor:
            yield ("by",), actor
    if isinstance(stage, SubmitStage) and stage.close is not None and stage.close.exceptions is not None:
        yield ("close", "exceptions"), stage.close.exceptions
    for rung, step in enumerate(stage.overdue):
        yield from ((("overdue", rung, "tell", number), actor) for number, actor in enumerate(step.tell))


def _actor_mistake(pack: Pack, actor: str, loc: Loc) -> Mistake | None:
    unit, _, role = actor.rpartition("/")
    if not unit:
        roles = [position.role for position in pack.positions if isinstance(position, GroupPosition)]
        return None if role in roles else _unknown(loc, Message("position of a project group"), role, roles)
    units = pack.units_of(unit)
    if not units:
        known = [GUIDING_UNIT, BASE_SCHOOL, *(each.code for each in pack.units)]
        return _unknown(loc, Message("unit"), unit, known)
    for each in units:
        roles = [place.role for place in pack.places() if place.unit == each.code]
        if role not in roles:
            return _unknown(loc, Message("position at the unit {unit}", {"unit": each.code}), role, roles)
    return None
