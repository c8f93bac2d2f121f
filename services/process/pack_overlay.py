"""A bureau's own values laid over a pack: applied again to the pack's next version, with what does not fit any more.

An overlay is kept apart from the pack as a list of changes: the place, the pack's value that it was made against, and the
bureau's value. What processes run by is the resolved pack with the changes in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from services.i18n import Message
from services.process.pack_checks import check
from services.process.pack_places import MISSING, Doc, place_of, read, replaced
from services.process.pack_words import words
from services.process.packs import Pack

Decision = Literal["ours", "theirs"]
Why = Literal["changed", "gone", "mistake"]


class Change(NamedTuple):
    """A bureau's value at a place. base: the pack's value that it was made against."""

    place: str
    base: Any
    value: Any

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return self._asdict()


class Problem(NamedTuple):
    """What is wrong with a resolved pack, at a place in it."""

    place: str
    message: Message


@dataclass(frozen=True)
class Conflict:
    """A change that does not fit the pack's next version as a matter of course.

    changed: the pack's value is another one now (theirs); ours can be kept. gone: the place vanished. mistake: with it the
    pack would not pass its check. The last two leave only theirs.
    """

    change: Change
    why: Why
    theirs: Any
    message: Message | None = None

    @property
    def may_keep(self) -> bool:
        """Whether the bureau's value can stay."""
        return self.why == "changed"


@dataclass(frozen=True)
class Reapplied:
    """An overlay applied to a pack.

    doc: the resolved pack with the changes; without those that conflict and are not decided for ours. kept: the overlay from
    now on, its bases brought up to date. settled: changes that the pack itself has taken up. open: conflicts not decided.
    """

    doc: Doc
    kept: tuple[Change, ...]
    settled: tuple[Change, ...]
    conflicts: tuple[Conflict, ...]
    open: tuple[Conflict, ...]


def problems_of(doc: Doc) -> tuple[Problem, ...]:
    """Return every mistake of a resolved pack with its place: the same checks as when a pack is loaded."""
    try:
        pack = Pack.model_validate(doc)
    except ValidationError as error:
        found = [(each["loc"], words(each, Pack)) for each in error.errors(include_url=False)]
    else:
        found = [(mistake.loc, mistake.message) for mistake in check(pack)]
    return tuple(dict.fromkeys(Problem(place_of(doc, loc), message) for loc, message in found))


def applied(base: Doc, changes: Iterable[Change]) -> Doc:
    """Return the document with the changes in it; those whose place is not there are passed over."""
    for change in changes:
        if read(base, change.place) is not MISSING:
            base = replaced(base, change.place, change.value)
    return base


def reapply(base: Doc, changes: Sequence[Change], decisions: Mapping[str, Decision] | None = None) -> Reapplied:
    """Apply an overlay to a pack, as it is loaded.

    Args:
        base: the resolved pack without any overlay; it passes its check.
        changes: the overlay as it stood before.
        decisions: for each conflict's place whose value counts from now on.
    """
    decided = decisions or {}
    settled = tuple(each for each in changes if read(base, each.place) == each.value)
    others = [each for each in changes if each not in settled]
    conflicts = [found for each in others if (found := _conflict(base, each)) is not None]
    places = {found.change.place for found in conflicts if not _keeps(found, decided)}
    kept = [each._replace(base=read(base, each.place)) for each in others if each.place not in places]
    for found in _mistaken(base, kept):
        conflicts = [*(each for each in conflicts if each.change.place != found.change.place), found]
        kept = [each for each in kept if each.place != found.change.place]
    undecided = tuple(each for each in conflicts if not _is_decided(each, decided))
    return Reapplied(applied(base, kept), tuple(kept), settled, tuple(conflicts), undecided)


def _conflict(base: Doc, change: Change) -> Conflict | None:
    theirs = read(base, change.place)
    if theirs is MISSING:
        return Conflict(change, "gone", None)
    return Conflict(change, "changed", theirs) if theirs != change.base else None


def _keeps(found: Conflict, decided: Mapping[str, Decision]) -> bool:
    return found.may_keep and decided.get(found.change.place) == "ours"


def _is_decided(found: Conflict, decided: Mapping[str, Decision]) -> bool:
    decision = decided.get(found.change.place)
    return decision == "theirs" or (decision == "ours" and found.may_keep)


def _mistaken(base: Doc, changes: Sequence[Change]) -> list[Conflict]:
    """Return the changes without which the pack passes its check: those whose absence takes a mistake away, else all."""
    found = problems_of(applied(base, changes))
    if not found:
        return []
    guilty = [each for each in changes if len(_without(base, changes, each)) < len(found)] or list(changes)
    rest = [each for each in changes if each not in guilty]
    if problems_of(applied(base, rest)):
        guilty = list(changes)
    return [Conflict(each, "mistake", read(base, each.place), _nearest(found, each)) for each in guilty]


def _without(base: Doc, changes: Sequence[Change], one: Change) -> tuple[Problem, ...]:
    return problems_of(applied(base, [each for each in changes if each != one]))


def _nearest(found: Sequence[Problem], change: Change) -> Message:
    return max(found, key=lambda problem: _common(problem.place, change.place)).message


def _common(one: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
