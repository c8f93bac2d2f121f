"""The engine against the model, in thousands of random histories. A failing one says its seed: `trial(seed)` plays it again."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from tests.process.model.trial import trials

FEW, PARTS = 2_000, 8
MANY, CHUNK = 100_000, 500


@pytest.mark.parametrize("part", range(PARTS))
def test_the_engine_does_what_the_rules_say(part: int) -> None:
    size = FEW // PARTS
    assert trials(part * size, size) > size


@pytest.mark.long
def test_the_engine_does_what_the_rules_say_in_very_many_histories() -> None:
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        starts = range(FEW, FEW + MANY, CHUNK)
        assert sum(pool.map(trials, starts, [CHUNK] * len(starts))) > MANY
