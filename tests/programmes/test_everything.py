"""The pack that uses the whole vocabulary: it is read, keeps its values, and leaves nothing out."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from services.adapters.packs import read_pack, read_roster
from services.process.definitions import STAGE_KINDS, JudgingStage, Mode, WaitStage
from services.process.packs import Pack

FOLDER = Path(__file__).resolve().parents[1] / "packs" / "everything"


@pytest.fixture(scope="module")
def pack() -> Pack:
    return read_pack(FOLDER)


def test_every_kind_and_every_mode_is_used(pack):
    stages = [stage for process in pack.processes for stage in process.all_stages]
    assert {stage.kind for stage in stages} == set(STAGE_KINDS)
    assert {stage.mode for stage in stages if isinstance(stage, JudgingStage)} == set(get_args(Mode))
    waits = [stage.until for stage in stages if isinstance(stage, WaitStage)]
    assert {key for until in waits for key in ("date", "after", "case") if getattr(until, key)} == {
        "date",
        "after",
        "case",
    }


def test_it_is_the_same_after_it_was_stored(pack):
    again = Pack.model_validate_json(pack.model_dump_json())
    assert again == pack
    assert again.digest() == pack.digest()


def test_everybody_who_acts_is_there(pack):
    roster = read_roster(FOLDER / "people" / "demo.yaml", pack)
    acting = {actor for process in pack.processes for actor in process.actors()}
    for group in pack.groups:
        for actor in acting:
            unit, _, role = actor.rpartition("/")
            at = {"guiding-unit": group.guiding_unit, "base-school": group.base_unit}.get(unit, unit)
            holders = roster.holders(f"{at}/{role}") if unit else roster.holders(role, group=group.code)
            position = pack.position(role, at="unit" if unit else "group")
            assert len(holders) >= max(position.seats.min, 1), actor
