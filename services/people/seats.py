"""How many people may hold a position at once (QD-02: one chief coach, two to five coaches)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from services.errors import ConflictError
from services.process.definitions import Localized
from services.store.transaction import Tx


class SeatsTakenError(ConflictError):
    """Nobody more may hold the position in that time. `details`: position, max, day."""

    code, default = "seats-taken", "The position “{position}” has {max} seats, and on {day} all of them are taken."


_LIMIT = """
SELECT min((entry -> 'seats' ->> 'max')::int) AS most FROM position o
LEFT JOIN project_group g ON g.id = o.group_id LEFT JOIN unit u ON u.id = o.unit_id
JOIN programme r ON r.bureau_id = o.bureau_id AND (g.id IS NULL OR r.code = g.programme)
JOIN programme_version v ON v.id = r.version_id, jsonb_array_elements(v.resolved -> 'positions') entry
WHERE o.bureau_id = $1 AND o.id = $2 AND entry ->> 'role' = o.role
    AND CASE entry ->> 'at' WHEN 'group' THEN g.id IS NOT NULL
        ELSE u.id IS NOT NULL AND (entry -> 'kinds' ? u.kind OR entry -> 'units' ? u.code) END
"""
"""By the versions in force; a unit's position that several programmes name has the fewest seats of what they say."""

_TAKEN = """
SELECT h.starts_on, h.ends_on FROM (
    SELECT a.starts_on, least(a.ends_on, (p.left_at AT TIME ZONE b.zone - interval '1 day')::date) AS ends_on
    FROM appointment a JOIN person p ON p.id = a.person_id JOIN bureau b ON b.id = a.bureau_id
    WHERE a.bureau_id = $1 AND a.position_id = $2) h
WHERE (h.ends_on IS NULL OR h.ends_on >= greatest(h.starts_on, $3)) AND ($4::date IS NULL OR h.starts_on <= $4)
"""
"""Whoever has left takes a seat for the whole days that they were there."""


async def refuse_full(
    tx: Tx, bureau_id: UUID, position: Mapping[str, Any], *, starts_on: date, ends_on: date | None
) -> None:
    """Refuse one more holder of a position in a period where all its seats are taken on any day of it.

    The caller has locked the position's row, so that two appointments at once cannot take the last seat together.

    Args:
        tx: the transaction.
        bureau_id: whose position.
        position: its id, title_zh and title_en.
        starts_on: the first day.
        ends_on: the last one; None for an open end.

    Raises:
        SeatsTakenError: names the first day on which there is no seat.
    """
    limit = (await tx.rows(_LIMIT, (bureau_id, position["id"])))[0]["most"]
    if limit is None:
        return
    taken = await tx.rows(_TAKEN, (bureau_id, position["id"], starts_on, ends_on))
    day = _full_day(taken, limit, starts_on)
    if day is not None:
        title = Localized(zh=position["title_zh"], en=position["title_en"])
        raise SeatsTakenError(position=title, max=limit, day=day.isoformat())


def _full_day(taken: Sequence[Mapping[str, Any]], limit: int, starts_on: date) -> date | None:
    """Return the first day with `limit` holders: their number grows only where the period or one of theirs begins."""
    days: set[date] = {starts_on, *(max(row["starts_on"], starts_on) for row in taken)}
    for day in sorted(days):
        there = [row for row in taken if row["starts_on"] <= day and (row["ends_on"] is None or row["ends_on"] >= day)]
        if len(there) >= limit:
            return day
    return None
