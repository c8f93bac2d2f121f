"""What a pack says wrongly although each value is well formed: names that lead nowhere, codes that stand twice."""

from __future__ import annotations

from collections.abc import Iterator

from services.i18n import N_, Message
from services.process.definitions import FileStage
from services.process.forms.references import lost_references
from services.process.mistakes import Mistake, Names, twice, unknown
from services.process.numbers import may_coincide, places_of
from services.process.packs import Pack, UnitPosition
from services.process.process_checks import process_mistakes
from services.process.walking import located


def check(pack: Pack) -> list[Mistake]:
    """Return every mistake between the parts of a pack; [] if it may be loaded."""
    names = Names(pack)
    return [
        *_twice(pack),
        *_subjects_twice(pack),
        *_unit_mistakes(names),
        *_group_mistakes(names),
        *_position_mistakes(names),
        *process_mistakes(names),
        *_numbers_twice(pack),
        *_form_mistakes(pack),
    ]


def _twice(pack: Pack) -> Iterator[Mistake]:
    sections: dict[tuple[str, str], list[str]] = {
        ("units", "code"): [unit.code for unit in pack.units],
        ("groups", "code"): [group.code for group in pack.groups],
        ("positions", "role"): [f"{position.at}:{position.role}" for position in pack.positions],
        ("processes", "process"): [process.process for process in pack.processes],
        ("forms", "form"): [form.form for form in pack.forms],
    }
    for (section, key), codes in sections.items():
        for index in twice(codes):
            name = codes[index].split(":")[-1]
            words = Message("“{name}” stands here for the second time; every code stands once", {"name": name})
            yield Mistake((section, index, key), words)


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


def _unit_mistakes(names: Names) -> Iterator[Mistake]:
    units = names.pack.units
    roots = [unit.code for unit in units if unit.kind == "bureau"]
    if len(roots) != 1:
        values = {"count": len(roots)}
        yield Mistake(("units",), Message("exactly one unit has the kind bureau; found {count}", values), of_order=True)
    parents = {unit.code: unit.parent for unit in units}
    for index, unit in enumerate(units):
        if unit.parent is None and unit.kind != "bureau":
            words = Message("write the parent of this unit; only the bureau itself has none")
            yield Mistake(("units", index, "code"), words)
        elif unit.parent is not None and unit.parent not in parents:
            yield unknown(("units", index, "parent"), Message("unit"), unit.parent, names.units)
        elif unit.parent is not None and _in_circle(parents, unit.code):
            yield Mistake(("units", index, "parent"), Message("the parents of this unit lead in a circle"))


def _in_circle(parents: dict[str, str | None], code: str) -> bool:
    seen: set[str] = set()
    at: str | None = code
    while at is not None and at not in seen:
        seen.add(at)
        at = parents.get(at)
    return at is not None


def _group_mistakes(names: Names) -> Iterator[Mistake]:
    for index, group in enumerate(names.pack.groups):
        for key, code in (("guiding_unit", group.guiding_unit), ("base_unit", group.base_unit)):
            if code not in names.known_units:
                yield unknown(("groups", index, key), Message("unit"), code, names.units)


def _position_mistakes(names: Names) -> Iterator[Mistake]:
    for index, position in enumerate(names.pack.positions):
        seats = position.seats
        if seats.max is not None and seats.max < seats.min:
            words = Message("max is less than min; write at least {min}", {"min": seats.min})
            yield Mistake(("positions", index, "seats", "max"), words)
        if isinstance(position, UnitPosition):
            for number, code in enumerate(position.units):
                if code not in names.known_units:
                    yield unknown(("positions", index, "units", number), Message("unit"), code, names.units)
            if not any(position.stands_at(unit) for unit in names.pack.units):
                words = Message("no unit has this position; name units or kinds of units")
                yield Mistake(("positions", index, "role"), words, of_order=True)


def _form_mistakes(pack: Pack) -> Iterator[Mistake]:
    for index, form in enumerate(pack.forms):
        for loc, name, known in lost_references(form):
            yield unknown(("forms", index, *loc), Message("field that can be compared here,"), name, known)


def _numbers_twice(pack: Pack) -> Iterator[Mistake]:
    """A bureau's number belongs to one filing; the second that would get it could never be filed."""
    groups = [group.code for group in pack.groups]
    seen: list[tuple[str, str]] = []
    for index, process in enumerate(pack.processes):
        for stage, loc in located(process, ("processes", index)):
            if not isinstance(stage, FileStage) or places_of(stage.number) is None:
                continue
            for known, whose in seen:
                if may_coincide(stage.number, known, groups=groups, others=groups):
                    values = {"number": stage.number, "process": whose, "other": known}
                    words = N_(
                        "“{number}” could write the same number as “{other}” of {process}; begin it with other letters"
                    )
                    yield Mistake((*loc, "number"), Message(words, values))
            seen.append((stage.number, process.process))
