"""Who is where: the people of a unit, and who holds a position on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.people.access import Reader, may_manage_people, require
from services.people.holding import holds
from services.store.transaction import Tx

PAGE = 50


@dataclass(frozen=True)
class PersonRow:
    """A person in a list. login and what follows are None or False for who has no account."""

    id: UUID
    name: str
    sort_key: str
    email: str | None
    login: str | None
    activated: bool
    locked_until: datetime | None
    positions: tuple[str, ...]
    """The codes of the positions held today."""


@dataclass(frozen=True)
class PeoplePage:
    """A page of people; `next` is where the following one begins, None on the last."""

    rows: tuple[PersonRow, ...]
    next: tuple[str, UUID] | None


# Compared byte by byte: the key is made for it, and every server sorts it the same.
_PEOPLE = """
SELECT p.id, p.name, p.sort_key, p.email, a.login, a.password_hash IS NOT NULL AS activated,
    CASE WHEN a.locked_until > $2 THEN a.locked_until END AS locked_until,
    ARRAY(SELECT o.code FROM appointment t JOIN position o ON o.bureau_id = t.bureau_id AND o.id = t.position_id
          WHERE t.bureau_id = p.bureau_id AND t.person_id = p.id AND t.starts_on <= ($2::timestamptz AT TIME ZONE $3)::date
          AND (t.ends_on IS NULL OR t.ends_on >= ($2::timestamptz AT TIME ZONE $3)::date) ORDER BY o.code) AS positions
FROM person p LEFT JOIN account a ON a.bureau_id = p.bureau_id AND a.person_id = p.id
WHERE p.bureau_id = $1 AND p.unit_id IS NOT DISTINCT FROM $4 AND (p.left_at IS NULL OR p.left_at > $2)
AND (p.sort_key COLLATE "C", p.id) > ($5 COLLATE "C", $6) ORDER BY p.sort_key COLLATE "C", p.id LIMIT $7
"""
_HOLDERS = f"""
SELECT DISTINCT p.id, p.name, p.sort_key COLLATE "C" AS sort_key FROM appointment a
JOIN person p ON p.bureau_id = a.bureau_id AND p.id = a.person_id
WHERE a.bureau_id = $1 AND a.position_id = $2 AND {holds("$3", "$4")}
ORDER BY sort_key, p.id
"""  # noqa: S608 - constant parts


_HELD = """
SELECT a.id, a.position_id, o.title_zh, o.title_en, a.starts_on, a.ends_on,
    coalesce(g.title_zh, u.title_zh) AS place_zh, coalesce(g.title_en, u.title_en) AS place_en,
    (SELECT count(*) FROM (SELECT FROM task t WHERE t.holder_id = a.position_id AND t.state = 'open' LIMIT 1000) x)::int AS open_tasks,
    (SELECT count(DISTINCT e.person_id) FROM appointment e WHERE e.position_id = a.position_id AND e.person_id <> a.person_id
        AND (e.ends_on IS NULL OR e.ends_on >= $3))::int AS others
FROM appointment a JOIN position o ON o.bureau_id = a.bureau_id AND o.id = a.position_id
LEFT JOIN unit u ON u.id = o.unit_id LEFT JOIN project_group g ON g.id = o.group_id
WHERE a.bureau_id = $1 AND a.person_id = $2 AND (a.ends_on IS NULL OR a.ends_on >= $3) ORDER BY o.code, a.starts_on
"""


@dataclass(frozen=True)
class Holding:
    """What a person holds, or is to hold, and what waits there. open_tasks: those that nobody has for themself, at
    most 1,000. others: who holds it, too.
    """

    id: UUID
    position_id: UUID
    title_zh: str
    title_en: str
    starts_on: date
    ends_on: date | None
    place_zh: str
    place_en: str
    open_tasks: int
    others: int

    def named(self, locale: str) -> str:
        """Return the position with its place for `locale`."""
        return f"{self.place_zh} {self.title_zh}" if locale.startswith("zh") else f"{self.place_en}: {self.title_en}"


async def held_by(tx: Tx, bureau_id: UUID, *, person_id: UUID, since: date) -> list[Holding]:
    """Return what a person holds on a day or later."""
    return [Holding(**row) for row in await tx.rows(_HELD, (bureau_id, person_id, since))]


_NAMED = """
SELECT p.id, p.name, u.title_zh AS unit_zh, u.title_en AS unit_en, a.login FROM person p
LEFT JOIN unit u ON u.id = p.unit_id LEFT JOIN account a ON a.bureau_id = p.bureau_id AND a.person_id = p.id
WHERE p.bureau_id = $1 AND (p.left_at IS NULL OR p.left_at > $2) AND (a.login = lower($3) OR p.name = $3)
ORDER BY a.login = lower($3) DESC NULLS LAST, p.id LIMIT 20
"""


@dataclass(frozen=True)
class Named:
    """A person whom somebody named by their full name or sign-in name, with what tells them from others of that name."""

    id: UUID
    name: str
    unit_zh: str | None
    unit_en: str | None
    login: str | None


async def people_named(tx: Tx, bureau_id: UUID, text: str) -> list[Named]:
    """Return who has this sign-in name, else who has this full name, and has not left.

    Nobody is found by less than the whole name, so that a list of everybody cannot be had by asking.
    """
    wanted = " ".join(text.split())
    found = [Named(**row) for row in await tx.rows(_NAMED, (bureau_id, tx.now, wanted))] if wanted else []
    by_login = [each for each in found if each.login == wanted.lower()]
    return by_login or found


async def people_of_unit(
    tx: Tx, reader: Reader, unit_id: UUID | None, *, after: tuple[str, UUID] | None = None, limit: int = PAGE
) -> PeoplePage:
    """Return a unit's people by name, in one statement however many there are.

    Args:
        tx: the transaction.
        reader: who looks.
        unit_id: the unit; None for people of no unit.
        after: the previous page's `next`.
        limit: how many at most.

    Raises:
        ForbiddenError: the reader does not look after this unit's people.
    """
    require(may_manage_people(reader, unit_id))
    key, person_id = after or ("", UUID(int=0))
    parameters = (reader.bureau_id, tx.now, reader.zone, unit_id, key, person_id, limit + 1)
    found = await tx.rows(_PEOPLE, parameters)
    rows = tuple(PersonRow(**{**row, "positions": tuple(row["positions"])}) for row in found[:limit])
    more = len(found) > limit
    return PeoplePage(rows, (rows[-1].sort_key, rows[-1].id) if more else None)


async def holders(tx: Tx, bureau_id: UUID, *, position_id: UUID, on: date) -> list[tuple[UUID, str]]:
    """Return id and name of who holds the position on a day and has not left, by name."""
    return [(row["id"], row["name"]) for row in await tx.rows(_HOLDERS, (bureau_id, position_id, on, tx.now))]
