"""The use cases and the store against the rules, in random histories. A failing one says its seed: `trial(seed, town)`."""

from __future__ import annotations

import pytest

from tests.crash.invariants import NEVER
from tests.workflow.histories.town import Town
from tests.workflow.histories.trial import trial

pytestmark = pytest.mark.postgres
FEW, PARTS = 100, 4
MANY, CHUNK = 5_000, 250
OF_OLD = ("an open case has not one open visit, or a closed one has", "a submission is missing or doubled",
          "a case's version is not that of its acts", "a task was decided twice",
          "a task that is done lacks its decision", "a closed task does not say who closed it",
          "a decided task is still open", "a filed case has not one filing of its number",
          "a case's chain is shorter than its history")  # fmt: skip
"""What the crash tests may say of their processes, where only decisions are acts and nothing is walked side by side."""


@pytest.mark.parametrize("part", range(PARTS))
def test_the_store_does_what_the_rules_say(part: int, town: Town, other: Town) -> None:
    size = FEW // PARTS
    for seed in range(part * size, (part + 1) * size):
        trial(seed, town, other)
        never(town)


@pytest.mark.long
@pytest.mark.parametrize("part", range(MANY // CHUNK))
def test_the_store_does_what_the_rules_say_in_many_histories(part: int, town: Town, other: Town) -> None:
    first = FEW + part * CHUNK
    for seed in range(first, first + CHUNK):
        trial(seed, town, other)


def never(town: Town) -> None:
    """Nothing of what must never be is there, as the crash tests say it."""

    async def found() -> list[str]:
        async with town.store.transaction() as tx:
            return [what for what, statement in NEVER.items() if what not in OF_OLD and await tx.rows(statement)]

    assert town.runner.run(found()) == []
