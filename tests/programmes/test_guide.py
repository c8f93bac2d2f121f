"""The guide to packs says what packs can say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import yaml

from services.process.definitions import STAGE_KINDS
from services.process.forms.definition import (
    AnyField,
    FormDefinition,
    spread_check,
)
from services.process.numbers import PLACES

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guide" / "programme-packs.md").read_text(encoding="utf-8")


def test_every_field_type_stage_kind_and_number_place_is_named():
    types = [get_args(model.model_fields["type"].annotation)[0] for model in get_args(AnyField)]
    assert re.search("Field types are (.*)\\. A row", GUIDE, re.DOTALL)[1].split("`")[1::2] == types
    for name in (*STAGE_KINDS, *(f"{{{place}}}" for place in PLACES)):
        assert f"`{name}`" in GUIDE


def test_the_checks_of_the_guide_are_checks():
    text = re.search("```yaml\n(.*?)```", GUIDE, re.DOTALL)[1]
    kinds = [spread_check(check)["kind"] for check in yaml.safe_load(text)["checks"]]
    example = {"form": "x", "title": {"zh": "x", "en": "x"}, **yaml.safe_load(text)}
    field = {"field": "a", "type": "text", "title": {"zh": "x", "en": "x"}}
    part = {"part": "p", "title": {"zh": "x", "en": "x"}, "fields": [field]}
    form = FormDefinition.model_validate({**example, "parts": [part]})
    assert [check.kind for check in form.checks] == kinds == ["order", "product", "sum"]
