"""Remarks beside the entries of a plan, also when its rows have moved since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from services.process.forms import ROW_ID, FormDefinition, RowsField
from services.web.numbers import whole
from services.workflow.remarks import RemarkView


def remarks_by_path(remarks: Iterable[RemarkView], submission_id: UUID) -> dict[str, list[RemarkView]]:
    """Return the remarks on one submission by the entry that they are pinned to."""
    found: dict[str, list[RemarkView]] = {}
    for remark in remarks:
        if remark.submission_id == submission_id:
            found.setdefault(remark.path, []).append(remark)
    return found


def moved(form: FormDefinition, path: str, *, before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
    """Return where the entry at `path` of `before` stands in `after`; None when its row is gone."""
    part, _, rest = path.partition(".")
    name, _, place = rest.partition(".")
    index, _, column = place.partition(".")
    try:
        table = form.part(part).field(name)
    except KeyError:
        return path
    rows = (before.get(part) or {}).get(name) or []
    at = whole(index)
    if not isinstance(table, RowsField) or at is None or at >= len(rows):
        return path
    kept = [row.get(ROW_ID) for row in (after.get(part) or {}).get(name) or []]
    row_id = rows[at].get(ROW_ID)
    if row_id not in kept:
        return None
    return f"{part}.{name}.{kept.index(row_id)}" + (f".{column}" if column else "")
