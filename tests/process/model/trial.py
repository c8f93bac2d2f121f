"""One random history from its seed: played, brought to its end, played again; a failing one is made small and printed."""

from __future__ import annotations

from copy import deepcopy
from random import Random

from tests.process.model.acts import Act
from tests.process.model.compare import Broken, same
from tests.process.model.finisher import finish
from tests.process.model.shrink import Failure, programme, shrunk
from tests.process.model.story import Advance, Story, advance
from tests.process.model.wander import begun, some_act

LENGTHS = (10, 25, 40, 60)
AGAIN = 8
"""Of so many histories one is played a second time."""


def trial(seed: int, engine: Advance = advance) -> Story:
    """Play the history of a seed.

    Raises:
        AssertionError: a rule does not hold; says the seed and how to play the smallest history that shows it.
    """
    story = begun(seed, engine)
    people = story.people.copy()
    try:
        _played(story, seed)
    except Broken as broken:
        failure = Failure(story.raw, people, story.acts, broken.rule, engine)
        small = shrunk(failure)
        raise AssertionError(f"seed {seed}: {broken}\n\n{programme(small)}") from broken
    return story


def _played(story: Story, seed: int) -> None:
    random, people = Random(f"acts {seed}"), story.people.copy()
    for _ in range(LENGTHS[seed % len(LENGTHS)]):
        story.do(some_act(random, story))
        if story.state.status != "open" and random.random() < 0.5:
            break
    if story.state.status not in ("open", "filed", "completed"):
        story.do(Act("reopen", "admin", to=_first_submit(story)))
    finish(story)
    if seed % AGAIN == 0:
        again = Story(deepcopy(story.raw), people, story.engine).play(story.acts)
        same("the same history comes to another state", again.state, story.state)


def _first_submit(story: Story) -> str:
    return next(code for code in story.chart.stage if story.chart.kind(code) == "submit")


def trials(first: int, count: int) -> int:
    """Play so many histories from a seed on; return how many acts were tried."""
    return sum(len(trial(seed).acts) for seed in range(first, first + count))
