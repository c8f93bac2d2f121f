"""The values of a pack that a bureau may set for itself: which they are, and how they are typed.

Days, spans, ladders, seats, actors and number formats; never codes, kinds, titles, forms or the order of stages. A value is known
by what it looks like and where it stands, so the stages of a process are not named here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from services.process.pack_places import MODES, Doc, leaves, written

Sort = Literal[
    "span", "spans", "number", "seats", "time", "yes-no", "season-day", "actor", "actors", "who", "ladder", "pattern"
]

SPAN = re.compile(r"\d+(wd|d)")
TIME = re.compile(r"\d\d:\d\d")
SEASON_DAY = re.compile(r"(-1/)?\d\d-\d\d")
COMMA = re.compile(r"\s*[,，、;；]\s*")
SETTINGS: dict[str, Sort] = {"near_days": "number", "remind_at": "time", "roll_forward": "yes-no"}
ACTOR_LISTS = frozenset({"notify", "requires", "tell", "of"})
FIXED = frozenset({"code", "kind", "title", "help", "form", "process", "return_to"})
RUNG = ("after", "every", "until", "tell")


class Setting(NamedTuple):
    """A value that a bureau may set for itself."""

    place: str
    sort: Sort
    value: Any


def settable(doc: Doc) -> Iterator[Setting]:
    """Yield every value of a resolved pack that a bureau may set for itself, in the order of the document."""
    for steps, value in leaves(doc):
        sort = _sort(steps, value)
        if sort is not None:
            yield Setting(written(steps), sort, value)


def sort_at(doc: Doc, place: str) -> Sort | None:
    """Return the sort of the value at a place, or None where there is none that the bureau may set."""
    return next((found.sort for found in settable(doc) if found.place == place), None)


def _sort(steps: tuple[str, ...], value: Any) -> Sort | None:
    match steps:
        case ("settings", name):
            return SETTINGS.get(name)
        case ("positions", _, "seats", "min"):
            return "number"
        case ("positions", _, "seats", "max"):
            return "seats"
        case ("processes", _, *inner, key) if key not in FIXED:
            return _in_process(key, value, inside=frozenset(inner))
    return None


def _in_process(key: str, value: Any, *, inside: frozenset[str]) -> Sort | None:
    sort: Sort | None = None
    match value:
        case str():
            sort = _of_text(key, value)
        case int() if not isinstance(value, bool):
            sort = "number"
        case dict() if key == "by" and value.keys() in MODES:
            sort = "who"
        case list():
            sort = _of_list(key, value, inside=inside)
    return sort


def _of_list(key: str, value: list[Any], *, inside: frozenset[str]) -> Sort | None:
    if key == "overdue":
        return "ladder"
    if value and all(isinstance(each, str) and SPAN.fullmatch(each) for each in value):
        return "spans"
    return "actors" if key in ACTOR_LISTS or "by" in inside else None


def _of_text(key: str, value: str) -> Sort | None:
    for pattern, sort in ((SPAN, "span"), (TIME, "time"), (SEASON_DAY, "season-day")):
        if pattern.fullmatch(value):
            return sort  # type: ignore[return-value]
    named: dict[str, Sort] = {"by": "who", "exceptions": "actor", "number": "pattern"}
    return named.get(key)


# --- as they are typed ------------------------------------------------------------------------------------------------


def typed(sort: Sort, value: Any) -> str:
    """Return a value as it stands in an input."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case dict():
            return "; ".join(f"{key}: {typed(sort, each)}" for key, each in value.items())
        case list() if sort == "ladder":
            return "\n".join(_rung_typed(rung) for rung in value)
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def _rung_typed(rung: Doc) -> str:
    return f"{rung['after']} {rung['every']} {rung['until']} {', '.join(rung['tell'])}"


def parsed(sort: Sort, text: str) -> Any:
    """Return the value that somebody typed. What cannot be read stays as it was typed: the check says what would be right."""
    text = text.strip()
    match sort:
        case "number" | "seats":
            return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else (text or None)
        case "yes-no":
            return {"yes": True, "no": False}.get(text, text)
        case "spans" | "actors":
            return _list(text)
        case "who":
            return _who(text)
        case "ladder":
            return [_rung(line) for line in text.splitlines() if line.strip()]
        case _:
            return text


def _list(text: str) -> list[str]:
    return [each for each in COMMA.split(text.strip()) if each]


def _who(text: str) -> Any:
    mode, colon, rest = text.replace("：", ":").partition(":")
    if colon:
        return {mode.strip(): _list(rest)}
    actors = _list(text)
    return actors[0] if len(actors) == 1 else {"all_of": actors}


def _rung(line: str) -> Doc:
    parts = line.split(maxsplit=len(RUNG) - 1)
    found: Doc = dict(zip(RUNG, parts, strict=False))
    return {**found, "tell": _list(found["tell"])} if "tell" in found else found
