"""The guide to packs says what packs can say, and every example in it is loaded and checked as a part of a pack."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from services.adapters.packs import read_pack
from services.errors import PackError
from services.process.definitions import STAGE_KINDS, JudgingStage, Mode, Tells, WaitUntil, Way
from services.process.forms.definition import (
    AnyField,
    FormDefinition,
    spread_check,
)
from services.process.numbers import PLACES
from services.process.packs import Pack
from services.process.stages import (
    ApproveStage,
    AssessStage,
    Condition,
    PublishStage,
    SignStage,
    SubmitStage,
    SubProcessStage,
)
from services.process.tells import WHO
from services.process.terms import Close, Due, Extension, Rung

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "guide" / "programme-packs.md").read_text(encoding="utf-8")
EXAMPLES: list[Any] = [yaml.safe_load(text) for text in re.findall("```yaml\n(.*?)```", GUIDE, re.DOTALL)]
TITLE = {"zh": "x", "en": "x"}
PLAN = {"submit": "plan", "by": "chief-coach", "form": "annual-plan", "due": {"within": "5wd"}}
SEASON = {"every": "year", "opens": "-1/11-15", "due": "01-31"}


def test_every_field_type_stage_kind_and_number_place_is_named():
    types = [get_args(model.model_fields["type"].annotation)[0] for model in get_args(AnyField)]
    assert re.search("Field types are (.*)\\. A row", GUIDE, re.DOTALL)[1].split("`")[1::2] == types
    for name in (*STAGE_KINDS, *(f"{{{place}}}" for place in PLACES)):
        assert f"`{name}`" in GUIDE


def test_every_key_and_word_of_a_stage_is_named():
    models = (
        SubmitStage,
        ApproveStage,
        SignStage,
        AssessStage,
        PublishStage,
        WaitUntil,
        SubProcessStage,
        Way,
        Condition,
    )
    keys = {key for model in models for key in model.model_fields if key not in ("kind", "code")}
    parts = {key for model in (Due, Close, Extension, Rung) for key in model.model_fields if key != "from_"}
    for key in {*keys, *parts, *get_args(Mode), *WHO} - {"one"}:
        assert re.search(rf"\b{key}\b", GUIDE), key


def test_the_checks_of_the_guide_are_checks():
    [example] = [each for each in EXAMPLES if "checks" in each]
    kinds = [spread_check(check)["kind"] for check in example["checks"]]
    field = {"field": "a", "type": "text", "title": TITLE}
    part = {"part": "p", "title": TITLE, "fields": [field]}
    form = FormDefinition.model_validate({"form": "x", "title": TITLE, **example, "parts": [part]})
    assert [check.kind for check in form.checks] == kinds == ["order", "product", "sum"]


@pytest.fixture(scope="module")
def pack(tmp_path_factory) -> Pack:
    """Return the Qingdao pack with a process for each example of the guide."""
    folder = tmp_path_factory.mktemp("guide") / "pack"
    shutil.copytree(ROOT / "programmes" / "qingdao-qiangji", folder)
    for number, example in enumerate(EXAMPLES):
        if (process := _process(example, f"example-{number}")) is not None:
            path = folder / "processes" / f"{process['process']}.yaml"
            path.write_text(yaml.safe_dump(process, allow_unicode=True, sort_keys=False), encoding="utf-8")
    try:
        return read_pack(folder)
    except PackError as error:
        pytest.fail("\n".join(f"{Path(each['file']).name}: {each['message']}" for each in error.problems))


def _process(example: Any, code: str) -> dict[str, Any] | None:
    """Return the process that an example is a part of: a whole one, some stages of it, or who is told."""
    if isinstance(example, dict) and "process" in example:
        return example
    head = {"process": code, "title": TITLE, "subject": "project-group", "season": SEASON}
    if isinstance(example, dict):
        return {**head, "stages": [PLAN, {"complete": "done"}], **example} if "tells" in example else None
    stages = example if "submit" in example[0] else [PLAN, *example]
    ends = [stage for way in example[-1].get("ways", [{}])[-1:] for stage in way.get("stages", [])]
    return {**head, "stages": stages if ends and set(ends[-1]) & {"file"} else [*stages, {"complete": "done"}]}


def test_every_example_is_a_part_of_a_pack_that_may_be_loaded(pack):
    processes = [process for process in pack.processes if process.process != "annual-filing"]
    assert len(processes) == len(EXAMPLES) - 1
    stages = [stage for process in processes for stage in process.all_stages]
    assert {stage.kind for stage in stages} == set(STAGE_KINDS)
    assert {stage.mode for stage in stages if isinstance(stage, JudgingStage)} == set(get_args(Mode))
    assert any(process.tells != Tells() for process in processes)
