"""What random histories and reading beside them found, each told by hand. Every act is also checked against the model."""

from __future__ import annotations

from typing import Any

from tests.process.model.people import id_of
from tests.process.model.tale import Tale, approve, parallel, submit, told

OTHER = submit("report", "base-school/office")


def test_what_was_decided_before_a_jump_is_not_taken_back_after_it() -> None:
    tale = Tale(
        submit(),
        parallel([approve("one", "office/clerk"), approve("two", "finance/clerk")], [approve("three", "office/head")]),
    )
    tale.submits()
    tale.by("clerk", "approve", "office/clerk")
    tale.by("finance", "approve", "finance/clerk")
    tale.by("admin", "jump", to="one")
    assert tale.state.moves == ()
    assert tale.stages == ["one"]


def test_who_was_added_after_somebody_whose_task_another_closed_gets_their_turn() -> None:
    tale = Tale(submit(), approve("any", {"any_of": ["office/clerk", "finance/clerk"]}))
    tale.submits()
    tale.by("finance", "add-signer", "finance/clerk", to="reviewer", how="after")
    tale.by("clerk", "approve", "office/clerk")
    assert tale.persons == ["reviewer"]
    tale.by("reviewer", "approve", "reviewer")
    assert tale.state.status == "filed"


def test_who_was_called_up_and_waits_again_keeps_those_they_had_added() -> None:
    tale = Tale(submit(), approve("all", {"all_of": ["office/clerk", "finance/clerk"]}))
    tale.submits()
    tale.by("clerk", "add-signer", "office/clerk", to="reviewer", how="after")
    tale.by("clerk", "approve", "office/clerk")
    tale.by("reviewer", "add-signer", "reviewer", to="head", how="after")
    tale.by("clerk", "take-back")
    tale.by("clerk", "approve", "clerk")
    tale.by("reviewer", "approve", "reviewer")
    assert tale.persons == ["finance/clerk", "head"]


def test_the_next_in_a_sequence_waits_again_with_who_was_added_before_them() -> None:
    tale = Tale(submit(), approve("turns", {"in_sequence": ["office/clerk", "finance/clerk"]}))
    tale.submits()
    tale.by("clerk", "approve")
    tale.by("finance", "add-signer", "finance/clerk", to="head", how="before")
    tale.by("clerk", "take-back")
    assert tale.persons == ["head", "clerk"]
    tale.by("clerk", "approve", "clerk")
    tale.by("head", "approve", "head")
    tale.by("finance", "approve", "finance/clerk")
    assert tale.state.status == "filed"


def test_a_signer_is_not_taken_out_where_only_those_would_stay_who_go_with_them() -> None:
    tale = Tale(submit(), approve("one", "office/clerk"))
    tale.submits()
    tale.by("clerk", "add-signer", "office/clerk", to="reviewer", how="beside")
    tale.by("reviewer", "add-signer", "reviewer", to="head", how="after")
    tale.by("clerk", "approve", "office/clerk")
    tale.refuses("clerk", "remove-signer", "reviewer")
    tale.by("reviewer", "approve", "reviewer")
    tale.by("head", "approve", "head")
    assert tale.state.status == "filed"


def test_with_a_signer_go_all_who_follow_them() -> None:
    tale = Tale(submit(), approve("all", {"all_of": ["office/clerk", "finance/clerk"]}))
    tale.submits()
    tale.by("clerk", "add-signer", "office/clerk", to="reviewer", how="after")
    tale.by("clerk", "approve", "office/clerk")
    tale.by("reviewer", "add-signer", "reviewer", to="head", how="after")
    tale.by("clerk", "take-back")
    tale.by("admin", "remove-signer", "clerk")
    assert tale.visit("all").waiting == ()
    tale.by("finance", "approve", "finance/clerk")
    assert tale.state.status == "filed"


def test_no_member_is_taken_out_without_whom_too_few_are_left() -> None:
    tale = Tale(submit(), approve("members", {"each": "committee/member", "needed": 2}))
    tale.submits()
    tale.by("admin", "remove-signer", "m1")
    tale.refuses("admin", "remove-signer", "m2")
    tale.by("m2", "approve", "m2")
    tale.by("m3", "approve", "m3")
    assert tale.state.status == "filed"


def test_where_tasks_stay_in_the_position_signers_are_added_of_it_only() -> None:
    tale = Tale(submit(), approve("one", "office/clerk", hand_to="position"))
    tale.people.holders["office/clerk"].append("second")
    tale.submits()
    tale.refuses("clerk", "add-signer", "office/clerk", to="reviewer", how="beside")
    tale.by("clerk", "add-signer", "office/clerk", to="second", how="beside")


def test_a_member_for_whom_a_substitute_signed_gets_no_second_task() -> None:
    tale = Tale(submit(), approve("members", {"each": "committee/member", "needed": 3}))
    tale.people.holders["committee/member"] = ["m1", "m2"]
    tale.people.stands_in["m1"] = "reviewer"
    tale.submits()
    tale.by("reviewer", "approve", "m1")
    tale.people.holders["committee/member"].append("m4")
    tale.by("", "fill")
    assert tale.persons == ["m2", "m4"]


