"""Filing numbers: the season's own series, without gaps, no number twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.process.definitions import FileStage
from services.process.outcomes import Transition
from services.store.transaction import Tx
from services.workflow.locking import LockedCase


async def filing_of(tx: Tx, case: LockedCase, transition: Transition) -> Mapping[str, Any] | None:
    """Return the filing that the transition brings; None where it files nothing.

    A case that was opened again after it was filed keeps its number: it is filed under it once more, without a new row
    (its `id` is None then). One that ends otherwise after that gives its number up: the row stays, marked void.
    """
    kept = case.state.number
    if transition.filing is None:
        if kept is not None and transition.state.status in ("rejected", "ended", "completed"):
            await tx.rows("UPDATE filing SET void_at = $2 WHERE case_id = $1 AND void_at IS NULL", (case.id, tx.now))
        return None
    if kept is not None and await tx.rows("SELECT 1 FROM filing WHERE case_id = $1 AND void_at IS NULL", (case.id,)):
        return {"id": None, "number": kept}
    return await next_number(tx, case, transition.filing)


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
