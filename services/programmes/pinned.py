"""The pack that a season or case is pinned to, and the bureau's calendar: read once per process, never changed."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from services.errors import NotFoundError
from services.process.calendar import CalendarData, WorkCalendar
from services.process.packs import Pack
from services.store.transaction import Tx

_packs: dict[UUID, Pack] = {}
_calendars: dict[tuple[UUID, str], WorkCalendar] = {}


async def pinned_pack(tx: Tx, version_id: UUID) -> Pack:
    """Return the resolved pack of a programme version. A version is immutable, so the first read serves for good."""
    pack = _packs.get(version_id)
    if pack is None:
        rows = await tx.rows("SELECT resolved::text AS resolved FROM programme_version WHERE id = $1", (version_id,))
        if not rows:
            raise NotFoundError
        pack = _packs[version_id] = Pack.model_validate_json(rows[0]["resolved"])
    return pack


CALENDAR = "SELECT digest FROM calendar_version WHERE bureau_id = {bureau} ORDER BY created_at DESC, id DESC LIMIT 1"
"""The digest of the calendar in force, as an SQL scalar for a larger statement; fill in the bureau's column."""


async def calendar_of(tx: Tx, bureau_id: UUID, pack: Pack, *, known_digest: str | type | None = type) -> WorkCalendar:
    """Return the calendar in force: the bureau's newest own one, else the pack's.

    Args:
        tx: the transaction.
        bureau_id: whose calendar.
        pack: what says the zone, and the calendar where the bureau has none.
        known_digest: the digest in force where the caller has already read it with `CALENDAR` (None: there is none).
    """
    if known_digest is type:
        rows = await tx.rows(CALENDAR.format(bureau="$1"), (bureau_id,))
        known_digest = rows[0]["digest"] if rows else None
    if known_digest is None:
        return _of_pack(pack)
    key = (bureau_id, str(known_digest))
    if key not in _calendars:
        rows = await tx.rows(
            "SELECT data::text AS data FROM calendar_version WHERE bureau_id = $1 AND digest = $2", (bureau_id, key[1])
        )
        data: dict[str, Any] = json.loads(rows[0]["data"])
        _calendars[key] = WorkCalendar(CalendarData.model_validate({**data, "zone": pack.settings.timezone}))
    return _calendars[key]


_of_packs: dict[str, WorkCalendar] = {}


def _of_pack(pack: Pack) -> WorkCalendar:
    key = pack.calendar.digest
    if key not in _of_packs:
        _of_packs[key] = WorkCalendar(pack.calendar)
    return _of_packs[key]
