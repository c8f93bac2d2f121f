"""A process that a programme brings is carried without a flow of its own."""

from __future__ import annotations

import inspect
from pathlib import Path
from uuid import UUID

import pytest
import yaml

from flows.annual_filing import annual_filing
from flows.any_season import any_season
from services.workflow.carrying import ANY_SEASON, OWN_FLOWS, Kept

DEPLOYMENTS = yaml.safe_load((Path(__file__).resolve().parents[2] / "prefect.yaml").read_text(encoding="utf-8"))
FLOWS = {"annual-filing": annual_filing, ANY_SEASON: any_season}


def kept(process: str) -> Kept:
    return Kept(UUID(int=1), "qd", "reading-week", process, "2027", 3, None, "none", 0)


def test_every_flow_that_may_be_asked_for_is_deployed():
    assert {*OWN_FLOWS, ANY_SEASON} <= {each["name"] for each in DEPLOYMENTS["deployments"]}
    assert set(FLOWS) == {*OWN_FLOWS, ANY_SEASON}


@pytest.mark.parametrize(("process", "flow"), [("annual-filing", "annual-filing"), ("plan-filing", ANY_SEASON)])
def test_a_run_is_told_what_its_flow_asks_for(process, flow):
    season = kept(process)
    assert season.deployment == f"{flow}/{flow}"
    assert set(season.parameters) == set(inspect.signature(FLOWS[flow].fn).parameters)