def test_a_stage_that_has_its_members_gets_no_more() -> None:
    tale = Tale(submit(), approve("members", {"each": "committee/member", "needed": 2}))
    tale.submits()
    tale.by("admin", "remove-signer", "m1")
    tale.people.holders["committee/member"].append("m4")
    tale.refuses("", "fill")
    assert tale.persons == ["m2", "m3"]


def test_an_opinion_is_taken_back_though_one_before_or_beside_signed_earlier() -> None:
    for how in ("before", "beside"):
        tale = Tale(submit(), approve("all", {"all_of": ["office/clerk", "finance/clerk"]}))
        tale.submits()
        tale.by("clerk", "add-signer", "office/clerk", to="reviewer", how=how)
        tale.by("reviewer", "approve", "reviewer")
        tale.by("clerk", "approve", "office/clerk")
        tale.by("clerk", "take-back", at=1)
        assert tale.persons == ["finance/clerk", "clerk"]


def in_turn_with_one_beside_the_first() -> Tale:
    tale = Tale(submit(), approve("turns", {"in_sequence": ["office/clerk", "finance/clerk", "office/head"]}))
    tale.submits()
    tale.by("clerk", "add-signer", "office/clerk", to="reviewer", how="beside")
    tale.by("clerk", "approve", "office/clerk")
    tale.by("reviewer", "approve", "reviewer")
    assert tale.persons == ["finance/clerk"]
    return tale


def test_the_next_in_a_sequence_waits_again_also_for_an_added_signer() -> None:
    tale = in_turn_with_one_beside_the_first()
    tale.by("reviewer", "take-back", at=1)
    assert tale.persons == ["reviewer"]
    assert [task.actor for task in tale.visit("turns").waiting] == ["finance/clerk", "office/head"]


def test_in_a_sequence_nothing_is_taken_back_once_the_next_has_signed_also_by_added_signers() -> None:
    tale = in_turn_with_one_beside_the_first()
    tale.by("finance", "approve", "finance/clerk")
    tale.refuses("reviewer", "take-back", at=1)


def test_who_was_added_beside_the_one_whose_turn_it_is_leaves_them_their_turn() -> None:
    tale = Tale(submit(), approve("turns", {"in_sequence": ["office/clerk", "finance/clerk"]}))
    tale.submits()
    tale.by("clerk", "add-signer", "office/clerk", to="reviewer", how="beside")
    task = tale.visit("turns").tasks[0].id
    tale.by("reviewer", "approve", "reviewer")
    tale.by("reviewer", "take-back")
    assert tale.persons == ["office/clerk", "reviewer"]
    assert tale.visit("turns").tasks[0].id == task


def test_a_return_again_forgets_the_corrections_after_the_stage_it_goes_to() -> None:
    one = approve("one", "office/clerk", "report", after_correction="straight-back")
    two = approve("two", "finance/clerk", "guidance", after_correction="straight-back")
    tale = Tale(
        submit(), approve("guidance", "guiding-unit/reviewer"),
        parallel([OTHER, approve("middle", "office/head"), one], [two]),
    )  # fmt: skip
    tale.submits()
    tale.by("reviewer", "approve")
    tale.by("school", "submit", "base-school/office")
    tale.by("head", "approve", "office/head")
    tale.by("clerk", "return", "office/clerk", to="report")
    tale.by("finance", "return", "finance/clerk", to="guidance")
    tale.by("reviewer", "return", "guiding-unit/reviewer", to="plan")
    assert tale.state.detours == ()
    tale.submits()
    tale.by("reviewer", "approve")
    tale.by("school", "submit", "base-school/office")
    assert sorted(tale.stages) == ["middle", "two"]


def test_a_sub_process_that_is_opened_again_beside_a_correction_is_started_again() -> None:
    one = approve("one", "office/clerk", after_correction="straight-back")
    tale = Tale(submit(), parallel([one], [{"process": "inner", "runs": "other", "failed": "plan"}]))
    (started,) = tale.submits().children
    tale.by("clerk", "return", to="plan")
    ((visit, stage),) = tale.submits().children
    assert (visit, stage.code) == (tale.visit("inner").id, "inner")
    assert visit != started[0]


def test_an_objection_that_is_upheld_is_called_so_also_where_it_rejects_the_case() -> None:
    notice = {"publish": "notice", "period": "5d", "objections_to": "office/head", "upheld": "reject"}
    tale = Tale(submit(), notice)
    tale.submits()
    tale.by("", "object")
    done = tale.by("head", "settle", how="upheld")
    assert (tale.state.status, [left.outcome for left in done.left]) == ("rejected", ["upheld"])


def test_a_rejection_is_told_to_who_signed_where_it_was_rejected() -> None:
    both = {"all_of": ["office/clerk", "finance/clerk"]}
    tale = Tale(submit(), parallel([approve("one", "office/head")], [approve("two", both, may_reject=True)]))
    tale.submits()
    tale.by("clerk", "approve", "office/clerk")
    done = tale.by("finance", "reject", "finance/clerk")
    persons = [tale.people.name_of(tell.person) for tell in done.tell if tell.kind == "rejected"]
    assert "clerk" in persons


