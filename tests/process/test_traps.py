"""The traps that processes like these have fallen into, each told by hand. Every act is also checked against the model."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.errors import AlreadyDecidedError, ClosedError, ForbiddenError, IllegalTransitionError
from services.process.outcomes import Transition
from tests.process.model.acts import Act
from tests.process.model.people import POSITIONS, id_of
from tests.process.model.tale import Tale, approve, parallel, submit, told

BOTH = {"all_of": ["office/clerk", "finance/clerk"]}
THREE = {"any_of": ["office/clerk", "finance/clerk", "office/head"]}
MICROSECOND = timedelta(microseconds=1)


def countersigned(after_correction: str) -> tuple[Tale, Transition]:
    """The clerk approves in a countersign, finance returns."""
    tale = Tale(submit(), approve("bureau", BOTH, after_correction=after_correction))
    tale.submits()
    tale.by("clerk", "approve", "office/clerk")
    return tale, tale.by("finance", "return", "finance/clerk", to="plan")


def test_one_approves_in_a_countersign_and_the_other_returns_to_be_judged_again() -> None:
    tale, back = countersigned("again")
    assert [tell.person for tell in back.tell if tell.kind == "returned-after-approval"] == [id_of("clerk")]
    tale.submits()
    assert tale.persons == ["office/clerk", "finance/clerk"]
    assert tale.visit("bureau").opinions == ()
    assert tale.visit("bureau").n == 2


def test_one_approves_in_a_countersign_and_the_other_returns_straight_back() -> None:
    tale, _ = countersigned("straight-back")
    tale.submits()
    assert [opinion.person for opinion in tale.visit("bureau").opinions] == [id_of("clerk")]
    assert tale.persons == ["finance"]
    assert isinstance(tale.refuses("second", "approve", "finance"), ForbiddenError)
    tale.by("finance", "approve", "finance")
    assert tale.state.status == "filed"


def test_the_last_signer_is_not_removed() -> None:
    tale = Tale(submit(), approve("bureau", BOTH))
    tale.submits()
    tale.by("admin", "remove-signer", "finance/clerk")
    assert isinstance(tale.refuses("admin", "remove-signer", "office/clerk"), IllegalTransitionError)
    assert tale.stages == ["bureau"]


def test_the_last_of_a_countersign_is_not_removed_though_the_others_have_signed() -> None:
    tale = Tale(submit(), approve("bureau", BOTH))
    tale.submits()
    tale.by("clerk", "approve", "office/clerk")
    tale.refuses("admin", "remove-signer", "finance/clerk")


def test_one_of_any_rejects_and_the_others_see_who_closed_theirs() -> None:
    tale = Tale(submit(), approve("bureau", THREE, may_reject=True))
    tale.submits()
    done = tale.by("clerk", "reject", "office/clerk")
    assert tale.state.status == "rejected"
    others = {POSITIONS["finance/clerk"], POSITIONS["office/head"]}
    assert {task.position for task in done.closed if task.by_other} == others
    assert {tell.position for tell in done.tell if tell.kind == "closed-by-other"} == others
    assert isinstance(tale.refuses("finance", "approve", aim="stale", at=2), AlreadyDecidedError)


def test_a_stage_that_is_entered_again_tells_again() -> None:
    tale = Tale(submit(), approve("guidance", "guiding-unit/reviewer", notify=["office/head"]))
    first = tale.submits()
    tale.by("reviewer", "return", to="plan")
    second = tale.submits()
    numbers = [
        {tell.visit_n for tell in done.tell if tell.kind in ("task-opened", "stage-reached")}
        for done in (first, second)
    ]
    assert numbers == [{1}, {2}]
    assert set(first.tell) & set(second.tell) == set()


def test_a_substitute_of_a_substitute_does_not_act() -> None:
    tale = Tale(submit(), approve("bureau", "office/clerk"))
    tale.submits()
    tale.people.stands_in = {"clerk": "reviewer", "reviewer": "head"}
    assert isinstance(tale.refuses("head", "approve"), ForbiddenError)
    assert tale.by("reviewer", "approve").on_behalf == id_of("clerk")


@pytest.mark.parametrize(("early", "granted"), [(timedelta(0), False), (MICROSECOND, True)])
def test_more_time_is_asked_for_before_the_due_date_and_not_at_it(early: timedelta, *, granted: bool) -> None:
    tale = Tale(submit(extension={"by": "office/head", "at_most": "20d"}))
    due = tale.visit("plan").due_at
    assert due is not None
    tale.now = due - early
    done = tale.tries("coach", "ask-extension", n=1)
    assert (done is not None) is granted
    assert granted or isinstance(tale.refused, ClosedError)
    assert granted is (tale.tries("head", "grant-extension") is not None)


def test_two_administrators_jump_at_once() -> None:
    tale = Tale(submit(), approve("guidance", "guiding-unit/reviewer"), approve("bureau", BOTH))
    one = tale.by("admin", "jump", to="bureau")
    two = tale.by("admin", "jump", to="bureau")
    assert one.opened[0].state.id != two.opened[0].state.id
    assert [left.id for left in two.left] == [one.opened[0].state.id]
    assert tale.stages == ["bureau"]
    assert tale.state.visits == {"plan": 1, "bureau": 2}
    assert len(tale.persons) == 2


def test_a_withdrawal_before_an_approval_closes_the_task() -> None:
    tale = Tale(submit(), approve("guidance", "guiding-unit/reviewer"))
    tale.submits()
    task = tale.visit("guidance").tasks[0].id
    done = tale.by("coach", "withdraw")
    assert told(done, "withdrawn") == 1
    assert task in {each.id for each in done.closed}
    assert isinstance(tale.refuses("reviewer", "approve", aim="stale", at=1), AlreadyDecidedError)


def test_a_withdrawal_after_an_approval_is_refused() -> None:
    tale = Tale(submit(), approve("guidance", "guiding-unit/reviewer"), approve("bureau", "office/clerk"))
    tale.submits()
    tale.by("reviewer", "approve")
    assert isinstance(tale.refuses("coach", "withdraw"), IllegalTransitionError)


def test_a_withdrawal_after_one_of_a_countersign_is_refused() -> None:
    tale = Tale(submit(), approve("bureau", BOTH))
    tale.submits()
    tale.by("clerk", "approve", "office/clerk")
    tale.refuses("coach", "withdraw")


def test_a_decision_is_not_taken_back_once_the_next_has_acted() -> None:
    tale = Tale(submit(), approve("guidance", "guiding-unit/reviewer"), approve("bureau", BOTH))
    tale.submits()
    tale.by("reviewer", "approve")
    tale.by("clerk", "approve", "office/clerk")
    assert isinstance(tale.refuses("reviewer", "take-back", aim="stale", at=1), IllegalTransitionError)
    tale.by("clerk", "take-back")
    assert tale.persons == ["finance/clerk", "clerk"]


@pytest.mark.parametrize(("how", "order"), [("before", ["head", "clerk"]), ("after", ["clerk", "head"])])
def test_who_is_added_before_or_after_signs_in_that_order(how: str, order: list[str]) -> None:
    tale = Tale(submit(), approve("bureau", "office/clerk"))
    tale.submits()
    tale.by("clerk", "add-signer", to="head", how=how)
    tasks = {"clerk": "office/clerk", "head": "head"}
    first, second = order
    assert isinstance(tale.refuses(second, "approve", tasks[second]), IllegalTransitionError | ForbiddenError)
    tale.by(first, "approve", tasks[first])
    tale.by(second, "approve", tasks[second])
    assert tale.state.status == "filed"


@pytest.mark.parametrize("order", [("clerk", "head"), ("head", "clerk")])
def test_who_is_added_beside_signs_in_any_order(order: tuple[str, str]) -> None:
    tale = Tale(submit(), approve("bureau", "office/clerk"))
    tale.submits()
    tale.by("clerk", "add-signer", to="head", how="beside")
    for who in order:
        assert tale.stages == ["bureau"]
        tale.by(who, "approve", {"clerk": "office/clerk", "head": "head"}[who])
    assert tale.state.status == "filed"


def test_a_quorum_fails_by_votes_against_and_not_by_who_is_missing() -> None:
    tale = Tale(submit(), approve("vote", {"each": "committee/member", "needed": 3}, fails="plan"))
    tale.people.holders["committee/member"] = ["m1", "m2"]
    tale.submits()
    tale.by("m1", "approve", "m1")
    tale.by("m2", "approve", "m2")
    assert (tale.stages, tale.persons) == (["vote"], [])
    tale.people.holders["committee/member"].append("m3")
    tale.by("", "fill")
    tale.by("m3", "oppose", "m3")
    assert tale.stages == ["plan"]


def test_votes_fail_as_soon_as_those_against_outweigh() -> None:
    votes = {"votes": {"office/clerk": 2, "finance/clerk": 2, "office/head": 1}, "needed": 3}
    tale = Tale(submit(), approve("vote", votes))
    tale.submits()
    tale.by("clerk", "oppose", "office/clerk")
    assert tale.stages == ["vote"]
    done = tale.by("head", "oppose", "office/head")
    assert (tale.state.status, [left.outcome for left in done.left]) == ("rejected", ["failed"])


def side_by_side(**more: str) -> Tale:
    """Two paths: the clerk has approved on the first of two stages of one, finance has not yet on the other."""
    tale = Tale(
        submit(),
        parallel(
            [approve("one", "office/clerk"), approve("one-more", "office/head")],
            [approve("two", {"all_of": ["finance/clerk", "guiding-unit/reviewer"]}, **more)],
        ),
        approve("last", "committee/chair", "plan", "one", "two"),
    )
    tale.submits()
    tale.by("clerk", "approve", "office/clerk")
    tale.by("reviewer", "approve", "guiding-unit/reviewer")
    return tale


def test_a_return_from_one_path_to_before_the_block_closes_the_other_path_too() -> None:
    tale = side_by_side()
    done = tale.by("finance", "return", "finance/clerk", to="plan")
    assert tale.stages == ["plan"]
    assert {left.stage for left in done.left} == {"one-more", "two"}
    assert {tell.position for tell in done.tell if tell.kind == "closed-by-other"} == {POSITIONS["office/head"]}
    tale.submits()
    assert tale.stages == ["one", "two"]


def test_straight_back_opens_every_path_again_where_it_stood() -> None:
    tale = side_by_side(after_correction="straight-back")
    tale.by("finance", "return", "finance/clerk", to="plan")
    tale.submits()
    assert sorted(tale.stages) == ["one-more", "two"]
    assert sorted(tale.persons) == ["finance", "office/head"]
    assert [opinion.person for opinion in tale.visit("two").opinions] == [id_of("reviewer")]
    tale.by("finance", "approve", "finance")
    assert tale.stages == ["one-more"]
    tale.by("head", "approve", "office/head")
    assert tale.stages == ["last"]


def test_a_return_from_after_the_block_into_one_path_enters_that_path_only() -> None:
    tale = side_by_side()
    tale.by("head", "approve", "office/head")
    tale.by("finance", "approve", "finance/clerk")
    tale.by("chair", "return", to="one")
    assert tale.stages == ["one"]
    tale.by("clerk", "approve")
    tale.by("head", "approve")
    assert tale.stages == ["last"]
    assert tale.state.visits == {"plan": 1, "one": 2, "one-more": 2, "two": 1, "last": 2}


def test_the_paths_join_once() -> None:
    tale = side_by_side()
    tale.by("finance", "approve", "finance/clerk")
    assert tale.stages == ["one-more"]
    tale.by("head", "approve")
    assert tale.stages == ["last"]
    assert tale.state.visits["last"] == 1


TRIED = (
    Act("claim", "clerk"), Act("approve", "clerk"), Act("return", "clerk", to="plan"), Act("transfer", "admin", to="head"),
    Act("add-signer", "clerk", to="head", how="after"), Act("remove-signer", "admin"), Act("withdraw", "coach"),
    Act("take-back", "coach"), Act("jump", "admin", to="plan"), Act("suspend", "admin"), Act("reopen", "admin", to="plan"),
    Act("hand-over", "admin", to="head", how="clerk"), Act("ask-extension", "clerk", n=1), Act("grant-exception", "head", n=1),
    Act("pass"), Act("fail"), Act("fill"), Act("object"), Act("settle", "head"), Act("start"),
)  # fmt: skip


@pytest.mark.parametrize("act", TRIED, ids=lambda act: act.do)
def test_a_suspended_case_takes_nothing(act: Act) -> None:
    tale = Tale(submit(), approve("bureau", "office/clerk"))
    tale.submits()
    tale.by("admin", "suspend")
    before = tale.state
    assert tale.do(act) is None
    assert tale.state == before


@pytest.mark.parametrize(("act", "status"), [(Act("resume", "admin"), "open"), (Act("end", "head"), "ended")])
def test_a_suspended_case_is_resumed_or_ended(act: Act, status: str) -> None:
    tale = Tale(submit(), approve("bureau", "office/clerk"))
    tale.submits()
    tale.by("admin", "suspend")
    assert tale.do(act) is not None
    assert (tale.state.status, tale.state.suspended_at) == (status, None)


def test_nothing_is_passed_early_nor_with_an_open_objection() -> None:
    tale = Tale(submit(), {"publish": "notice", "period": "5d", "objections_to": "office/head", "upheld": "plan"})
    tale.submits()
    tale.by("", "object")
    due = tale.visit("notice").due_at
    assert due is not None
    tale.now = due - MICROSECOND
    tale.refuses("", "pass")
    tale.now = due
    tale.refuses("", "pass")
    tale.by("head", "settle")
    tale.by("", "pass")
    assert tale.state.status == "filed"
