"""Finding colleagues by name: whom to send something to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from services.errors import InvalidInputError
from services.i18n import Message
from services.people.access import Reader
from services.people.directory import local_day
from services.people.holding import holds
from services.store.transaction import Tx

MOST_FOUND = 20
_SERVING = (
    f"EXISTS (SELECT FROM appointment a WHERE a.bureau_id = p.bureau_id AND a.person_id = p.id AND {holds('$2', '$3')})"
)
"""Whoever holds a position today; nobody else of the people whom a bureau keeps is found by name."""
_FIND = f"""
SELECT p.id, p.name, u.title_zh AS unit_zh, u.title_en AS unit_en FROM person p
LEFT JOIN unit u ON u.bureau_id = p.bureau_id AND u.id = p.unit_id
WHERE p.bureau_id = $1 AND {_SERVING} AND (strpos(lower(p.name), lower($4)) > 0 OR starts_with(p.sort_key, lower($4)))
ORDER BY p.sort_key COLLATE "C", p.id LIMIT {MOST_FOUND}
"""  # noqa: S608 - constant parts
_NAMED = f"""
SELECT p.id, p.name, u.title_zh AS unit_zh, u.title_en AS unit_en FROM person p
LEFT JOIN unit u ON u.bureau_id = p.bureau_id AND u.id = p.unit_id
WHERE p.bureau_id = $1 AND p.id = ANY($4::uuid[]) AND {_SERVING} ORDER BY p.sort_key COLLATE "C", p.id
"""  # noqa: S608 - constant parts


@dataclass(frozen=True)
class Colleague:
    """Somebody of the bureau, by name and unit; nothing more is said of them."""

    id: UUID
    name: str
    unit_zh: str | None
    unit_en: str | None


async def find_colleagues(tx: Tx, reader: Reader, text: str) -> list[Colleague]:
    """Return up to 20 people who hold a position today and whose name contains the text, or begins so in pinyin."""
    text = text.replace("\x00", "").strip()[:50]
    if not text:
        return []
    rows = await tx.rows(_FIND, (reader.bureau_id, local_day(tx.now, reader.zone), tx.now, text))
    return [Colleague(**row) for row in rows]


async def colleagues(tx: Tx, reader: Reader, people: Iterable[UUID]) -> list[Colleague]:
    """Return those of these people who hold a position of the reader's bureau today, by name."""
    day = local_day(tx.now, reader.zone)
    return [Colleague(**row) for row in await tx.rows(_NAMED, (reader.bureau_id, day, tx.now, sorted(people)))]


async def refuse_strangers(tx: Tx, reader: Reader, people: Iterable[UUID], *, field: str) -> None:
    """Refuse whoever holds no position in the reader's bureau today, and the reader.

    Raises:
        InvalidInputError: one of them is such.
    """
    wanted = set(people)
    if reader.person_id in wanted:
        raise InvalidInputError([{"field": field, "message": Message("This is yourself; name somebody else.")}])
    if wanted - {each.id for each in await colleagues(tx, reader, wanted)}:
        message = Message("This is nobody who holds a position in your bureau today.")
        raise InvalidInputError([{"field": field, "message": message}])
