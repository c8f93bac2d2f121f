"""A wrong pack without its wrong values, so that the names between its parts can be checked in the same run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.adapters.yaml_source import Sourced
from services.process.mistakes import Loc

FILLERS: dict[str, Any] = {
    "within": "1wd",
    "after": "1wd",
    "every": "1wd",
    "at_least": "1wd",
    "timezone": "UTC",
    "remind_at": "09:00",
    "subject": "project-group",
    "zh": "–",
    "en": "–",
    "title": {"zh": "–", "en": "–"},
    "basis": {"zh": "–", "en": "–"},
    "programme": "unnamed",
    "remind.at": "09:00",
    "due.at": "season.due",
}
"""What stands for a value that is wrong or missing where no other value depends on it."""

Change = Callable[[Sourced], Sourced | None]


def mend(source: Sourced, errors: list[Any]) -> Sourced:
    """Return `source` without the values that `errors` (Pydantic's) name.

    Where one of FILLERS can stand in for it, it does; a list loses the item; what lacks something else is lost itself.
    """
    wrong = {source.trace(error["loc"]) for error in errors if error["type"] != "missing"}
    for loc in [error["loc"] for error in errors if error["type"] == "missing"]:
        holder, key = _holder(source, loc[:-1]), str(loc[-1])
        filler = FILLERS.get(".".join(map(str, (*holder[-1:], key))), FILLERS.get(key))
        if filler is not None:
            source = _changed(source, holder, _filling(key, filler)) or source
        else:
            wrong.add(holder)
    # From the back, so that an item that goes does not move one that is still to go; the inner before the outer.
    for path in sorted(wrong, key=lambda path: [str(step).zfill(6) for step in path], reverse=True):
        if path:
            source = _changed(source, path, _removing) or source
    return source


def _holder(source: Sourced, loc: Loc) -> Loc:
    """Return the path to the mapping that lacks something."""
    path = source.trace(loc)
    while path and not isinstance(source.locate(path).value, dict):
        path = path[:-1]
    return path


def _filling(key: str, filler: Any) -> Change:
    def fill(source: Sourced) -> Sourced:
        return _rebuilt(source, {**source.children, key: Sourced(filler, source.file, source.line)})

    return fill


def _removing(source: Sourced) -> Sourced | None:
    del source
    return None


def _changed(source: Sourced, path: Loc, change: Change) -> Sourced | None:
    if not path:
        return change(source)
    if path[0] not in source.children:
        return source
    child = _changed(source.children[path[0]], path[1:], change)
    children = {key: item for key, item in source.children.items() if key != path[0]}
    if child is not None:
        children = {key: child if key == path[0] else item for key, item in source.children.items()}
    return _rebuilt(source, children)


def _rebuilt(source: Sourced, children: dict[str | int, Sourced]) -> Sourced:
    if isinstance(source.value, list):
        items = list(children.values())
        return Sourced([item.value for item in items], source.file, source.line, dict(enumerate(items)), source.path)
    values = {key: item.value for key, item in children.items()}
    return Sourced(values, source.file, source.line, children, source.path)
