"""What a mistake of a pack is: where it stands, what would be right, and which names would have led somewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from functools import cached_property, lru_cache
from typing import NamedTuple

from services.i18n import Message
from services.process.forms import FormDefinition
from services.process.packs import BASE_SCHOOL, GUIDING_UNIT, GroupPosition, Pack, UnitPosition

Loc = tuple[str | int, ...]
SHOWN = 12
"""So many known names are listed where none is near."""


class Mistake(NamedTuple):
    """Where in the resolved pack, and what would be right.

    name: the name that leads nowhere, if it is that. of_order: it is a matter of how all stages follow each other.
    """

    loc: Loc
    message: Message
    name: str | None = None
    of_order: bool = False


def suggest(name: str, known: Collection[str]) -> Message:
    """Return what a reader may have meant by `name`."""
    near = _nearest(name, tuple(known))
    if near is not None:
        return Message("did you mean {near}?", {"near": near})
    shown = [*list(known)[:SHOWN], *(["…"] if len(known) > SHOWN else [])]
    return Message("known are {known}", {"known": ", ".join(shown) or "–"})


@lru_cache
def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    """Return the name that is most like `name`; a thousand groups may make the same mistake."""
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return near[0] if near else None


def unknown(loc: Loc, what: Message, name: str, known: Collection[str]) -> Mistake:
    """Return the mistake of a name that leads nowhere."""
    values = {"what": what, "name": name, "suggestion": suggest(name, known)}
    return Mistake(loc, Message("there is no {what} “{name}”; {suggestion}", values), name)


def twice(names: Sequence[str]) -> Iterator[int]:
    """Yield the index of every name that stood before."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield index
        seen.add(name)


class Names:
    """Every name of a pack that others use, looked up once: a province's pack has thousands of places."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack

    @cached_property
    def units(self) -> tuple[str, ...]:
        """The codes of the units."""
        return tuple(dict.fromkeys(unit.code for unit in self.pack.units))

    @cached_property
    def known_units(self) -> frozenset[str]:
        """The codes of the units, to ask for one."""
        return frozenset(self.units)

    @cached_property
    def group_positions(self) -> dict[str, GroupPosition]:
        """The positions that every project group has, by role."""
        return {each.role: each for each in self.pack.positions if isinstance(each, GroupPosition)}

    @cached_property
    def unit_positions(self) -> dict[str, dict[str, UnitPosition]]:
        """The positions at each unit, by the unit's code and the role."""
        positions = [each for each in self.pack.positions if isinstance(each, UnitPosition)]
        return {unit.code: {each.role: each for each in positions if each.stands_at(unit)} for unit in self.pack.units}

    @cached_property
    def stand_ins(self) -> dict[str, tuple[str, ...]]:
        """The units that the unit of an actor may stand for in some group."""
        groups = self.pack.groups
        return {
            GUIDING_UNIT: tuple(dict.fromkeys(group.guiding_unit for group in groups)),
            BASE_SCHOOL: tuple(dict.fromkeys(group.base_unit for group in groups)),
        }

    @cached_property
    def forms(self) -> dict[str, FormDefinition]:
        """The forms, by code."""
        return {form.form: form for form in self.pack.forms}

    def units_of(self, name: str) -> tuple[str, ...]:
        """Return the codes of the units that the unit part of an actor stands for; () where the pack knows none."""
        return tuple(code for code in self.stand_ins.get(name, (name,)) if code in self.known_units)

    def positions_of(self, actor: str) -> list[GroupPosition | UnitPosition]:
        """Return the positions that an actor may mean; [] where it names nobody."""
        unit, _, role = actor.rpartition("/")
        if not unit:
            return [self.group_positions[role]] if role in self.group_positions else []
        at = (self.unit_positions[code] for code in self.units_of(unit))
        return [positions[role] for positions in at if role in positions]

    def actor_mistake(self, actor: str, loc: Loc) -> Mistake | None:
        """Return what is wrong with an actor that stands at `loc`; None if somebody is meant in every group."""
        unit, _, role = actor.rpartition("/")
        if not unit:
            roles = self.group_positions
            return None if role in roles else unknown(loc, Message("position of a project group"), role, roles)
        units = self.units_of(unit)
        if not units:
            return unknown(loc, Message("unit"), unit, [GUIDING_UNIT, BASE_SCHOOL, *self.units])
        for code in units:
            if role not in self.unit_positions[code]:
                what = Message("position at the unit {unit}", {"unit": code})
                return unknown(loc, what, role, self.unit_positions[code])
        return None
