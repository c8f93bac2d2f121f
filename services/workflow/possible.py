"""What a person may do with a case now: what is not in it is not shown, and would be refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Literal
from uuid import UUID

from services.errors import GuantongError
from services.people.access import Reader
from services.process.definitions import (
    ActedStage,
    ApproveStage,
    AssessStage,
    JudgingStage,
    Localized,
    ProcessDefinition,
    PublishStage,
    SignStage,
    SubmitStage,
)
from services.process.engine.counting import count, waits_for
from services.process.engine.moving import may_undo_opinion, submitted_stage
from services.process.engine.rights import acting_for, check_hand_to, check_judge, check_recipient, owning
from services.process.engine.signers import may_remove
from services.process.events import Context, StandIn
from services.process.states import CaseState, Move, TaskState, VisitState
from services.workflow.represented import has
from services.workflow.standing import BACK

MarkState = Literal["done", "current", "ahead", "returned"]
Possible = Literal[
    "edit", "submit", "approve", "oppose", "sign", "decline", "assess", "return", "reject", "withdraw", "take-back",
    "grant-exception", "end", "claim", "put-back", "transfer", "delegate", "answer", "recall", "add-signer",
    "remove-signer", "ask-extension", "decide-extension", "suspend", "resume", "jump", "reopen", "settle",
]  # fmt: skip


@dataclass(frozen=True)
class StageMark:
    """A stage as it is drawn. returned: the case stands here because somebody sent it back."""

    code: str
    kind: str
    title: Localized
    state: MarkState
    visits: int


def draw_stages(definition: ProcessDefinition, state: CaseState) -> tuple[StageMark, ...]:
    """Return each stage of the definition with where the case stands to it."""
    open_ = {visit.stage: visit for visit in state.open}
    ahead = {code for code in definition.places if any(stage in definition.earlier(code) for stage in open_)}
    marks = []
    for stage in definition.all_stages:
        mark: MarkState = "done" if state.visits.get(stage.code) and stage.code not in ahead else "ahead"
        if stage.code in open_:
            mark = "returned" if open_[stage.code].entered_by in BACK else "current"
        title = stage.title or Localized(zh=stage.code, en=stage.code)
        marks.append(StageMark(stage.code, stage.kind, title, mark, state.visits.get(stage.code, 0)))
    return tuple(marks)


@dataclass(frozen=True)
class Beholder:
    """Who looks at which case, when."""

    definition: ProcessDefinition
    state: CaseState
    reader: Reader
    actors: Mapping[str, UUID]
    now: datetime
    programme: str
    holders: Mapping[UUID, tuple[UUID, ...]] = field(default_factory=dict)
    """Who holds the positions of tasks that may be handed to their holders only."""

    @cached_property
    def context(self) -> Context:
        """What the rules know of the reader; no ids are drawn."""
        covered = [each for each in self.reader.stand_ins if each.covers(self.programme, self.definition.process)]
        return Context(
            self.reader.person_id, self.reader.position_ids, self.now, lambda: UUID(int=0), self.actors,
            holders=self.holders,
            stand_ins=tuple(StandIn(each.person_id, frozenset(held.id for held in each.positions)) for each in covered),
            administrator=self.reader.is_administrator,
        )  # fmt: skip

    def has(self, task: TaskState) -> bool:
        """Tell whether the task is with the reader, or with somebody whom they stand in for."""
        holder = task.with_ or task.position
        return has(self.reader, holder, programme=self.programme, process=self.definition.process)

    def acts_on(self, task: TaskState) -> bool:
        """Tell whether the reader may act on the task: it is theirs, or of somebody whom they stand in for, and not delegated."""
        return allowed(lambda: acting_for(task, self.context))

    def owns(self, task: TaskState) -> bool:
        """Tell the same of a task that may be delegated."""
        return allowed(lambda: owning(task, self.context))


def allowed(check: Callable[[], object]) -> bool:
    """Tell whether a check of the rules passes."""
    try:
        check()
    except GuantongError:
        return False
    return True


def possible_acts(beholder: Beholder) -> frozenset[Possible]:
    """Return what the reader may do with the case now, in any of its tasks."""
    state = beholder.state
    acts: set[Possible] = set(_administrator_acts(beholder))
    if state.status == "open" and state.suspended_at is None:
        for visit in state.open:
            acts |= visit_acts(beholder, visit)
            for task in visit.tasks:
                acts |= task_acts(beholder, visit, task)
            acts |= {"remove-signer"} if any(removable(beholder, visit)) else set()
        acts |= {"withdraw"} if _may_withdraw(beholder) else set()
        acts |= {"take-back"} if any(own_decisions(beholder)) else set()
    return frozenset(acts)


def _administrator_acts(beholder: Beholder) -> Iterator[Possible]:
    if not beholder.reader.is_administrator:
        return
    state = beholder.state
    if state.status != "open":
        yield "reopen"
        return
    yield "end"
    if state.suspended_at is not None:
        yield "resume"
        return
    yield "suspend"
    yield "jump"


def visit_acts(beholder: Beholder, visit: VisitState) -> set[Possible]:
    """Return what the reader may decide about an open visit: its close, and more time that is asked for."""
    acts: set[Possible] = set()
    if _may_grant_exception(beholder, visit):
        acts.add("grant-exception")
    if may_decide_extension(beholder, visit):
        acts.add("decide-extension")
    stage = beholder.definition.stage(visit.stage)
    if isinstance(stage, PublishStage) and visit.objections:
        acts |= {"settle"} if beholder.actors[stage.objections_to] in beholder.reader.position_ids else set()
    return acts


def _may_grant_exception(beholder: Beholder, visit: VisitState) -> bool:
    stage, held = beholder.definition.stage(visit.stage), beholder.reader.position_ids
    if not isinstance(stage, SubmitStage) or stage.close is None or stage.close.exceptions is None:
        return False
    mine = beholder.actors[stage.by] in held or any(beholder.owns(task) for task in visit.tasks)
    return beholder.actors[stage.close.exceptions] in held and not mine


def may_decide_extension(beholder: Beholder, visit: VisitState) -> bool:
    """Tell whether the reader decides on the time that is asked for: for themself, or on behalf of who is away."""
    stage = beholder.definition.stage(visit.stage)
    if visit.asked is None or not isinstance(stage, ActedStage) or stage.extension is None:
        return False
    position, context = beholder.actors[stage.extension.by], beholder.context
    behalf = next((each.person for each in context.stand_ins if position in each.held), None)
    if position in context.held:
        behalf = None
    elif behalf is None:
        return False
    return visit.asked.person not in (context.person, behalf)


def task_acts(beholder: Beholder, visit: VisitState, task: TaskState) -> set[Possible]:
    """Return what the reader may do with an open task of a case that does not stand still."""
    stage = beholder.definition.stage(visit.stage)
    if not isinstance(stage, ActedStage):
        return set()
    acts = set(_owner_acts(beholder, visit, task))
    if task.helper is not None or not beholder.acts_on(task):
        return acts
    if isinstance(stage, SubmitStage):
        acts |= set(_submit_acts(beholder, visit))
        judges = True
    else:
        judges = _may_judge(beholder, visit, task)
        acts |= set(_judge_acts(beholder, visit, task)) if judges else set()
    acts |= {"claim"} if task.person is None and judges else set()
    acts |= {"delegate"} if _can_be_handed(beholder, visit, task) else set()
    acts |= {"add-signer"} if isinstance(stage, JudgingStage) and _can_be_handed(beholder, visit, task) else set()
    acts |= {"ask-extension"} if _may_ask(beholder, visit, stage) else set()
    return acts


def _owner_acts(beholder: Beholder, visit: VisitState, task: TaskState) -> Iterator[Possible]:
    """Yield what does not depend on whether the task is delegated, or only on that."""
    administers, owns = beholder.reader.is_administrator, beholder.owns(task)
    if task.helper is not None and task.helper == beholder.reader.person_id:
        yield "answer"
    if task.helper is not None and owns:
        yield "recall"
    queued = task.person is not None and not task.member and task.position is not None
    if queued and (owns or administers):
        yield "put-back"
    if (administers or beholder.acts_on(task)) and _can_be_handed(beholder, visit, task):
        yield "transfer"


def _can_be_handed(beholder: Beholder, visit: VisitState, task: TaskState) -> bool:
    """Tell whether there can be anybody to whom the stage lets the task go, or whom it lets sign beside it."""
    stage = beholder.definition.stage(visit.stage)
    if not isinstance(stage, ActedStage) or stage.hand_to == "nobody":
        return False
    if stage.hand_to == "bureau":
        return True
    others = beholder.holders.get(task.position, ()) if task.position else ()
    return any(_may_have(beholder, visit, task, person=person) for person in others)


def _may_have(beholder: Beholder, visit: VisitState, task: TaskState, *, person: UUID) -> bool:
    definition, state, context = beholder.definition, beholder.state, beholder.context
    return (
        person not in (task.with_, context.person)
        and allowed(lambda: check_hand_to(definition, visit, task, person, context=context, act="transfer"))
        and allowed(lambda: check_recipient(definition, state, visit, person, context=context))
    )


def _submit_acts(beholder: Beholder, visit: VisitState) -> Iterator[Possible]:
    yield "edit"
    if visit.close_at is None or beholder.now < visit.close_at:
        yield "submit"


def _may_judge(beholder: Beholder, visit: VisitState, task: TaskState) -> bool:
    """Tell whether the reader may judge here: they did not submit it, could not, and have not signed already."""
    on_behalf = acting_for(task, beholder.context)
    return allowed(
        lambda: check_judge(beholder.definition, beholder.state, visit, context=beholder.context, on_behalf=on_behalf)
    )


def _judge_acts(beholder: Beholder, visit: VisitState, task: TaskState) -> Iterator[Possible]:
    stage = beholder.definition.stage(visit.stage)
    assert isinstance(stage, ApproveStage | SignStage | AssessStage)
    if isinstance(stage, AssessStage):
        yield "edit"
    if waits_for(visit, task) is not None or (count(stage, visit) == "passed" and task.added is None):
        return
    match stage:
        case ApproveStage():
            yield "approve"
        case SignStage():
            yield "sign"
            yield "decline"
        case AssessStage():
            yield "assess"
    if isinstance(stage, ApproveStage) and stage.votes:
        yield "oppose"
    if returns_to(beholder.state, stage):
        yield "return"
    if stage.may_reject:
        yield "reject"


def returns_to(state: CaseState, stage: JudgingStage) -> tuple[str, ...]:
    """Return the stages that the case may be returned to from here: those named where it has been."""
    return tuple(code for code in stage.return_to if code in state.visits)


def _may_ask(beholder: Beholder, visit: VisitState, stage: ActedStage) -> bool:
    rule = stage.extension
    return (
        rule is not None
        and visit.asked is None
        and visit.extensions < rule.times
        and visit.due_at is not None
        and beholder.now < visit.due_at
    )


# --- what is undone ---------------------------------------------------------------------------------------------------


def removable(beholder: Beholder, visit: VisitState) -> Iterator[UUID]:
    """Yield the tasks of the signers whom the reader may take out of an open visit."""
    for task in (*visit.tasks, *visit.waiting):
        if may_remove(beholder.definition, visit, task, beholder.context):
            yield task.id


def _may_withdraw(beholder: Beholder) -> bool:
    context = beholder.context
    held = set(context.held).union(*(each.held for each in context.stand_ins))
    mine = [
        move
        for move in beholder.state.moves
        if move.act == "submit"
        and beholder.actors[submitted_stage(beholder.definition, beholder.state, move).by] in held
    ]
    return bool(mine) and _not_closed(beholder, mine[-1])


def _not_closed(beholder: Beholder, move: Move) -> bool:
    return move.left.close_at is None or beholder.now < move.left.close_at


def own_decisions(beholder: Beholder) -> Iterator[UUID]:
    """Yield the tasks whose decisions the reader may take back: their own, while the next has not acted."""
    person = beholder.reader.person_id
    for move in beholder.state.moves:
        if move.person == person and (move.act != "submit" or _not_closed(beholder, move)):
            yield move.task
    for visit in beholder.state.open:
        for opinion in visit.opinions:
            if opinion.person == person and may_undo_opinion(beholder.definition, visit, opinion):
                yield opinion.task
