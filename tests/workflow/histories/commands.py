"""Each event of the rules through its use case, and when the store refuses what the rules would allow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import astuple
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.errors import GuantongError, IllegalTransitionError
from services.process import events
from services.process.events import Event
from services.workflow import acts, administering, extending, handing
from services.workflow.drafts import save_draft
from services.workflow.leaving import hand_over_tasks
from services.workflow.paper import Scan, enter_from_paper, printed_form
from tests.process.model.acts import Act
from tests.process.model.people import id_of
from tests.process.model.story import Story
from tests.workflow.histories.pack import form_data
from tests.workflow.histories.town import Town

UseCase = Callable[..., Awaitable[Any]]
TASK: tuple[str, ...] = ("task_id", "words")
CASE: tuple[str, ...] = ("case_id", "words")
VISIT: tuple[str, ...] = ("visit_id", "words")
COMMANDS: Mapping[type, tuple[UseCase, tuple[str, ...]]] = {
    events.Submit: (acts.submit_plan, ("task_id", "")),
    events.Assess: (acts.assess, ("task_id", "", "words")),
    events.Approve: (acts.approve, TASK),
    events.Oppose: (acts.oppose, TASK),
    events.Sign: (acts.sign, TASK),
    events.Decline: (acts.decline, TASK),
    events.Return: (acts.return_case, ("task_id", "to", "words")),
    events.Reject: (acts.reject, TASK),
    events.Claim: (handing.claim, ("task_id",)),
    events.PutBack: (handing.put_back, ("task_id",)),
    events.Transfer: (handing.transfer, ("task_id", "to", "words")),
    events.Delegate: (handing.delegate, ("task_id", "to", "words")),
    events.Answer: (handing.answer, TASK),
    events.Recall: (handing.recall, ("task_id",)),
    events.AddSigner: (handing.add_signer, ("task_id", "person", "how", "words")),
    events.RemoveSigner: (handing.remove_signer, TASK),
    events.AskExtension: (extending.ask_extension, ("task_id", "until", "words")),
    events.GrantExtension: (extending.grant_extension, VISIT),
    events.RefuseExtension: (extending.refuse_extension, VISIT),
    events.GrantException: (extending.grant_exception, ("until", "words")),
    events.Withdraw: (acts.withdraw, ()),
    events.TakeBack: (acts.take_back, ("task_id",)),
    events.End: (administering.end_case, ("words",)),
    events.Suspend: (administering.suspend, ("words",)),
    events.Resume: (administering.resume, ("words",)),
    events.Jump: (administering.jump, ("to", "words")),
    events.Reopen: (administering.reopen, ("to", "words")),
}
"""The use case of each event, and what the event's values are called there ("": nothing of it)."""
OF_CASE = (
    events.RemoveSigner, events.GrantExtension, events.RefuseExtension, events.GrantException, events.Withdraw,
    events.TakeBack, events.End, events.Suspend, events.Resume, events.Jump, events.Reopen,
)  # fmt: skip
ON_PAPER = ("approve", "oppose", "sign", "decline", "return", "reject")
SCAN = Scan("signed.pdf", "ab" * 32, 1000, "application/pdf")
DESKS: Mapping[str, set[str]] = {
    "office/clerk": {"office/clerk", "office/head"},
    "office/head": {"office/clerk", "office/head"},
    "finance/clerk": {"finance/clerk"},
}
"""Who enters from paper what a position has signed."""
AT_MOST = timedelta(days=20)
"""By how much the generator's extensions lengthen a term at the most."""


async def perform(town: Town, act: Act, event: Event, *, version: int) -> Any:
    """Let the person of the act do it; raise what the use case raises."""
    if isinstance(event, events.HandOver):
        return await _hand_over(town, act, event)
    if act.paper:
        return await _from_paper(town, act, event)
    use_case, names = COMMANDS[type(event)]
    more = {name: value for name, value in zip(names, astuple(event), strict=True) if name}
    if isinstance(event, OF_CASE):
        more["case_id"] = town.case_id
    if isinstance(event, events.Jump):
        more["version"] = version
    return await town.do(use_case, act.who, **more)


async def _hand_over(town: Town, act: Act, event: events.HandOver) -> Any:
    """One case of many: what is refused for it is told beside the others, and nothing of it is written."""
    found = await town.do(
        hand_over_tasks, act.who, leaving=event.leaving, to=event.to, words=event.words, cases=[town.case_id]
    )
    if not found:
        raise IllegalTransitionError(state="nothing of theirs", act="hand-over")
    if found[0].refusal is not None:
        raise found[0].refusal
    return found[0].outcome


async def _from_paper(town: Town, act: Act, event: Any) -> Any:
    form = await town.do(printed_form, act.paper, case_id=town.case_id)
    more = {"to": event.to} if isinstance(event, events.Return) else {}
    return await town.do(
        enter_from_paper, act.paper, task_id=event.task, person_id=id_of(act.who), decision=act.do, scans=[SCAN],
        printed=form, words=event.words, **more,
    )  # fmt: skip


async def draft(town: Town, act: Act, event: Event) -> bool:
    """Let the person write the form that they are about to submit; False where they may not."""
    if not isinstance(event, events.Submit | events.Assess):
        return True
    try:
        await town.do(save_draft, act.who, case_id=town.case_id, data=form_data(act.n), task_id=event.task)
    except GuantongError:
        return False
    return True


# --- what the store refuses ------------------------------------------------------------------------------------------


def refusal(story: Story, act: Act, event: Event, parts: set[UUID]) -> str:
    """Return why the store refuses this whatever the rules say of it; "" where it does not.

    parts: with whom tasks of the case are or were at their end.
    """
    people = story.people
    if act.paper:
        return _paper_refusal(story, act, event, parts)
    if not sees(story, act.who, parts):
        return "they do not see the case"
    if isinstance(event, events.End) and act.who not in people.administrators:
        return "only the administrator ends a case"
    if isinstance(event, events.AskExtension):
        visit = story.state.visit_of(event.task)
        if visit is not None and visit.due_at is not None and event.until > visit.due_at + AT_MOST:
            return "more time than the rule gives"
    return ""


def _paper_refusal(story: Story, act: Act, event: Any, parts: set[UUID]) -> str:
    visit = story.state.visit_of(event.task)
    task = visit.task(event.task) if visit is not None else None
    if task is None:
        return ""
    if act.paper == act.who or not sees(story, act.paper, parts):
        return "not by themself, nor by who does not see the case"
    if story.state.submission is None:
        return "nothing is submitted that could be printed"
    administers = act.paper in story.people.administrators
    desks = DESKS.get(task.actor, set()) if task.position is not None else set()
    if not administers and not desks & _held(story, act.paper):
        return "not of the office, nor the administrator"
    return ""


def _held(story: Story, name: str) -> set[str]:
    return {actor for actor, persons in story.people.holders.items() if name in persons}


def sees(story: Story, name: str, parts: set[UUID]) -> bool:
    """Whether a person sees the case: by what they or whom they stand in for hold, or because a task is theirs."""
    people = story.people
    whole = [name, *(away for away, here in people.stands_in.items() if here == name)]
    named = set(story.definition.actors())
    offices = {"office/clerk", "office/head"}
    seeing = (
        named | {"chief-coach", "guiding-unit/reviewer", "base-school/office"} | (offices if named & offices else set())
    )
    held = {actor for each in whole for actor in _held(story, each)}
    return id_of(name) in parts or bool(held & seeing) or bool({*whole} & {*people.administrators})
