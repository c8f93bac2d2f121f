"""Positions that are held, by oneself or by those whom one stands in for, and what cases they let see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

ADMINISTRATOR, AUDITOR, SECURITY = "administrator", "audit-administrator", "security-administrator"
"""Roles at the bureau itself (三员): each is given to a different person."""
BUREAU_ROLES = frozenset({ADMINISTRATOR, AUDITOR, SECURITY})
UNIT_ADMINISTRATOR = "unit-administrator"
COACHES = frozenset({"chief-coach", "coach"})
REVIEWER = "reviewer"
BASE_OFFICE = "office"
OFFICE_ROLES = frozenset({"clerk", "head"})


@dataclass(frozen=True)
class HeldPosition:
    """A position that somebody holds today; at a unit or in a project group."""

    id: UUID
    code: str
    role: str
    title_zh: str
    title_en: str
    unit_id: UUID | None
    unit_kind: str | None
    group_id: UUID | None

    def title(self, locale: str) -> str:
        """Return the position's title for `locale`."""
        return self.title_zh if locale.startswith("zh") else self.title_en

    @property
    def bureau_office(self) -> str | None:
        """Which of the bureau's three offices it is; a role of that name elsewhere, at a school, has no power over all."""
        return self.role if self.unit_kind == "bureau" and self.role in BUREAU_ROLES else None


@dataclass(frozen=True)
class StandIn:
    """That somebody stands in for a person today (代理), with what that person holds today.

    processes: the (programme, process) codes that it is for; None for all. colleagues: all positions of the units where
    the person is clerk or head. Whom that person stands in for is not in it: a substitute of a substitute does not act.
    """

    person_id: UUID
    name: str
    positions: tuple[HeldPosition, ...]
    processes: frozenset[tuple[str, str]] | None
    colleagues: frozenset[UUID] = frozenset()

    def covers(self, programme: str, process: str) -> bool:
        """Tell whether it is for this process."""
        return self.processes is None or (programme, process) in self.processes


STANDS_IN = """
ARRAY(SELECT s.id FROM substitution s WHERE s.substitute_id = who.person_id AND s.bureau_id = who.bureau_id
    AND s.ended_at IS NULL AND s.starts_on <= who.today AND s.ends_on >= who.today)
"""
"""The substitutions by which `who` stands in for somebody today: one look into an index."""

LENT = """
SELECT r.id AS person_id, r.name, s.processes, (
    SELECT jsonb_agg(DISTINCT jsonb_build_object('id', po.id, 'code', po.code, 'role', po.role, 'title_zh', po.title_zh,
        'title_en', po.title_en, 'unit_id', po.unit_id, 'unit_kind', u.kind, 'group_id', po.group_id, 'colleagues',
        CASE WHEN po.role IN ('clerk', 'head') THEN ARRAY(
            SELECT c.id FROM position c WHERE c.bureau_id = po.bureau_id AND c.unit_id = po.unit_id) END))
    FROM appointment a JOIN position po ON po.bureau_id = a.bureau_id AND po.id = a.position_id
    LEFT JOIN unit u ON u.bureau_id = po.bureau_id AND u.id = po.unit_id
    WHERE a.bureau_id = r.bureau_id AND a.person_id = r.id
        AND a.starts_on <= $2 AND (a.ends_on IS NULL OR a.ends_on >= $2)) AS positions
FROM substitution s JOIN person r ON r.bureau_id = s.bureau_id AND r.id = s.person_id
    AND (r.left_at IS NULL OR r.left_at > $1)
WHERE s.id = ANY($3::uuid[]) ORDER BY s.id
"""
"""What substitutions lend on day $2. Only who stands in for somebody asks it: within the statement that resolves every
reader it would cost each of them an eighth more, though it found nothing."""


def held_position(row: Mapping[str, Any]) -> HeldPosition:
    """Return the position that a JSON object of a statement says."""
    ids: dict[str, Any] = {name: UUID(row[name]) if row[name] else None for name in ("unit_id", "group_id")}
    texts = {name: row[name] for name in ("code", "role", "title_zh", "title_en", "unit_kind")}
    return HeldPosition(id=UUID(row["id"]), **ids, **texts)


def read_stand_ins(rows: Iterable[Mapping[str, Any]], own: Iterable[HeldPosition]) -> tuple[StandIn, ...]:
    """Return whom somebody who holds `own` stands in for, from the rows of LENT.

    The bureau's three offices stay with three people (三员分立) whatever was named or appointed in between: where an office
    of one's own and those of others would come together, the others' are left out.
    """
    found = [_stand_in(row) for row in rows]
    offices = {held.bureau_office for held in own} - {None}
    lent = {held.bureau_office for each in found for held in each.positions} - {None}
    if len(offices | lent) <= 1:
        return tuple(found)
    return tuple(_without_offices(each) for each in found)


def _stand_in(row: Mapping[str, Any]) -> StandIn:
    places = row["positions"] or ()
    processes = row["processes"]
    return StandIn(
        person_id=row["person_id"],
        name=row["name"],
        positions=tuple(sorted(map(held_position, places), key=lambda held: held.code)),
        processes=None if processes is None else frozenset((programme, process) for programme, process in processes),
        colleagues=frozenset(UUID(each) for place in places for each in place["colleagues"] or ()),
    )


def _without_offices(stand_in: StandIn) -> StandIn:
    kept = tuple(held for held in stand_in.positions if held.bureau_office is None)
    return StandIn(stand_in.person_id, stand_in.name, kept, stand_in.processes, stand_in.colleagues)


@dataclass(frozen=True)
class Sight:
    """What positions let see of cases.

    everything: all of the bureau. groups: of which one coaches; guiding: the units for which one reviews; hosting: the
    units in whose office one is; named: positions, as text, that make a case visible when it names one. processes: the
    (programme, process) codes that all of it is limited to; None for no limit.
    """

    everything: bool
    groups: frozenset[UUID]
    guiding: frozenset[UUID]
    hosting: frozenset[UUID]
    named: frozenset[str]
    processes: frozenset[tuple[str, str]] | None = None


def sight_of(
    positions: Iterable[HeldPosition],
    colleagues: Iterable[UUID],
    processes: frozenset[tuple[str, str]] | None = None,
) -> Sight:
    """Return what these positions let see, with those of the units where one is clerk or head."""
    held = tuple(positions)
    return Sight(
        everything=any(each.bureau_office == ADMINISTRATOR for each in held),
        groups=frozenset(each.group_id for each in held if each.role in COACHES and each.group_id is not None),
        guiding=_units_as(REVIEWER, held),
        hosting=_units_as(BASE_OFFICE, held),
        named=frozenset(map(str, (*(each.id for each in held), *colleagues))),
        processes=processes,
    )


def _units_as(role: str, held: Iterable[HeldPosition]) -> frozenset[UUID]:
    return frozenset(each.unit_id for each in held if each.role == role and each.unit_id is not None)
