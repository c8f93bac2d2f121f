"""Where a case stands in its process: for each stage whether it is done, open, returned, ahead, or not taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from services.process.definitions import BranchStage, ParallelStage, ProcessDefinition, walk
from services.process.states import CaseState

Mark = Literal["done", "open", "returned", "ahead", "skipped"]
SENT_BACK = frozenset({"return", "decline", "settle", "fail", "oppose"})
"""The acts that open an earlier stage again."""


@dataclass(frozen=True)
class Position:
    """Where a case stands.

    open: the stages in which it stands. returned: those of them that were opened because it was sent back. done: the stages
    behind it. chosen: the way that each branch took which is not ahead of it again. visits: how often each stage was visited.
    over: it is closed, and nothing is ahead of it any more.
    """

    open: frozenset[str] = frozenset()
    returned: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()
    chosen: Mapping[str, int] = field(default_factory=dict)
    visits: Mapping[str, int] = field(default_factory=dict)
    over: bool = False


def position_of(definition: ProcessDefinition, state: CaseState) -> Position:
    """Return where a case of this definition stands.

    A stage that was visited before the case was sent back to an earlier one is ahead of it again, and so is the choice of a branch.
    """
    places = definition.places
    here = frozenset(visit.stage for visit in state.open if visit.stage in places)
    behind = {code: here.isdisjoint(before(definition, code)) for code in places}
    chosen = {code: arm for code, arm in state.chosen.items() if behind.get(code, False)}
    taken = {code for code in places if _taken(definition, code, chosen)}
    return Position(
        open=here,
        returned=frozenset(visit.stage for visit in state.open if visit.entered_by in SENT_BACK) & here,
        done=frozenset(code for code in state.visits if code in taken and behind[code]) - here,
        chosen=chosen,
        visits={code: n for code, n in state.visits.items() if code in places},
        over=state.status != "open",
    )


def before(definition: ProcessDefinition, code: str) -> Iterator[str]:
    """Yield every stage before `code` on the way to it: not those inside of another arm of a block around it."""
    place = definition.places[code]
    lists = [(place.siblings, place.index)]
    for block, _ in place.path:
        outer = definition.places[block.code]
        lists.append((outer.siblings, outer.index))
    return (entry[0].code for siblings, index in lists for entry in walk(siblings[:index]))


def marks_of(definition: ProcessDefinition, position: Position) -> dict[str, Mark]:
    """Return the mark of every stage; a block is as what is inside it. What the case went past without a visit was not taken."""
    past = {code for here in position.open for code in before(definition, here)}
    return {code: _mark(definition, position, code, past=past) for code in definition.places}


def _mark(definition: ProcessDefinition, position: Position, code: str, *, past: set[str]) -> Mark:
    if code in position.open:
        return "returned" if code in position.returned else "open"
    if code in position.done:
        return "done"
    if not _taken(definition, code, position.chosen):
        return "skipped"
    inside = definition.inside(code) if isinstance(definition.stage(code), BranchStage | ParallelStage) else frozenset()
    if code in position.chosen or not inside.isdisjoint(position.done | position.open):
        return "open" if not inside.isdisjoint(position.open) else "done"
    return "skipped" if position.over or code in past else "ahead"


def _taken(definition: ProcessDefinition, code: str, chosen: Mapping[str, int]) -> bool:
    """Tell whether no branch around the stage has taken another way."""
    path = definition.places[code].path
    return all(chosen.get(block.code, arm) == arm for block, arm in path if isinstance(block, BranchStage))
