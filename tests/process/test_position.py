"""Where a case stands, from its state as the rules keep it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.process.position import Position, marks_of, position_of
from services.process.states import CaseState, VisitState
from tests.process_samples import SAMPLES

RICH = SAMPLES["rich"]
NOW = datetime(2027, 1, 22, tzinfo=UTC)


def visit(stage: str, how: str = "approve") -> VisitState:
    return VisitState(id=uuid4(), stage=stage, n=1, opened_at=NOW, entered_by=how)


def marks(state: CaseState) -> dict[str, str]:
    return marks_of(RICH, position_of(RICH, state))


def seen(*codes: str) -> dict[str, int]:
    return dict.fromkeys(codes, 1)


def test_at_the_start_everything_else_is_ahead():
    found = marks(CaseState(open=(visit("plan", "start"),), visits=seen("plan")))
    assert found.pop("plan") == "open"
    assert set(found.values()) == {"ahead"}


def test_it_stands_in_several_stages_at_once():
    state = CaseState(
        open=(visit("teaching"), visit("safety")),
        visits=seen("plan", "guidance", "teaching", "places", "spring", "safety"),
    )
    found = marks(state)
    assert {code for code, mark in found.items() if mark == "open"} == {"offices", "teaching", "safety"}
    assert {code for code, mark in found.items() if mark == "done"} == {"plan", "guidance", "places", "spring"}
    assert found["board"] == found["money"] == "ahead"


def test_the_way_that_was_not_taken_says_so():
    state = CaseState(open=(visit("small"),), visits=seen("plan", "guidance", "teaching", "small"), chosen={"money": 2})
    found = marks(state)
    assert found["experts"] == found["posting"] == "skipped"
    assert found["small"] == found["money"] == "open"


def test_what_lies_behind_a_return_is_ahead_again():
    visits = {**seen("guidance", "teaching", "small", "places", "spring", "safety"), "plan": 2}
    found = marks(CaseState(open=(visit("plan", "return"),), visits=visits, chosen={"money": 2}))
    assert found.pop("plan") == "returned"
    assert set(found.values()) == {"ahead"}


@pytest.mark.parametrize("act", ["return", "decline", "settle", "fail", "oppose"])
def test_whoever_sends_it_back_marks_it_as_returned(act):
    assert marks(CaseState(open=(visit("plan", act),), visits=seen("plan")))["plan"] == "returned"


def test_what_was_jumped_over_was_not_taken():
    found = marks(CaseState(open=(visit("board", "jump"),), visits=seen("plan", "board")))
    assert (found["plan"], found["guidance"], found["board"], found["filing"]) == ("done", "skipped", "open", "ahead")


def test_nothing_is_ahead_of_a_closed_case():
    found = marks(CaseState(status="rejected", visits=seen("plan", "guidance")))
    assert found["guidance"] == "done"
    assert found["board"] == found["filing"] == "skipped"


def test_without_a_case_there_is_a_position_too():
    assert set(marks_of(RICH, Position()).values()) == {"ahead"}
