"""A list of people and the positions they hold, as a file says it: for demos and for a first set-up. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from services.i18n import Message
from services.process.definitions import Actor, Code, Definition
from services.process.mistakes import Mistake, suggest, twice
from services.process.packs import Pack


class Appointed(Definition):
    """One position of a person: `group` with a role of the group, or `unit/role`."""

    position: Actor
    group: Code | None = None


class RosterPerson(Definition):
    """A person. Without `email` they get no mail and are activated by a printed slip."""

    login: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,59}$")]
    name: str = Field(min_length=1, max_length=100)
    email: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)
    locale: Literal["zh", "en"] = "zh"
    unit: Code | None = None
    holds: tuple[Appointed, ...] = Field(min_length=1)


class Roster(Definition):
    """People in the order of the file."""

    people: tuple[RosterPerson, ...] = Field(min_length=1)

    def holders(self, position: str, *, group: str | None = None) -> list[RosterPerson]:
        """Return who holds a position."""
        wanted = Appointed(position=position, group=group)
        return [person for person in self.people if wanted in person.holds]


def roster_mistakes(roster: Roster, pack: Pack) -> Iterator[Mistake]:
    """Yield what the roster says of units and positions that the pack does not have, and positions beyond their seats."""
    units = [unit.code for unit in pack.units]
    known_units = frozenset(units)
    again = set(twice([person.login for person in roster.people]))
    places = {(place.group, f"{place.unit}/{place.role}" if place.unit else place.role) for place in pack.places()}
    for index, person in enumerate(roster.people):
        if index in again:
            yield Mistake(
                ("people", index, "login"),
                Message("“{name}” stands here for the second time; every code stands once", {"name": person.login}),
            )
        if person.unit is not None and person.unit not in known_units:
            values = {"what": Message("unit"), "name": person.unit, "suggestion": suggest(person.unit, units)}
            yield Mistake(("people", index, "unit"), Message("there is no {what} “{name}”; {suggestion}", values))
        for number, held in enumerate(person.holds):
            if (held.group, held.position) not in places:
                known = sorted({position for group, position in places if (group is None) == (held.group is None)})
                values = {
                    "what": Message("position"),
                    "name": held.position,
                    "suggestion": suggest(held.position, known),
                }
                yield Mistake(
                    ("people", index, "holds", number, "position"),
                    Message("there is no {what} “{name}”; {suggestion}", values),
                )
    yield from _seat_mistakes(roster, pack)


def _seat_mistakes(roster: Roster, pack: Pack) -> Iterator[Mistake]:
    """QD-02: one chief coach, two to five coaches."""
    holding: dict[tuple[str | None, str], list[int]] = {}
    for index, person in enumerate(roster.people):
        for held in dict.fromkeys(person.holds):
            holding.setdefault((held.group, held.position), []).append(index)
    limits = {(position.role, position.at): position.seats.max for position in pack.positions}
    for place in pack.places():
        position = place.role if place.group else f"{place.unit}/{place.role}"
        limit = limits[place.role, "group" if place.group else "unit"]
        holders = holding.get((place.group, position), [])
        if limit is not None and len(holders) > limit:
            values = {"position": f"{place.group or place.unit}/{place.role}", "count": len(holders), "max": limit}
            yield Mistake(
                ("people", holders[limit], "holds"),
                Message("{position} has {max} seats; {count} people hold it", values),
            )
