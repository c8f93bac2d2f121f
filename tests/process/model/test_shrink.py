"""A broken engine is found out, and what is printed is short and shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from services.process.definitions import ProcessDefinition
from services.process.events import Context, Delegate, Event, TakeBack
from services.process.outcomes import Transition
from services.process.states import CaseState
from tests.process.model.compare import Broken
from tests.process.model.story import advance
from tests.process.model.trial import trial


def counts_no_delegation(definition: ProcessDefinition, state: CaseState, event: Event, context: Context) -> Transition:
    """An engine that forgets to count a version."""
    done = advance(definition, state, event, context)
    if isinstance(event, Delegate):
        object.__setattr__(done, "state", done.state.model_copy(update={"version": state.version}))
    return done


def loses_opinions(definition: ProcessDefinition, state: CaseState, event: Event, context: Context) -> Transition:
    """An engine that takes everybody's opinion back with one."""
    done = advance(definition, state, event, context)
    if isinstance(event, TakeBack):
        emptied = tuple(visit.model_copy(update={"opinions": ()}) for visit in done.state.open)
        object.__setattr__(done, "state", done.state.model_copy(update={"open": emptied}))
    return done


@pytest.mark.parametrize(("engine", "acts", "stages"), [(counts_no_delegation, 2, 1), (loses_opinions, 7, 3)])
def test_a_broken_engine_is_shown_by_a_short_history(engine: Any, acts: int, stages: int) -> None:
    said = _first_failure(engine)
    assert said.startswith("seed ")
    shown: dict[str, Any] = {"__name__": "shown"}
    exec(said[said.index("import yaml") :], shown)  # what was printed runs as it stands
    assert len(shown["ACTS"]) <= acts, said
    assert _count(shown["PROCESS"]["stages"]) <= stages, said
    with pytest.raises(Broken):
        shown["play"](engine)
    shown["play"]()


def _first_failure(engine: Any) -> str:
    for seed in range(200):
        try:
            trial(seed, engine)
        except AssertionError as failed:
            return str(failed)
    pytest.fail("the broken engine was not found out")


def _count(stages: list[Mapping[str, Any]]) -> int:
    arms = [arm for stage in stages for arm in stage.get("ways", stage.get("paths", []))]
    return len(stages) + sum(_count(arm.get("stages", [])) for arm in arms)
