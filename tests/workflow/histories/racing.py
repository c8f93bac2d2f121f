"""Two acts at once on one case: what comes of it is what the rules give for one of them after the other."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from services.errors import ConflictError, GuantongError
from services.process import events
from services.process.events import Event
from services.process.states import CaseState
from tests.process.model.acts import CLOCK, OUTSIDE, Act, Sight, event_of
from tests.process.model.compare import Broken
from tests.process.model.wander import some_act
from tests.workflow.histories.commands import draft, perform, refusal
from tests.workflow.histories.likeness import canonical, ids_of
from tests.workflow.histories.lived import NOT_IN_THE_STORE, Lived
from tests.workflow.histories.standing import standing

RACED = "two acts at once: "
Pair = list[tuple[Act, Event]]


def race(story: Lived, random: Random) -> None:
    """Let two people act at the same moment, mostly such as each could; raise Broken where it came to something else."""
    pair = _two(story, random)
    try:
        story._run(_race(story, pair))
    except Broken as broken:
        raise Broken(f"{RACED}{broken.rule}", [act for act, _ in pair], *broken.values) from broken


def _two(story: Lived, random: Random) -> Pair:
    found: Pair = []
    for _ in range(60):
        act = some_act(random, story)
        if act.do in (*OUTSIDE, *CLOCK, *NOT_IN_THE_STORE) or act.paper:
            continue
        event = event_of(act, Sight(story.state, tuple(story.stale), story.new_id(), story.now))
        if story._would(event, story.context(act, event)) and not refusal(story, act, event, story._parts()):
            found.append((act, event))
        if len(found) == 2:
            break
    return found


async def _race(story: Lived, pair: Pair) -> None:
    if len(pair) < 2:
        return
    await story._tick(1)
    for act, event in pair:
        await story.town.know([act.who, act.to, act.how])
        if not await draft(story.town, act, event):
            return  # both would write one form
    expected = [_in_order(story, pair), _in_order(story, pair[::-1])]
    version = story.state.version
    came = await asyncio.gather(*(_tried(story, act, event, version) for act, event in pair))
    facts = await story.town.look()
    story.facts = facts
    known = frozenset(ids_of(story.state))
    found = canonical(facts.state(story.town.case_id), known, dates=False)
    orders = [({act.do: done[n] for n, (act, _) in enumerate(p)}, canonical(state, known, dates=False))
              for p, (done, state) in zip((pair, pair[::-1]), expected, strict=True)]  # fmt: skip
    won = {act.do: ok for (act, _), ok in zip(pair, came, strict=True)}
    if not any(_same(found, state) for _, state in orders):
        raise Broken("they came to what neither order gives", won, found, orders)
    standing(facts, story.definitions)


def _same(found: Any, expected: Any) -> bool:
    return {**found, "number": None} == {**expected, "number": None}


async def _tried(story: Lived, act: Act, event: Event, version: int) -> bool:
    try:
        await perform(story.town, act, event, version=version)
    except GuantongError:
        return False
    return True


def _moved_on(story: Lived, state: CaseState) -> None:
    """A jump is of the version that was seen."""
    if state.version != story.state.version:
        raise ConflictError


def _in_order(story: Lived, pair: Pair) -> tuple[list[bool], CaseState]:
    """What the rules give for one act after the other: which were done, and the state."""
    state, done, values = story.state, [], story.values
    for act, event in pair:
        context = story.context(act, event)
        try:
            if isinstance(event, events.Jump):
                _moved_on(story, state)
            after = story.engine(story.definition, state, event, context)
        except GuantongError:
            done.append(False)
            continue
        state, story.values = after.state, {stage: dict(data) for stage, data in context.values.items()}
        done.append(True)
    story.values = values
    return done, state
