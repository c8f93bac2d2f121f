"""Whether a value of a form is as a branch asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.process.definitions import BranchStage, Condition


def chosen_way(branch: BranchStage, values: Mapping[str, Mapping[str, Any]], last: Mapping[str, Any]) -> int:
    """Return the number of the way that is taken.

    Args:
        branch: its last way has no condition.
        values: stage -> the data last submitted there.
        last: the data last submitted anywhere.
    """
    for number, way in enumerate(branch.ways):
        if way.when is None:
            return number
        data = values.get(way.when.stage, {}) if way.when.stage is not None else last
        if holds(way.when, value_at(data, way.when.field)):
            return number
    raise AssertionError("a branch's last way has no condition")


def value_at(data: Mapping[str, Any], field: str) -> Any:
    """Return the value at a dotted path; None where there is nothing."""
    value: Any = data
    for name in field.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def holds(condition: Condition, value: Any) -> bool:
    """Tell whether every test of the condition holds; a number may be written as text, as forms keep it."""
    number = _number(value)
    return all((
        condition.equals is None or value == condition.equals or str(value) == str(condition.equals),
        condition.one_of is None or str(value) in condition.one_of,
        condition.at_least is None or (number is not None and number >= condition.at_least),
        condition.at_most is None or (number is not None and number <= condition.at_most),
        condition.filled is None or (value not in (None, "", [], {})) == condition.filled,
    ))  # fmt: skip


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None
