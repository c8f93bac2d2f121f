"""Moving a running case to another version of its process: pure; what cannot be moved says why and stays where it is.

Open visits keep their tasks, opinions and due dates; what opens from now on follows the other version. A stage may have
another name there, which whoever migrates says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from services.i18n import N_, Message
from services.process.definitions import ActedStage, ProcessDefinition
from services.process.states import CaseState, VisitState

Renames = Mapping[str, str]
"""Stage as it is called now -> as it is called in the other version."""


def obstacles(old: ProcessDefinition, new: ProcessDefinition, state: CaseState, renames: Renames) -> list[Message]:
    """Return why the case cannot go on under `new`; [] where it can."""
    found = [*_stage_obstacles(old, new, state, renames)]
    if not found:
        moved = move_state(new, state, renames)
        stages = [visit.stage for visit in moved.open]
        for stage in stages:
            if set(new.earlier(stage)) & set(stages):
                words = N_(
                    "“{stage}” comes after another stage that is open; both cannot be open in the other version."
                )
                found.append(Message(words, {"stage": stage}))
    return found


def _stage_obstacles(
    old: ProcessDefinition, new: ProcessDefinition, state: CaseState, renames: Renames
) -> Iterator[Message]:
    for visit in state.open:
        code = renames.get(visit.stage, visit.stage)
        if code not in new.places:
            words = N_(
                "The case stands in “{stage}”, which the other version does not have; say what it is called there."
            )
            yield Message(words, {"stage": visit.stage})
            continue
        yield from _visit_obstacles(old, new, visit, code)
    for detour in state.detours:
        if renames.get(detour.target, detour.target) not in new.places:
            words = N_("The case is being corrected in “{stage}”, which the other version does not have.")
            yield Message(words, {"stage": detour.target})


def _visit_obstacles(old: ProcessDefinition, new: ProcessDefinition, visit: VisitState, code: str) -> Iterator[Message]:
    before, after = old.stage(visit.stage), new.stage(code)
    if before.kind != after.kind:
        words = N_("“{stage}” is another kind of stage in the other version ({before}, {after}).")
        yield Message(words, {"stage": code, "before": before.kind, "after": after.kind})
        return
    if not isinstance(before, ActedStage) or not isinstance(after, ActedStage):
        return
    if before.mode != after.mode:
        words = N_("“{stage}” is decided in another way in the other version ({before}, {after}).")
        yield Message(words, {"stage": code, "before": before.mode, "after": after.mode})
    gone = {task.actor for task in (*visit.tasks, *visit.waiting) if task.added is None} - set(after.actors)
    for actor in sorted(gone):
        words = N_("“{actor}” has an open task in “{stage}” and is not asked there in the other version.")
        yield Message(words, {"actor": actor, "stage": code})


def move_state(new: ProcessDefinition, state: CaseState, renames: Renames) -> CaseState:
    """Return the state under the other version, one version on; only where there are no obstacles."""

    def named(code: str) -> str:
        return renames.get(code, code)

    def visit(each: VisitState) -> VisitState:
        return each.model_copy(update={"stage": named(each.stage)})

    changes: dict[str, Any] = {
        "open": tuple(map(visit, state.open)),
        "visits": {named(code): n for code, n in state.visits.items()},
        "submitted": {named(code): each for code, each in state.submitted.items()},
        "chosen": {named(code): arm for code, arm in state.chosen.items() if named(code) in new.places},
        "detours": tuple(
            each.model_copy(update={"target": named(each.target), "back": tuple(map(visit, each.back))})
            for each in state.detours
        ),
        "moves": tuple(
            each.model_copy(update={"left": visit(each.left)})
            for each in state.moves
            if each.left.stage and named(each.left.stage) in new.places
        ),
        "version": state.version + 1,
    }
    return state.model_copy(update=changes)
