"""Makes a failing history small: fewer acts, then fewer stages, as long as the same rule is broken; and prints what is left."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError

from tests.process.model.acts import Act
from tests.process.model.chart import arms_of, code_of, kind_of
from tests.process.model.compare import Broken
from tests.process.model.people import People
from tests.process.model.story import Advance, Story, advance

Raw = dict[str, Any]


@dataclass
class Failure:
    """A history that breaks a rule, as data."""

    raw: Raw
    people: People
    acts: list[Act]
    rule: str
    engine: Advance = advance

    def breaks(self, raw: Raw, acts: list[Act]) -> bool:
        """Whether these acts on this process still break the same rule."""
        try:
            Story(deepcopy(raw), self.people.copy(), self.engine).play(acts)
        except Broken as broken:
            return broken.rule == self.rule
        except (ValidationError, LookupError, AssertionError):
            return False  # what was cut away was needed
        return False


def shrunk(failure: Failure) -> Failure:
    """Return the smallest failure that cutting acts and stages away leads to."""
    raw, acts = failure.raw, failure.acts
    while True:
        shorter = _fewer_acts(failure, raw, acts)
        smaller = _fewer_stages(failure, raw, shorter)
        if len(shorter) == len(acts) and smaller == raw:
            return Failure(raw, failure.people, shorter, failure.rule, failure.engine)
        raw, acts = smaller, shorter


def _fewer_acts(failure: Failure, raw: Raw, acts: list[Act]) -> list[Act]:
    """Delta debugging: leave out ever smaller parts as long as one can be left out."""
    size = max(len(acts) // 2, 1)
    while True:
        at, before = 0, len(acts)
        while at < len(acts):
            rest = acts[:at] + acts[at + size :]
            if failure.breaks(raw, rest):
                acts = rest
            else:
                at += size
        if size == 1 and len(acts) == before:
            return acts
        size = max(size // 2, 1)


def _fewer_stages(failure: Failure, raw: Raw, acts: list[Act]) -> Raw:
    """Leave out one stage after the other, or put one arm of a block in the block's place."""
    found = True
    while found:
        smaller = (each for each in _smaller(raw) if failure.breaks(each, acts))
        found = (less := next(smaller, None)) is not None
        raw = less if less is not None else raw
    return raw


def _smaller(raw: Raw) -> Iterator[Raw]:
    for stages in _cut(raw["stages"]):
        if stages:
            codes = _codes(stages)
            yield {**raw, "stages": [_without_lost(stage, codes) for stage in stages]}
    if "tells" in raw:
        yield {name: value for name, value in raw.items() if name != "tells"}


def _cut(stages: list[Raw]) -> Iterator[list[Raw]]:
    for index, stage in enumerate(stages):
        before, after = stages[:index], stages[index + 1 :]
        yield before + after
        for number, arm in enumerate(arms_of(stage)):
            yield before + arm + after
            for less in _cut(arm):
                yield [*before, _with_arm(stage, number, less), *after]
            if len(arms_of(stage)) > 2:
                yield [*before, _without_arm(stage, number), *after]


def _with_arm(stage: Raw, number: int, stages: list[Raw]) -> Raw:
    key = "ways" if "ways" in stage else "paths"
    arms = [{**arm, "stages": stages} if at == number else arm for at, arm in enumerate(stage[key])]
    return {**stage, key: arms}


def _without_arm(stage: Raw, number: int) -> Raw:
    key = "ways" if "ways" in stage else "paths"
    return {**stage, key: [arm for at, arm in enumerate(stage[key]) if at != number]}


def _codes(stages: list[Raw]) -> set[str]:
    inside = [_codes(arm) for stage in stages for arm in arms_of(stage)]
    return {code_of(stage) for stage in stages}.union(*inside)


def _without_lost(stage: Raw, codes: set[str]) -> Raw:
    """Return the stage without what it says of stages that are gone."""
    kept = {
        name: "reject" if name in ("fails", "declined", "upheld", "failed") and value not in codes else value
        for name, value in stage.items()
    }
    if "return_to" in kept:
        kept["return_to"] = [code for code in kept["return_to"] if code in codes]
    key = "ways" if kind_of(stage) == "branch" else "paths"
    if key in kept:
        arms = [{**arm, "stages": [_without_lost(each, codes) for each in arm.get("stages", [])]} for arm in kept[key]]
        kept[key] = arms
    return kept


def programme(failure: Failure) -> str:
    """Return a Python programme that plays the failing history."""
    process = yaml.safe_dump(failure.raw, allow_unicode=True, sort_keys=False)
    acts = "\n".join(f"    {act!r}," for act in failure.acts)
    return f'''import yaml

from tests.process.model.acts import Act
from tests.process.model.people import People
from tests.process.model.story import Story, advance

PROCESS = yaml.safe_load("""
{process}""")
PEOPLE = {failure.people!r}
ACTS = [
{acts}
]


def play(engine=advance):
    """{failure.rule}"""
    return Story(PROCESS, PEOPLE.copy(), engine).play(ACTS)


if __name__ == "__main__":
    play()
'''
