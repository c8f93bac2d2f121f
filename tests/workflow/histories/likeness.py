"""Whether two states are the same but for the ids that each drew for itself, and for dates that only the store knows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from services.process.outcomes import Transition
from services.process.states import CaseState
from tests.process.model.compare import Broken

DATES = ("due_at", "close_at")


def alike(done: Transition, state: CaseState) -> dict[UUID, UUID]:
    """Return the store's ids of what the transition opened; raise Broken where the store's state is not the transition's.

    What was there before keeps its ids and its dates. What the act opened has dates of the store, and so has what it moved.
    """
    free = {each.state.id for each in done.opened if not each.kept} | {each.visit for each in done.moved}
    dated = {each.id: each for each in state.open}
    place = {mine.id: theirs.id for mine, theirs in zip(done.state.open, state.open, strict=False)}
    visits = tuple(
        visit.model_copy(update={name: getattr(dated[place[visit.id]], name) for name in DATES})
        if visit.id in free and place.get(visit.id) in dated
        else visit
        for visit in done.state.open
    )
    known = frozenset(ids_of(done.before))
    number = {"number": state.number} if done.filing is not None else {}
    expected = canonical(done.state.model_copy(update={"open": visits, **number}), known)
    found = canonical(state, known)
    for name in expected:
        if found[name] != expected[name]:
            raise Broken(
                f"the store has another state than the rules say: {name}", *_difference(found[name], expected[name])
            )
    if done.filing is not None and state.number is None:
        raise Broken("a filed case has no number")
    return dict(zip(ids_of(done.state), ids_of(state), strict=True))


def _difference(found: Any, expected: Any) -> tuple[Any, ...]:
    """The first place where two values differ, and what is there."""
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        return next(
            (at, *_difference(one, two))
            for at, (one, two) in enumerate(zip(found, expected, strict=True))
            if one != two
        )
    if isinstance(found, dict) and isinstance(expected, dict) and found.keys() == expected.keys():
        return next(
            (name, *_difference(found[name], expected[name])) for name in found if found[name] != expected[name]
        )
    return (found, expected)


def ids_of(state: CaseState) -> list[UUID]:
    """Every id of the state, in the order of its values."""
    found: list[UUID] = []
    _walk(state.model_dump(), found.append)
    return found


def canonical(state: CaseState, known: frozenset[UUID], *, dates: bool = True) -> Mapping[str, Any]:
    """Return the state with new ids as they come: #1, #2 …"""
    names: dict[UUID, str] = {}

    def name(value: UUID) -> Any:
        return value if value in known or value.version == 5 else names.setdefault(value, f"#{len(names) + 1}")

    walked: Mapping[str, Any] = _walk(state.model_dump(), name, dates=dates)
    return walked


def _walk(value: Any, name: Any, *, dates: bool = True) -> Any:
    match value:
        case UUID():
            return name(value)
        case Mapping():
            return {key: _walk(each, name, dates=dates) for key, each in value.items()}
        case list() | tuple():
            return [_walk(each, name, dates=dates) for each in value]
        case datetime() if not dates:
            return None
    return value
