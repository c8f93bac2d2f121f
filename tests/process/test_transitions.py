"""The one function that changes a case: every act, allowed and refused, without a database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import (
    AlreadyDecidedError,
    ClosedError,
    ConflictError,
    ForbiddenError,
    GuantongError,
    IllegalTransitionError,
    InvalidInputError,
    OwnSubmissionError,
    SameSignerError,
)
from services.process.definitions import ProcessDefinition
from services.process.events import Approve, Context, End, Event, GrantException, Return, Start, Submit, Withdraw
from services.process.outcomes import Transition
from services.process.states import CaseState
from services.process.transitions import advance

NOW = datetime(2027, 1, 22, 1, tzinfo=UTC)
CHIEF, REVIEWER, CLERK, FINANCE, HEAD = (uuid4() for _ in range(5))
"""Persons; each holds the position of the same name in POSITIONS."""
POSITIONS = {
    "chief-coach": CHIEF,
    "guiding-unit/reviewer": REVIEWER,
    "a/clerk": CLERK,
    "b/clerk": FINANCE,
    "a/head": HEAD,
}


def process(by: Any) -> ProcessDefinition:
    return ProcessDefinition.model_validate(
        {
            "process": "annual-filing",
            "title": {"zh": "备案", "en": "Filing"},
            "subject": "project-group",
            "season": {"every": "year", "opens": "-1/11-15", "due": "01-31"},
            "stages": [
                {
                    "submit": "plan",
                    "by": "chief-coach",
                    "form": "annual-plan",
                    "due": {"at": "season.due"},
                    "close": {"after": "5wd", "exceptions": "a/head"},
                },
                {"approve": "guidance", "by": "guiding-unit/reviewer", "within": "5wd", "return_to": ["plan"]},
                {"approve": "bureau", "by": by, "within": "10wd", "return_to": ["plan", "guidance"]},
                {"file": "filing", "number": "QJ-{season}-{serial:03d}", "notify": ["chief-coach"]},
            ],
        }
    )


ALL = process({"all_of": ["a/clerk", "b/clerk"]})
ANY = process({"any_of": ["a/clerk", "b/clerk"]})


def context(person: UUID | None, *, now: datetime = NOW, held: frozenset[UUID] | None = None) -> Context:
    """The person holds the position of the same id."""
    positions = held if held is not None else frozenset({person} if person else ())
    return Context(person=person, held=positions, now=now, new_id=uuid4, positions=POSITIONS)


class Story:
    """A case that acts are applied to."""

    def __init__(self, definition: ProcessDefinition = ALL) -> None:
        self.definition, self.state = definition, CaseState()
        self.last: Transition | None = None
        self.do(Start(), None)

    def do(self, event: Event, person: UUID | None, **more: Any) -> Transition:
        self.last = advance(self.definition, self.state, event, context(person, **more))
        self.state = self.last.state
        return self.last

    def task(self, actor: str | None = None) -> UUID:
        assert self.state.visit is not None
        return next(task.id for task in self.state.visit.tasks if actor in (None, task.actor))

    def submit(self, **more: Any) -> Transition:
        return self.do(Submit(self.task(), uuid4()), CHIEF, **more)

    def to_bureau(self) -> Story:
        self.submit()
        self.do(Approve(self.task()), REVIEWER)
        return self

    def due(self, due_at: datetime, close_at: datetime) -> None:
        assert self.state.visit is not None
        visit = self.state.visit.model_copy(update={"due_at": due_at, "close_at": close_at})
        self.state = self.state.model_copy(update={"open": (visit,)})


def kinds(transition: Transition) -> Mapping[str, int]:
    return {
        kind: sum(tell.kind == kind for tell in transition.tell) for kind in {tell.kind for tell in transition.tell}
    }


def test_countersigning_waits_for_every_office() -> None:
    story = Story().to_bureau()
    first = story.do(Approve(story.task("a/clerk")), CLERK)
    assert (story.state.name, first.left, len(first.closed)) == ("bureau", (), 1)
    last = story.do(Approve(story.task("b/clerk")), FINANCE)
    assert (story.state.status, [left.outcome for left in last.left]) == ("filed", ["approved"])
    assert last.filing is not None


def test_the_first_of_several_decides_and_the_others_learn_it() -> None:
    story = Story(ANY).to_bureau()
    done = story.do(Approve(story.task("a/clerk")), CLERK)
    assert story.state.status == "filed"
    assert [(task.actor, task.by_other) for task in done.closed] == [("a/clerk", False), ("b/clerk", True)]
    assert kinds(done) == {"filed": 1, "closed-by-other": 1}


def test_one_approves_in_a_countersign_and_the_other_returns() -> None:
    story = Story().to_bureau()
    story.do(Approve(story.task("a/clerk")), CLERK)
    back = story.do(Return(story.task("b/clerk"), "plan", "The sum is wrong."), FINANCE)
    assert story.state.name == "plan"
    assert story.state.visits == {"plan": 2, "guidance": 1, "bureau": 1}
    assert kinds(back) == {"returned": 1, "returned-after-approval": 1}
    assert next(tell.person for tell in back.tell if tell.kind == "returned-after-approval") == CLERK


def test_one_returns_while_the_other_has_not_looked() -> None:
    story = Story().to_bureau()
    other = story.task("a/clerk")
    story.do(Return(story.task("b/clerk"), "guidance", "Ask the institute."), FINANCE)
    assert story.state.name == "guidance"
    with pytest.raises(AlreadyDecidedError):
        story.do(Approve(other), CLERK)


def test_after_a_return_everything_is_judged_again() -> None:
    story = Story().to_bureau()
    story.do(Return(story.task("b/clerk"), "plan", "Again."), FINANCE)
    story.to_bureau()
    assert story.state.visit is not None
    assert len(story.state.visit.tasks) == 2
    assert story.state.visit.n == 2


@pytest.mark.parametrize("event", [Approve(uuid4()), Return(uuid4(), "plan", "x"), Submit(uuid4(), uuid4())])
def test_an_act_on_an_unknown_task_is_refused(event: Event) -> None:
    with pytest.raises(AlreadyDecidedError):
        Story().do(event, CHIEF)


def test_an_illegal_act_names_state_and_act() -> None:
    story = Story()
    with pytest.raises(IllegalTransitionError, match=r"“plan”.*“approve”"):
        story.do(Approve(story.task()), CHIEF)
    with pytest.raises(IllegalTransitionError, match=r"“plan”.*“start”"):
        story.do(Start(), None)


def test_a_task_is_only_for_who_holds_its_position() -> None:
    story = Story()
    with pytest.raises(ForbiddenError):
        story.do(Submit(story.task(), uuid4()), REVIEWER)


def test_nobody_decides_on_their_own_submission() -> None:
    story = Story()
    story.submit()
    with pytest.raises(OwnSubmissionError):
        story.do(Approve(story.task()), CHIEF, held=frozenset({REVIEWER}))
    with pytest.raises(OwnSubmissionError):
        story.do(Return(story.task(), "plan", "x"), CHIEF, held=frozenset({REVIEWER}))


def test_who_submitted_an_earlier_version_does_not_decide_on_a_later_one() -> None:
    story = Story()
    story.submit()
    story.do(Return(story.task(), "plan", "Again."), REVIEWER)
    successor = uuid4()
    story.do(Submit(story.task(), uuid4()), successor, held=frozenset({CHIEF}))
    with pytest.raises(OwnSubmissionError):
        story.do(Approve(story.task()), CHIEF, held=frozenset({REVIEWER}))


def test_a_withdrawal_keeps_the_due_date_of_its_visit() -> None:
    story = Story()
    story.due(NOW + timedelta(days=2), NOW + timedelta(days=9))
    story.submit()
    (opened,) = story.do(Withdraw(), CHIEF).opened
    assert (opened.state.due_at, opened.state.close_at) == (NOW + timedelta(days=2), NOW + timedelta(days=9))
    assert opened.kept
    assert not opened.returned


def test_a_withdrawal_is_refused_once_somebody_acted() -> None:
    story = Story().to_bureau()
    with pytest.raises(IllegalTransitionError):
        story.do(Withdraw(), CHIEF)


def test_a_withdrawal_is_refused_at_the_close() -> None:
    story = Story()
    story.due(NOW, NOW + timedelta(days=1))
    story.submit()
    with pytest.raises(ClosedError):
        story.do(Withdraw(), CHIEF, now=NOW + timedelta(days=1))


def test_who_holds_the_position_withdraws_and_nobody_else() -> None:
    story = Story()
    story.submit()
    with pytest.raises(ForbiddenError):
        story.do(Withdraw(), CHIEF, held=frozenset({HEAD}))
    successor = uuid4()
    assert story.do(Withdraw(), successor, held=frozenset({CHIEF})).state.name == "plan"


def test_one_person_does_not_sign_for_two_offices() -> None:
    story = Story().to_bureau()
    both = frozenset({CLERK, FINANCE})
    story.do(Approve(story.task("a/clerk")), CLERK, held=both)
    with pytest.raises(SameSignerError):
        story.do(Approve(story.task("b/clerk")), CLERK, held=both)
    story.do(Approve(story.task("b/clerk")), FINANCE)
    assert story.state.status == "filed"


def test_who_could_submit_does_not_decide_though_another_submitted() -> None:
    story = Story()
    story.submit()
    with pytest.raises(OwnSubmissionError):
        story.do(Approve(story.task()), uuid4(), held=frozenset({CHIEF, REVIEWER}))


def test_who_submits_grants_themselves_no_exception() -> None:
    story = Story()
    story.due(NOW - timedelta(days=9), NOW - timedelta(days=1))
    with pytest.raises(OwnSubmissionError):
        story.do(GrantException(NOW + timedelta(days=1), "Illness"), CHIEF, held=frozenset({CHIEF, HEAD}))


def test_the_very_instant_of_the_close_is_too_late_and_of_the_due_date_late() -> None:
    story = Story()
    story.due(NOW, NOW + timedelta(days=1))
    with pytest.raises(ClosedError):
        story.submit(now=NOW + timedelta(days=1))
    assert story.submit(now=NOW).late
    story = Story()
    story.due(NOW, NOW + timedelta(days=1))
    assert not story.submit(now=NOW - timedelta(microseconds=1)).late


def test_an_exception_lets_one_submission_in_and_is_then_used_up() -> None:
    story = Story()
    story.due(NOW - timedelta(days=9), NOW - timedelta(days=1))
    with pytest.raises(ForbiddenError):
        story.do(GrantException(NOW + timedelta(days=1), "Illness"), CLERK)
    with pytest.raises(InvalidInputError):
        story.do(GrantException(NOW, "Illness"), HEAD)
    with pytest.raises(InvalidInputError):
        story.do(GrantException(NOW + timedelta(days=1), " "), HEAD)
    granted = story.do(GrantException(NOW + timedelta(days=1), "Illness"), HEAD)
    done = story.submit()
    assert done.used == granted.granted
    assert all(visit.exception is None for visit in story.state.open)


def test_an_exception_that_was_not_needed_stays_through_a_withdrawal() -> None:
    story = Story()
    story.due(NOW - timedelta(days=1), NOW + timedelta(days=3))
    story.do(GrantException(NOW + timedelta(days=20), "Illness"), HEAD)
    assert story.submit().used is None
    story.do(Withdraw(), CHIEF)
    done = story.submit(now=NOW + timedelta(days=10))
    assert done.used is not None
    assert done.late


def test_a_later_exception_never_shortens_an_earlier_one() -> None:
    story = Story()
    story.due(NOW - timedelta(days=1), NOW + timedelta(days=3))
    story.do(GrantException(NOW + timedelta(days=20), "Illness"), HEAD)
    with pytest.raises(InvalidInputError):
        story.do(GrantException(NOW + timedelta(days=10), "Again"), HEAD)


def test_a_closed_case_takes_nothing() -> None:
    story = Story()
    story.do(End("Dissolved"), HEAD)
    assert story.state.status == "ended"
    for event in (Approve(uuid4()), Submit(uuid4(), uuid4())):
        with pytest.raises(AlreadyDecidedError):
            story.do(event, CHIEF)
    for event in (Withdraw(), End("Again"), Start()):
        with pytest.raises(ConflictError):
            story.do(event, CHIEF)


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["submit", "approve", "return", "withdraw", "grant", "end"]),
        st.sampled_from([CHIEF, REVIEWER, CLERK, FINANCE, HEAD]),
        st.integers(0, 3),
    ),
    max_size=25,
)


def _event(story: Story, act: str, which: int) -> Event:
    tasks = story.state.visit.tasks if story.state.visit else ()
    task = tasks[which % len(tasks)].id if tasks else uuid4()
    return {
        "submit": Submit(task, uuid4()),
        "approve": Approve(task),
        "return": Return(task, ["plan", "guidance"][which % 2], "Because."),
        "withdraw": Withdraw(),
        "grant": GrantException(NOW + timedelta(days=1 + which), "Illness"),
        "end": End("Dissolved"),
    }[act]


@given(definition=st.sampled_from([ALL, ANY]), acts=ACTS)
@settings(max_examples=300, deadline=None)
def test_whatever_is_tried_the_state_stays_whole(
    definition: ProcessDefinition, acts: list[tuple[str, UUID, int]]
) -> None:
    story = Story(definition)
    for act, person, which in acts:
        before = story.state
        try:
            done = story.do(_event(story, act, which), person)
        except GuantongError:
            assert story.state == before
            continue
        state = done.state
        assert state.version == before.version + 1
        assert (state.visit is not None) == (state.status == "open")
        if state.visit is not None:
            assert state.visits[state.visit.stage] == state.visit.n
            assert state.visit.tasks
        open_before = {task.id for task in before.visit.tasks} if before.visit else set()
        open_after = {task.id for task in state.visit.tasks} if state.visit else set()
        assert open_before - open_after == {task.id for task in done.closed}
        assert CaseState.model_validate_json(state.model_dump_json()) == state