def test_what_an_objection_was_raised_against_is_not_withdrawn_before_it_is_settled() -> None:
    notice = {"publish": "notice", "period": "5d", "objections_to": "office/head", "upheld": "reject"}
    tale = Tale(submit(), notice)
    tale.submits()
    tale.by("", "object")
    tale.refuses("coach", "withdraw")


def test_no_task_is_given_to_who_could_have_submitted_what_is_judged() -> None:
    tale = Tale(submit(), approve("one", "office/clerk"))
    tale.people.holders["chief-coach"].append("assistant")
    tale.submits()
    tale.refuses("clerk", "transfer", "office/clerk", to="assistant")
    tale.refuses("clerk", "add-signer", "office/clerk", to="assistant", how="after")


def with_a_substitute(*stages: dict[str, Any]) -> Tale:
    tale = Tale(submit(), *stages)
    tale.people.stands_in["clerk"] = "reviewer"
    tale.submits()
    return tale


def test_what_a_substitute_claims_is_the_absent_person_s() -> None:
    tale = with_a_substitute(approve("one", "office/clerk"))
    tale.by("reviewer", "claim")
    assert tale.persons == ["clerk"]
    assert tale.by("reviewer", "approve").on_behalf == id_of("clerk")


def test_what_a_substitute_delegates_comes_back_to_the_absent_person() -> None:
    tale = with_a_substitute(approve("one", "office/clerk"))
    tale.by("reviewer", "delegate", to="head")
    tale.by("head", "answer", "head")
    assert tale.persons == ["clerk"]


def test_what_a_substitute_returned_or_took_back_is_the_absent_person_s_again() -> None:
    tale = with_a_substitute(
        approve("all", {"all_of": ["office/clerk", "finance/clerk"]}, after_correction="straight-back")
    )
    tale.by("reviewer", "approve", "office/clerk")
    tale.by("reviewer", "take-back")
    assert tale.persons == ["finance/clerk", "clerk"]
    tale.by("reviewer", "put-back", "clerk")
    tale.by("reviewer", "return", "office/clerk", to="plan")
    tale.submits()
    assert tale.persons == ["finance/clerk", "clerk"]


def test_nobody_is_given_more_time_by_their_own_substitute_nor_in_their_name() -> None:
    extension = {"by": "office/clerk", "at_most": "20d"}
    tale = with_a_substitute(approve("one", "office/clerk", extension=extension))
    tale.by("clerk", "ask-extension", n=60)
    tale.refuses("reviewer", "grant-extension")
    tale.people.holders["office/clerk"].append("second")
    tale.people.stands_in["second"] = "head"
    assert tale.by("head", "grant-extension").on_behalf == id_of("second")


def test_nobody_is_called_up_by_the_vote_that_ends_the_stage() -> None:
    tale = Tale(submit(), approve("vote", {"quorum": 1, "of": ["office/clerk"]}))
    tale.submits()
    tale.by("clerk", "add-signer", to="head", how="after")
    done = tale.by("clerk", "oppose")
    assert tale.state.status == "rejected"
    assert (done.added, len(done.closed)) == ((), 1)
    assert told(done, "task-opened") == 0


def test_one_before_is_before_also_after_both_have_taken_their_opinions_back() -> None:
    tale = Tale(submit(), approve("all", {"all_of": ["office/clerk", "finance/clerk"]}))
    tale.submits()
    tale.by("clerk", "add-signer", "office/clerk", to="reviewer", how="before")
    tale.by("reviewer", "approve", "reviewer")
    tale.by("clerk", "approve", "office/clerk")
    tale.by("clerk", "take-back", at=1)
    tale.by("reviewer", "take-back")
    tale.refuses("clerk", "approve", "clerk")
    tale.by("reviewer", "approve", "reviewer")
    tale.by("clerk", "approve", "clerk")


def test_one_before_is_before_also_where_the_case_came_straight_back() -> None:
    tale = Tale(submit(), approve("one", "office/clerk", after_correction="straight-back"))
    tale.submits()
    tale.by("clerk", "add-signer", to="head", how="before")
    tale.by("head", "approve", "head")
    tale.by("clerk", "return", to="plan")
    tale.submits()
    tale.by("head", "take-back", at=1)
    tale.refuses("clerk", "approve", "clerk")


def test_nobody_signs_twice_by_entering_it_themself() -> None:
    tale = Tale(submit(), approve("bureau", {"all_of": ["office/clerk", "finance/clerk"]}))
    tale.people.holders["finance/clerk"].append("clerk")
    tale.submits()
    tale.by("clerk", "approve", "office/clerk")
    tale.refuses("clerk", "approve", "finance/clerk", paper="clerk")


def test_an_added_signer_is_taken_out_also_while_members_are_missing() -> None:
    tale = Tale(submit(), approve("members", {"each": "committee/member", "needed": 3}))
    tale.people.holders["committee/member"] = ["m1"]
    tale.submits()
    tale.by("m1", "add-signer", "m1", to="head", how="beside")
    tale.by("m1", "remove-signer", "head")
    assert tale.persons == ["m1"]
