"""The business clock: the machine's, or one row of the store that moves every process together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


class SystemClock:
    """Business time is real time."""

    def now(self) -> datetime:
        """Return the machine's time, aware, in UTC."""
        return datetime.now(UTC)

    async def look(self, connection: AsyncConnection) -> datetime:
        """Return the business time of a transaction that begins now."""
        del connection
        return self.now()


class StoreClock:
    """Business time as the row `store_clock` says it: real time and an offset, or one frozen instant.

    Every transaction looks at the row when it begins, so a move is seen by all processes with their next transaction.
    """

    def __init__(self) -> None:
        self._offset = timedelta()
        self._frozen: datetime | None = None

    def now(self) -> datetime:
        """Return the time by the row as it was last looked at."""
        return self._frozen or datetime.now(UTC) + self._offset

    async def look(self, connection: AsyncConnection) -> datetime:
        """Read the row and return the business time."""
        row = (await connection.execute(text("SELECT offset_seconds, frozen_at FROM store_clock WHERE id = 1"))).first()
        if row is not None:
            self._offset, self._frozen = timedelta(seconds=row.offset_seconds), row.frozen_at
        return self.now()


async def set_clock(connection: AsyncConnection, to: datetime, *, frozen: bool) -> None:
    """Move every process's business clock to `to` (aware); frozen, or running on from there.

    Only a store whose data folder is not a lasting one has such a clock; `refuse_store_clock` guards the others.
    """
    await connection.execute(
        text(
            "INSERT INTO store_clock (id, offset_seconds, frozen_at)"
            " VALUES (1, extract(epoch FROM CAST(:to AS timestamptz) - clock_timestamp()), :frozen_at)"
            " ON CONFLICT (id) DO UPDATE SET offset_seconds = excluded.offset_seconds, frozen_at = excluded.frozen_at"
        ),
        {"to": to, "frozen_at": to if frozen else None},
    )
