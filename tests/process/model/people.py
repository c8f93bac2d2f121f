"""Who there is in a history, as data: who holds which position, who stands in for whom, who administers the bureau."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from random import Random
from uuid import UUID, uuid5

from services.process.events import StandIn

SPACE = UUID(int=2027)
SUBMITTING = ("chief-coach", "base-school/office")
JUDGING = (
    "guiding-unit/reviewer", "office/clerk", "office/head", "finance/clerk", "committee/member", "committee/chair",
)  # fmt: skip
ACTORS = (*SUBMITTING, *JUDGING)


NAMES: dict[UUID | None, str] = {}
"""The names that ids were made of."""


@cache
def id_of(name: str) -> UUID:
    """The id of a person or a position by its name."""
    made = uuid5(SPACE, name)
    NAMES[made] = name
    return made


POSITIONS = {actor: id_of(actor) for actor in ACTORS}


@dataclass
class People:
    """holders: position -> the persons who hold it. stands_in: who is away -> who acts for them. Persons go by name."""

    holders: dict[str, list[str]] = field(default_factory=dict)
    stands_in: dict[str, str] = field(default_factory=dict)
    administrators: list[str] = field(default_factory=lambda: ["admin"])

    @property
    def names(self) -> list[str]:
        held = [person for persons in self.holders.values() for person in persons]
        return list(dict.fromkeys([*held, *self.stands_in.values(), *self.administrators, "stranger"]))

    def name_of(self, person: UUID | None) -> str:
        """The name of a person; "" for nobody."""
        return NAMES.get(person, "")

    def held_by(self, name: str) -> frozenset[UUID]:
        return frozenset(POSITIONS[actor] for actor, persons in self.holders.items() if name in persons)

    def absent(self, name: str) -> tuple[StandIn, ...]:
        """For whom the person may act: only for persons themselves, not for those whom these stand in for."""
        return tuple(
            StandIn(id_of(away), self.held_by(away)) for away, here in self.stands_in.items() if here == name != away
        )

    def holding(self) -> dict[UUID, tuple[UUID, ...]]:
        return {POSITIONS[actor]: tuple(map(id_of, persons)) for actor, persons in self.holders.items()}

    def copy(self) -> People:
        return People(
            {actor: [*who] for actor, who in self.holders.items()}, {**self.stands_in}, [*self.administrators]
        )


def some_people(random: Random) -> People:
    """Mostly one holder for a position; some with several positions, some positions with several holders or none."""
    pool = [f"p{number}" for number in range(random.randint(7, 12))]
    people = People()
    for number, actor in enumerate(ACTORS):
        count = random.choice((0, 2, 3, 4)) if actor == "committee/member" else random.choice((1, 1, 1, 1, 2, 2, 0))
        own = pool[number % len(pool)]
        others = random.sample(pool, count) if count > 1 or random.random() < 0.25 else [own][:count]
        people.holders[actor] = list(dict.fromkeys(others))
    away = random.sample(pool, 3)
    people.stands_in = {name: random.choice([each for each in pool if each != name]) for name in away}
    if random.random() < 0.3:  # an administrator who also has a position
        people.administrators.append(random.choice(pool))
    return people
