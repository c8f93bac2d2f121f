"""Places in a resolved pack, addressed by codes: `processes/annual-filing/stages/guidance/within`.

A list whose items have codes is addressed by them, so that a place stays the same when something is put in before it.
What has no code of its own (a ladder's rungs, a list of actors, a text in two languages) is one value, whole.
Nothing here knows a kind of stage: whatever the document holds is addressed alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

Doc = dict[str, Any]
KEYS: Final = (
    ("code",),
    ("process",),
    ("form",),
    ("at", "role"),
    ("part",),
    ("field",),
    ("value",),
    ("year",),
    ("date",),
)
"""What names an item of a list, the first that it has."""
LANGUAGES: Final = frozenset({"zh", "en"})
MODES: Final = (frozenset({"all_of"}), frozenset({"any_of"}))
"""Who acts, written as one value: `{all_of: […]}`."""


class Missing:
    """Stands for a place that is not there; None is a value."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()


def written(steps: tuple[str, ...]) -> str:
    """Return the steps as one text; a slash inside of a step becomes `~1`, as in a JSON pointer."""
    return "/".join(step.replace("~", "~0").replace("/", "~1") for step in steps)


def steps_of(place: str) -> tuple[str, ...]:
    """Return the steps of a written place."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in place.split("/")) if place else ()


def name_of(item: Any) -> str | None:
    """Return what names an item of a list, or None where it has no code of its own."""
    if not isinstance(item, dict):
        return None
    for keys in KEYS:
        if all(item.get(key) is not None for key in keys):
            return ":".join(str(item[key]) for key in keys)
    return None


def named(items: Any) -> dict[str, Any] | None:
    """Return a list's items by their names, or None where it is one value: no names, or one of them twice."""
    if not isinstance(items, list) or not items:
        return None
    found = {name: item for item in items if (name := name_of(item)) is not None}
    return found if len(found) == len(items) else None


def below(value: Any) -> dict[str, Any] | None:
    """Return what stands below a value, by its next step; None where the value is one whole."""
    if isinstance(value, dict):
        whole = not value or value.keys() == LANGUAGES or value.keys() in MODES
        return None if whole else value
    return named(value)


def read(doc: Doc, place: str) -> Any:
    """Return the value at a place, or MISSING."""
    found: Any = doc
    for step in steps_of(place):
        inner = below(found)
        if inner is None or step not in inner:
            return MISSING
        found = inner[step]
    return found


def replaced(doc: Doc, place: str, value: Any) -> Doc:
    """Return the document with another value at a place that is there; the given one stays as it is.

    Raises:
        KeyError: there is no such place.
    """
    made = _replaced(doc, steps_of(place), value)
    assert isinstance(made, dict)
    return made


def _replaced(found: Any, steps: tuple[str, ...], value: Any) -> Any:
    if not steps:
        return value
    inner = below(found)
    if inner is None or steps[0] not in inner:
        raise KeyError(steps[0])
    made = _replaced(inner[steps[0]], steps[1:], value)
    if isinstance(found, list):
        return [made if name_of(item) == steps[0] else item for item in found]
    return {**found, steps[0]: made}


def leaves(value: Any, steps: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every value that is one whole with its steps, in the order of the document."""
    inner = below(value)
    if inner is None:
        yield steps, value
        return
    for name, item in inner.items():
        yield from leaves(item, (*steps, name))


def place_of(doc: Doc, loc: tuple[str | int, ...]) -> str:
    """Return the place that a way by keys and indexes leads to; steps that the document does not have are passed over.

    Pydantic names the member of a union that it tried, which nobody wrote; and what stands inside of one value is told at it.
    """
    found: Any = doc
    steps: list[str] = []
    for step in loc:
        inner = below(found)
        if inner is None:
            break
        if isinstance(found, list):
            if not isinstance(step, int) or not 0 <= step < len(found):
                continue
            name = name_of(found[step])
            assert name is not None
            steps.append(name)
            found = found[step]
        elif step in inner:
            steps.append(str(step))
            found = inner[str(step)]
    return written(tuple(steps))
