"""A definition's stages with the places where they stand in the resolved pack, and what is surely behind a case there."""

from __future__ import annotations

from collections.abc import Iterator

from services.process.definitions import (
    AssessStage,
    Block,
    BranchStage,
    Final,
    ParallelStage,
    ProcessDefinition,
    Stage,
    SubmitStage,
    arms,
)
from services.process.mistakes import Loc


def located(process: ProcessDefinition, root: Loc) -> Iterator[tuple[Stage, Loc]]:
    """Yield every stage with its place below `root`, the process's, in the order of reading."""
    return _located(process.stages, (*root, "stages"))


def _located(stages: tuple[Stage, ...], at: Loc) -> Iterator[tuple[Stage, Loc]]:
    for number, stage in enumerate(stages):
        loc = (*at, number)
        yield stage, loc
        if isinstance(stage, BranchStage | ParallelStage):
            for inside, arm in zip(arms(stage), arm_locs(stage, loc), strict=True):
                yield from _located(inside, (*arm, "stages"))


def arm_locs(block: Block, loc: Loc) -> list[Loc]:
    """Return the place of each way or path of a block that stands at `loc`."""
    key = "ways" if isinstance(block, BranchStage) else "paths"
    return [(*loc, key, number) for number in range(len(arms(block)))]


def ends(stages: tuple[Stage, ...]) -> bool:
    """Tell whether whoever walks these stages comes to an end of the process, whichever ways are taken."""
    return any(ends_at(stage) for stage in stages)


def ends_at(stage: Stage) -> bool:
    """Tell whether nothing can follow a stage: it is final, or a branch each of whose ways is."""
    if isinstance(stage, BranchStage):
        return all(ends(arm) for arm in arms(stage))
    return isinstance(stage, Final)


def surely_before(process: ProcessDefinition) -> dict[str, frozenset[str]]:
    """Return, for every stage, the stages with a form that every case has been through before it."""
    found: dict[str, frozenset[str]] = {}
    _walk(process.stages, frozenset(), found)
    return found


def _walk(stages: tuple[Stage, ...], before: frozenset[str], found: dict[str, frozenset[str]]) -> frozenset[str]:
    """Note what is behind a case at each of these stages, and return what is once it has walked them all."""
    for stage in stages:
        found[stage.code] = before
        match stage:
            case SubmitStage() | AssessStage():
                before |= {stage.code}
            case BranchStage():
                after = [(arm, _walk(arm, before, found)) for arm in arms(stage)]
                going_on = [done for arm, done in after if not ends(arm)]
                before = frozenset.intersection(*going_on) if going_on else before
            case ParallelStage():
                before = before.union(*[_walk(arm, before, found) for arm in arms(stage)])
    return before
