"""Filing numbers: the season's own series, without gaps, no number twice."""

from __future__ import annotations

from typing import Any

from services.process.definitions import FileStage
from services.store.transaction import Tx
from services.workflow.locking import LockedCase


async def next_number(tx: Tx, case: LockedCase, stage: FileStage) -> dict[str, Any]:
    """Take the season's next serial and return the filing's row.

    The series row stays locked until the transaction ends, so it is taken last; a rollback gives the serial back.
    """
    rows = await tx.rows(
        "INSERT INTO number_series (id, bureau_id, season_id, stage, last) VALUES ($1, $2, $3, $4, 1)"
        " ON CONFLICT (season_id, stage) DO UPDATE SET last = number_series.last + 1 RETURNING last",
        (tx.new_id(), case.bureau_id, case.season_id, stage.code),
    )
    serial: int = rows[0]["last"]
    number = stage.number.format(season=case.season_key, serial=serial, group=case.group_code)
    return {
        "id": tx.new_id(), "bureau_id": case.bureau_id, "season_id": case.season_id, "case_id": case.id,
        "stage": stage.code, "serial": serial, "number": number, "at": tx.now, "void_at": None,
    }  # fmt: skip
