"""Known traps of other systems, through the use cases, looking at who is really told.

More of them: asking for time at the very second of the due date, two administrators at once, withdrawing against approving and a
bulk list that changed stand in test_case_acts; who is handed what in test_handing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from services.errors import AlreadyDecidedError, ForbiddenError, NotFoundError
from services.workflow.acts import approve
from tests.process.model.acts import Act
from tests.process.model.definitions import process
from tests.process.model.people import People, id_of
from tests.process.model.tale import FILE, HOLDERS, Tale, submit
from tests.process.model.tale import approve as approval
from tests.workflow.histories.lived import Lived
from tests.workflow.histories.pack import adapted
from tests.workflow.histories.town import Town

pytestmark = pytest.mark.postgres
OFFICES = ["office/clerk", "finance/clerk", "committee/chair"]


class Trap(Lived):
    """A tale that is lived in the store."""

    by, tries, refuses, place, submits, visit = Tale.by, Tale.tries, Tale.refuses, Tale.place, Tale.submits, Tale.visit

    def told(self, name: str, *kinds: str) -> list[tuple[str, str]]:
        """What a person was told, in order, and whether it is to be sent."""
        rows = sorted(self.facts.of("notification", self.town.case_id), key=lambda row: row["id"])
        mine = [row for row in rows if row["person_id"] == str(id_of(name)) and row["kind"] in kinds]
        return [(row["kind"], row["state"]) for row in mine]


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    with asyncio.Runner() as runner:
        made = Town(database_url, runner)
        yield made
        runner.run(made.close())


def begun(town: Town, *stages: dict[str, Any], people: People | None = None) -> Trap:
    people = people or People({actor: [*persons] for actor, persons in HOLDERS.items()})
    story = Trap(adapted(process([submit(), *stages, FILE])), people, town)
    story.submits()
    return story


def test_when_one_returns_what_another_has_approved_both_and_the_submitter_know(town: Town) -> None:
    story = begun(town, approval("offices", {"all_of": OFFICES}))
    story.by("clerk", "approve", "office/clerk")
    story.by("finance", "return", "finance/clerk", to="plan")
    assert story.told("clerk", "task-opened", "returned-after-approval") == [
        ("task-opened", "void"), ("returned-after-approval", "pending"),
    ]  # fmt: skip
    assert story.told("chair", "task-opened", "closed-by-other") == [
        ("task-opened", "void"), ("closed-by-other", "pending"),
    ]  # fmt: skip
    assert story.told("coach", "returned") == [("returned", "pending")]
    assert story.told("finance", "returned-after-approval", "closed-by-other") == []


def test_the_last_signer_stays_and_one_who_is_taken_out_is_told(town: Town) -> None:
    story = begun(town, approval("offices", {"all_of": OFFICES}))
    story.by("admin", "remove-signer", "office/clerk")
    story.by("admin", "remove-signer", "finance/clerk")
    story.refuses("admin", "remove-signer", "committee/chair")
    assert story.told("clerk", "task-opened", "signer-removed") == [
        ("task-opened", "void"), ("signer-removed", "pending"),
    ]  # fmt: skip
    assert story.told("chair", "task-opened", "signer-removed") == [("task-opened", "pending")]
    story.by("chair", "approve", "committee/chair")
    assert story.state.status == "filed"


def test_who_was_still_to_be_asked_is_not_told_that_they_are_taken_out(town: Town) -> None:
    story = begun(town, approval("offices", {"in_sequence": OFFICES}))
    story.by("admin", "remove-signer", "finance/clerk", aim="waiting")
    assert story.told("finance", "task-opened", "signer-removed") == []


def test_whose_task_the_first_of_several_closed_by_rejecting_hears_by_whom(town: Town) -> None:
    story = begun(town, approval("either", {"any_of": OFFICES}, may_reject=True))
    tasks = {task.actor: task.id for task in story.visit("either").tasks}
    story.by("clerk", "reject", "office/clerk")
    assert story.state.status == "rejected"
    for name, actor in (("finance", "finance/clerk"), ("chair", "committee/chair")):
        assert story.told(name, "task-opened", "closed-by-other")[-1] == ("closed-by-other", "pending")
        with pytest.raises(AlreadyDecidedError) as late:
            town.runner.run(town.do(approve, name, task_id=tasks[actor]))
        assert (late.value.details["by"], late.value.details["act"]) == ("clerk", "reject")
    assert story.told("clerk", "closed-by-other") == []
    assert story.told("coach", "rejected") == [("rejected", "pending")]


def test_a_stage_that_is_entered_again_tells_again(town: Town) -> None:
    story = begun(town, approval("review", "office/clerk"))
    story.by("clerk", "return", to="plan")
    story.submits()
    assert story.told("clerk", "task-opened") == [("task-opened", "void"), ("task-opened", "pending")]
    story.by("clerk", "return", to="plan")
    story.submits()
    assert story.told("clerk", "task-opened")[-1] == ("task-opened", "pending")
    assert story.told("coach", "returned") == [("returned", "void"), ("returned", "void")]


def test_a_substitute_of_a_substitute_neither_sees_the_case_nor_acts(town: Town) -> None:
    people = People({actor: [*persons] for actor, persons in HOLDERS.items()}, {"clerk": "near", "near": "far"})
    story = begun(town, approval("review", "office/clerk"), people=people)
    task = story.visit("review").tasks[0].id
    with pytest.raises((ForbiddenError, NotFoundError)):
        town.runner.run(town.do(approve, "far", task_id=task))
    story.by("near", "approve", "office/clerk")
    decision = story.facts.of("decision", town.case_id)[-1]
    assert (decision["person_id"], decision["on_behalf_id"]) == (str(id_of("near")), str(id_of("clerk")))


def test_a_branch_after_an_assessment_reads_the_submission_and_not_the_marks(town: Town) -> None:
    marks = {**approval("marks", "office/clerk"), "assess": "marks", "form": "assessment"}
    del marks["approve"]
    large = {"when": {"field": "sum.total", "at_least": 50}, "stages": [approval("large", "office/head")]}
    branch = {"branch": "size", "ways": [large, {"stages": [approval("small", "finance/clerk")]}]}
    story = Trap(
        adapted(process([submit(), marks, branch, FILE])), People({a: [*who] for a, who in HOLDERS.items()}), town
    )
    story.submits(80)
    story.by("clerk", "assess", n=10)
    assert [visit.stage for visit in story.state.open] == ["large"]


def test_a_stage_with_too_few_members_asks_whoever_is_appointed_later(town: Town) -> None:
    story = begun(town, approval("board", {"each": "committee/member", "needed": 4}))
    for name in ("m1", "m2", "m3"):
        story.by(name, "approve", name)
    assert [visit.stage for visit in story.state.open] == ["board"]
    assert story.told("admin", "unheld") == [("unheld", "pending")]
    story.do(Act("appoint", "m4", to="committee/member"))
    assert story.do(Act("fill")) is not None
    assert story.told("m4", "task-opened") == [("task-opened", "pending")]
    story.by("m4", "approve", "m4")
    assert story.state.status == "filed"
