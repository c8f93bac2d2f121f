"""What differs between two resolved packs: values, place by place. The words stand in services/programmes/differing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from services.process.pack_places import MISSING, Doc, below, written

Kind = Literal["added", "removed", "changed", "moved"]
SORTS = ("kind", "type")
"""What tells the sort of an item: one of another sort is another item, told as one difference."""


class Difference(NamedTuple):
    """One difference. before and after: JSON values; None where there was or is nothing.

    moved: the items of a list stand in another order; before and after are their names.
    """

    place: str
    kind: Kind
    before: Any
    after: Any

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"place": self.place, "kind": self.kind, "before": self.before, "after": self.after}


def difference(before: Doc, after: Doc) -> tuple[Difference, ...]:
    """Return every difference between two resolved packs, in the order of the document; () where they are alike."""
    return tuple(_walk(before, after, ()))


def _walk(before: Any, after: Any, steps: tuple[str, ...]) -> Iterator[Difference]:
    if before == after:
        return
    one, other = below(before), below(after)
    if before in (None, [], {}) or before is MISSING:
        yield Difference(written(steps), "added", None, after)
    elif after in (None, [], {}) or after is MISSING:
        yield Difference(written(steps), "removed", before, None)
    elif one is None or other is None or type(before) is not type(after) or _other_sort(before, after):
        yield Difference(written(steps), "changed", before, after)
    else:
        yield from _inside(one, other, steps, ordered=isinstance(before, list))


def _other_sort(before: Any, after: Any) -> bool:
    return isinstance(before, dict) and any(before.get(key) != after.get(key) for key in SORTS)


def _inside(
    before: dict[str, Any], after: dict[str, Any], steps: tuple[str, ...], *, ordered: bool
) -> Iterator[Difference]:
    if ordered:
        stayed, now = [name for name in before if name in after], [name for name in after if name in before]
        if stayed != now:
            yield Difference(written(steps), "moved", stayed, now)
    for name in (*before, *(name for name in after if name not in before)):
        one, other = before.get(name, MISSING), after.get(name, MISSING)
        if not (one is MISSING and other in (None, [], {})) and not (other is MISSING and one in (None, [], {})):
            yield from _walk(one, other, (*steps, name))


def stages_of(process: Doc) -> dict[str, Doc]:
    """Return every stage of a process by its code, also those inside of other stages, in the order of the document."""
    found: dict[str, Doc] = {}
    waiting: list[Any] = [process.get("stages", [])]
    while waiting:
        value = waiting.pop(0)
        if isinstance(value, dict):
            if "code" in value and "kind" in value:
                found[value["code"]] = value
            waiting = [*value.values(), *waiting]
        elif isinstance(value, list):
            waiting = [*value, *waiting]
    return found
