"""Filing numbers: a number stands once in a bureau, so no two processes may write the same one."""

from __future__ import annotations

from typing import Any

import pytest

from services.process.numbers import may_coincide
from services.process.pack_checks import check
from services.process.packs import Pack
from services.programmes.load import load_pack
from services.programmes.planning import SharedNumberError
from services.store.transaction import Store
from tests.programmes.test_loading import PACK, add_bureau, load

OURS = "QJ-{season}-{serial:03d}"
GROUPS = ("math", "physics")


@pytest.mark.parametrize(
    "other",
    [
        OURS,
        "QJ-{season}-{serial}",
        "QJ-{season}-{serial:02d}",
        "QJ-{season}-1{serial}",
        "QJ-20{serial}-{season}",
        "QJ-{serial}-{season}",
        "QJ-{serial:04d}-{season}",
    ],
)
def test_patterns_that_could_write_one_number(other: str) -> None:
    assert may_coincide(OURS, other, groups=GROUPS, others=GROUPS)
    assert may_coincide(other, OURS, groups=GROUPS, others=GROUPS)


@pytest.mark.parametrize(
    "other",
    [
        "QK-{season}-{serial:03d}",
        "QJ{season}-{serial:03d}",
        "QJ-{season}-{serial:03d}号",
        "QJ-{season}-{group}-{serial:03d}",
        "QJ-{season}/{serial:03d}",
        "{serial}-QJ-{season}",
    ],
)
def test_patterns_that_never_meet(other: str) -> None:
    assert not may_coincide(OURS, other, groups=GROUPS, others=GROUPS)
    assert not may_coincide(other, OURS, groups=GROUPS, others=GROUPS)


def test_a_group_in_the_number_counts_with_its_code() -> None:
    named = "{group}-{season}-{serial}"
    assert not may_coincide(named, named, groups=("math", "physics"), others=("chess",))
    assert may_coincide(named, named, groups=("math", "physics"), others=("physics",))
    assert may_coincide("{group}-{season}", "math-2-{season}", groups=("math", "math-2", "maths"), others=())
    assert not may_coincide("{group}-{season}", "math-{season}", groups=("math-2", "maths"), others=())


def resolved(**changes: Any) -> dict[str, Any]:
    return {**PACK.resolved(), **changes}


def second_process(number: str) -> Pack:
    """Return the pack with its process once more, under another name and with its own number."""
    twin = PACK.resolved()["processes"][0]
    twin["process"] = "mid-year-filing"
    twin["stages"][-1]["number"] = number
    return Pack.model_validate(resolved(processes=[PACK.resolved()["processes"][0], twin]))


def test_two_processes_of_a_pack_do_not_share_numbers() -> None:
    [mistake] = check(second_process("QJ-{season}-{serial:02d}"))
    assert mistake.loc == ("processes", 1, "stages", len(PACK.processes[0].stages) - 1, "number")
    assert "could write the same number as “QJ-{season}-{serial:03d}” of annual-filing" in mistake.message
    assert check(second_process("QM-{season}-{serial:03d}")) == []


@pytest.mark.postgres
async def test_a_programme_whose_numbers_another_writes_is_refused_whole(store: Store) -> None:
    bureau_id = await add_bureau(store)
    await load(store, bureau_id)
    with pytest.raises(SharedNumberError) as refused:
        await load(store, bureau_id, Pack.model_validate(resolved(programme="other")))
    assert refused.value.details["programme"] == "qingdao-qiangji"
    async with store.transaction() as tx:
        assert len(await tx.rows("SELECT id FROM programme WHERE bureau_id = $1", (bureau_id,))) == 1
    await load(store, bureau_id, Pack.model_validate(resolved(title={"zh": "新名", "en": "New name"})))
    elsewhere = await add_bureau(store, "jinan")
    await load(store, elsewhere, Pack.model_validate(resolved(programme="other")))


@pytest.mark.postgres
async def test_only_what_is_in_force_of_another_programme_counts(store: Store) -> None:
    bureau_id = await add_bureau(store)
    await load(store, bureau_id)
    processes = PACK.resolved()["processes"]
    processes[0]["stages"][-1]["number"] = "QQ-{season}-{serial:03d}"
    other = Pack.model_validate(resolved(programme="other"))
    await load(store, bureau_id, Pack.model_validate(resolved(processes=processes)))
    async with store.transaction() as tx:
        report = await load_pack(tx, bureau_id, other)
        stored = await tx.rows("SELECT version_id FROM programme WHERE code = 'other'")
    assert stored[0]["version_id"] == report.version_id
