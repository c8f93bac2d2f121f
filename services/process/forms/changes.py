"""What changed between two submissions of a form, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from services.process.forms.definition import ROW_ID, AnyField, FormDefinition, RowsField


@dataclass(frozen=True)
class Change:
    """One difference. `path` counts rows as they stand after; for a removed row, as they stood before.

    A row that was added or removed as a whole is one change, its value a mapping of columns.
    """

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any
    after: Any


def diff(form: FormDefinition, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return what changed from `before` to `after` (both cleaned), in the order of the form.

    Rows are the same row when they have the same `_id`; moving a row is no change.
    """
    changes: list[Change] = []
    for part, field in form.walk():
        old = (before.get(part.part) or {}).get(field.field)
        new = (after.get(part.part) or {}).get(field.field)
        changes.extend(_field_changes(field, old, new, path=f"{part.part}.{field.field}"))
    return changes


def _field_changes(field: AnyField, old: Any, new: Any, *, path: str) -> list[Change]:
    if isinstance(field, RowsField):
        return _row_changes(field, old or [], new or [], path=path)
    return _value_changes(old, new, path=path)


def _value_changes(old: Any, new: Any, *, path: str) -> list[Change]:
    if old == new or (old in (None, []) and new in (None, [])):
        return []
    if old in (None, []):
        return [Change(path, "added", None, new)]
    if new in (None, []):
        return [Change(path, "removed", old, None)]
    return [Change(path, "changed", old, new)]


def _row_changes(field: RowsField, old: list[Any], new: list[Any], *, path: str) -> list[Change]:
    before = {row[ROW_ID]: row for row in old}
    changes: list[Change] = []
    for index, row in enumerate(new):
        place = f"{path}.{index}"
        if row[ROW_ID] in before:
            changes.extend(_cell_changes(field, before[row[ROW_ID]], row, path=place))
        else:
            changes.append(Change(place, "added", None, _cells(row)))
    kept = {row[ROW_ID] for row in new}
    gone = [(index, row) for index, row in enumerate(old) if row[ROW_ID] not in kept]
    return changes + [Change(f"{path}.{index}", "removed", _cells(row), None) for index, row in gone]


def _cell_changes(field: RowsField, old: Mapping[str, Any], new: Mapping[str, Any], *, path: str) -> list[Change]:
    return [
        change
        for column in field.columns
        for change in _value_changes(old.get(column.field), new.get(column.field), path=f"{path}.{column.field}")
    ]


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != ROW_ID}
