"""Who looks or acts: a person of one bureau with what they hold today and whom they stand in for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from uuid import UUID

from services.errors import NotFoundError
from services.people.positions import (
    ADMINISTRATOR,
    AUDITOR,
    LENT,
    SECURITY,
    STANDS_IN,
    HeldPosition,
    Sight,
    StandIn,
    held_position,
    read_stand_ins,
    sight_of,
)
from services.store.transaction import Tx


@dataclass(frozen=True)
class Reader:
    """A person of one bureau with the positions that they hold today, by the business clock in the bureau's zone.

    administered: the units whose people they look after, with all units below. colleagues: all positions of the units
    where they are clerk or head. stand_ins: whom they stand in for today (代理); nothing but `sights` counts those in here.
    """

    person_id: UUID
    bureau_id: UUID
    name: str
    locale: str
    unit_id: UUID | None
    positions: tuple[HeldPosition, ...]
    zone: str
    bureau_code: str
    bureau_name: str
    administered: frozenset[UUID] = frozenset()
    colleagues: frozenset[UUID] = frozenset()
    stand_ins: tuple[StandIn, ...] = ()

    @cached_property
    def position_ids(self) -> frozenset[UUID]:
        """The positions held today."""
        return frozenset(position.id for position in self.positions)

    @cached_property
    def sights(self) -> tuple[Sight, ...]:
        """What the reader may see of cases: first their own with what nothing limits, then each that some processes limit."""
        whole = [each for each in self.stand_ins if each.processes is None]
        own = sight_of(
            (*self.positions, *(held for each in whole for held in each.positions)),
            self.colleagues.union(*(each.colleagues for each in whole)),
        )
        limited = (each for each in self.stand_ins if each.processes is not None and not own.everything)
        return (own, *(sight_of(each.positions, each.colleagues, each.processes) for each in limited))

    @property
    def is_administrator(self) -> bool:
        """Whether the reader administers the bureau."""
        return self._at_bureau(ADMINISTRATOR)

    @property
    def is_auditor(self) -> bool:
        """Whether the reader is the bureau's audit administrator."""
        return self._at_bureau(AUDITOR)

    @property
    def is_security(self) -> bool:
        """Whether the reader is the bureau's security administrator."""
        return self._at_bureau(SECURITY)

    def has_role(self, role: str) -> bool:
        """Tell whether the reader holds a position of this role anywhere."""
        return any(position.role == role for position in self.positions)

    def _at_bureau(self, role: str) -> bool:
        return any(position.bureau_office == role for position in self.positions)


# --- resolving a reader -------------------------------------------------------------------------------------------

WHO = """p.id AS person_id, p.bureau_id, p.name, p.locale, p.unit_id, b.zone, b.code AS bureau_code,
    b.name AS bureau_name, ($1::timestamptz AT TIME ZONE b.zone)::date AS today"""
"""The columns that the `who` part of a look-up selects from person p and bureau b; $1 is the business time."""

PRESENT = "(p.left_at IS NULL OR p.left_at > $1::timestamptz)"
"""The condition that person p has not left."""

_READER = """
WITH RECURSIVE who AS ({who}),
held AS MATERIALIZED (
    SELECT DISTINCT po.id, po.code, po.role, po.title_zh, po.title_en, po.unit_id, u.kind AS unit_kind, po.group_id,
           po.bureau_id
    FROM who
    JOIN appointment a ON a.bureau_id = who.bureau_id AND a.person_id = who.person_id
         AND a.starts_on <= who.today AND (a.ends_on IS NULL OR a.ends_on >= who.today)
    JOIN position po ON po.bureau_id = a.bureau_id AND po.id = a.position_id
    LEFT JOIN unit u ON u.bureau_id = po.bureau_id AND u.id = po.unit_id
),
administered AS (
    SELECT bureau_id, unit_id AS id FROM held WHERE role = 'unit-administrator' AND unit_id IS NOT NULL
    UNION
    SELECT u.bureau_id, u.id FROM administered up JOIN unit u ON u.bureau_id = up.bureau_id AND u.parent_id = up.id
)
SELECT who.*,
    (SELECT jsonb_agg(to_jsonb(held) - 'bureau_id' ORDER BY code) FROM held) AS positions,
    ARRAY(SELECT id FROM administered) AS administered,
    ARRAY(SELECT p.id FROM held JOIN position p ON p.bureau_id = held.bureau_id
          AND p.unit_id = held.unit_id WHERE held.role IN ('clerk', 'head')) AS colleagues,
    {stands_in} AS stands_in
FROM who
"""

_BY_PERSON = (
    f"SELECT {WHO} FROM person p JOIN bureau b ON b.id = p.bureau_id WHERE p.bureau_id = $2 AND p.id = $3 AND {PRESENT}"  # noqa: S608
)


async def reader_for(tx: Tx, *, bureau_id: UUID, person_id: UUID) -> Reader:
    """Return the person as a reader, in one statement (`find_reader`).

    Raises:
        NotFoundError: no such person in this bureau, or they have left.
    """
    found = await find_reader(tx, _BY_PERSON, bureau_id, person_id)
    if found is None:
        raise NotFoundError
    return found[0]


async def find_reader(tx: Tx, who: str, *parameters: Any) -> tuple[Reader, Mapping[str, Any]] | None:
    """Resolve the reader whom the SQL text `who` selects, in one statement; in two where they stand in for somebody.

    Args:
        tx: the transaction; its time is `$1` of the statement.
        who: a SELECT of WHO (and any further columns) giving at most one row.
        parameters: `$2` and on.

    Returns:
        The reader and the whole row with the further columns, or None where `who` selects nobody.
    """
    rows = await tx.rows(_reader_of(who), (tx.now, *parameters))
    if not rows:
        return None
    row = rows[0]
    lent = await tx.rows(LENT, (tx.now, row["today"], row["stands_in"])) if row["stands_in"] else ()
    return _reader(row, lent), row


@cache
def _reader_of(who: str) -> str:
    return _READER.format(who=who, stands_in=STANDS_IN)


def _reader(row: Mapping[str, Any], lent: Iterable[Mapping[str, Any]]) -> Reader:
    positions = tuple(held_position(position) for position in row["positions"] or ())
    return Reader(
        person_id=row["person_id"],
        bureau_id=row["bureau_id"],
        name=row["name"],
        locale=row["locale"],
        unit_id=row["unit_id"],
        positions=positions,
        zone=row["zone"],
        bureau_code=row["bureau_code"],
        bureau_name=row["bureau_name"],
        administered=frozenset(row["administered"]),
        colleagues=frozenset(row["colleagues"]),
        stand_ins=read_stand_ins(lent, positions),
    )
