"""One random history from its seed: lived in the store, brought to its end, lived again; a failing one is made small and printed."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from random import Random
from typing import Any

import yaml

from tests.process.model.acts import Act
from tests.process.model.compare import Broken, same
from tests.process.model.definitions import some_process
from tests.process.model.finisher import finish
from tests.process.model.people import People, some_people
from tests.process.model.shrink import Failure, shrunk
from tests.process.model.wander import some_act
from tests.workflow.histories.lived import SPACES, Lived
from tests.workflow.histories.pack import adapted
from tests.workflow.histories.racing import RACED, race
from tests.workflow.histories.town import Town

LENGTHS = (6, 12, 24)
RACING = 3
"""Of so many histories one ends with two acts at once."""
AGAIN = 10
"""Of so many one that did not end so is lived a second time, in another database."""
GIVING_UP = 4
"""Of so many a filed one gives its number up and is filed again."""
MOST = 80
"""So many shorter histories are tried at the most to make a failing one small."""


def world(seed: int) -> tuple[dict[str, Any], People]:
    """The process and the people of a seed."""
    random = Random(f"process {seed}")
    return adapted(some_process(random)), some_people(random)


def trial(seed: int, town: Town, other: Town | None = None) -> Lived:
    """Live the history of a seed; in `other`, where there is one, once more.

    Raises:
        AssertionError: something does not hold; says the seed and the smallest history found that shows it.
    """
    raw, people = world(seed)
    space = next(SPACES)
    story = Lived(deepcopy(raw), people.copy(), town, space=space)
    try:
        _lived(story, seed)
    except Broken as broken:
        if broken.rule.startswith(RACED):
            raise AssertionError(f"seed {seed}: {broken}") from broken
        failure = InStore(raw, people, story.acts, broken.rule, town=town)
        raise AssertionError(f"seed {seed}: {broken}\n\n{shown(shrunk(failure))}") from broken
    if other is not None and seed % AGAIN == 0 and seed % RACING != 1:
        again = Lived(deepcopy(raw), people.copy(), other, space=space).play(story.acts)
        _same_rows(seed, again, story)
    return story


def _lived(story: Lived, seed: int) -> None:
    random = Random(f"acts {seed}")
    for _ in range(LENGTHS[seed % len(LENGTHS)]):
        story.do(some_act(random, story))
        if story.state.status != "open" and random.random() < 0.5:
            break
    if seed % RACING == 1 and story.state.status == "open":
        race(story, random)
    elif seed % AGAIN:
        if story.state.status not in ("open", "filed", "completed"):
            story.do(Act("reopen", "admin", to=_first_submit(story)))
        finish(story)
        if seed % GIVING_UP == 2 and story.state.status == "filed":
            _given_up(story)
    story.verified()


def _first_submit(story: Lived) -> str:
    return next(code for code in story.chart.stage if story.chart.kind(code) == "submit")


def _given_up(story: Lived) -> None:
    """Let a filed case be ended after all, and filed again under another number."""
    number = story.state.number
    for do in ("reopen", "end", "reopen"):
        story.do(Act(do, "admin", to="" if do == "end" else _first_submit(story)))
    finish(story)
    same("a number that was given up was given again", story.state.number == number, False)


def _same_rows(seed: int, again: Lived, story: Lived) -> None:
    for table, rows in story.facts.rows.items():
        if not table.startswith("#"):
            theirs = {row["id"]: row for row in again.facts.rows[table]}
            other = [(row, theirs.get(row["id"])) for row in rows if theirs.get(row["id"]) != row]
            same(
                f"seed {seed}: the same history leaves other rows in {table}", (other[:1], len(theirs)), ([], len(rows))
            )


# --- a failing one ----------------------------------------------------------------------------------------------------


@dataclass
class InStore(Failure):
    """A history that breaks a rule in the store; as often as is worth it, a smaller one is lived."""

    town: Any = None
    tried: int = 0

    def breaks(self, raw: dict[str, Any], acts: list[Act]) -> bool:
        self.tried += 1
        if self.tried > MOST:
            return False
        try:
            Lived(deepcopy(raw), self.people.copy(), self.town).play(acts)
        except Broken as broken:
            return broken.rule == self.rule
        except Exception:  # noqa: BLE001 - what was cut away was needed
            return False
        return False


def shown(failure: Failure) -> str:
    """The process, the people and the acts, as `replay` takes them."""
    acts = "\n".join(f"    {act!r}," for act in failure.acts)
    process = yaml.safe_dump(failure.raw, allow_unicode=True, sort_keys=False)
    return f'PROCESS = """\n{process}"""\nPEOPLE = {failure.people!r}\nACTS = [\n{acts}\n]\n'


def replay(process: str, people: People, acts: list[Act], town: Town) -> Lived:
    """Live what a failing history printed."""
    return Lived(yaml.safe_load(process), people.copy(), town).play(acts)  # type: ignore[return-value]
