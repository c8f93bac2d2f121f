"""What a person may do with a case now: what is not in it is not shown, and would be refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
    SignStage,
    SubmitStage,
)
from services.process.engine.counting import count, waits_for
from services.process.engine.rights import acting_for, check_judge
from services.process.events import Context, StandIn
from services.process.states import CaseState, TaskState, VisitState
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

    @cached_property
    def context(self) -> Context:
        """What the rules know of the reader; no ids are drawn."""
        covered = [each for each in self.reader.stand_ins if each.covers(self.programme, self.definition.process)]
        return Context(
            self.reader.person_id, self.reader.position_ids, self.now, lambda: UUID(int=0), self.actors,
            stand_ins=tuple(StandIn(each.person_id, frozenset(held.id for held in each.positions)) for each in covered),
            administrator=self.reader.is_administrator,
        )  # fmt: skip

    def has(self, task: TaskState) -> bool:
        """Tell whether the task is with the reader, or with somebody whom they stand in for."""
        holder = task.with_ or task.position
        return has(self.reader, holder, programme=self.programme, process=self.definition.process)


def possible_acts(beholder: Beholder) -> frozenset[Possible]:
    """Return what the reader may do with the case now, in any of its tasks."""
    state = beholder.state
    acts: set[Possible] = set(_administrator_acts(beholder))
    if state.status == "open" and state.suspended_at is None:
        for visit in state.open:
            acts |= visit_acts(beholder, visit)
            for task in visit.tasks:
                acts |= task_acts(beholder, visit, task)
        acts |= set(_undoing(beholder))
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
    stage, held = beholder.definition.stage(visit.stage), beholder.reader.position_ids
    mine = any(beholder.has(task) for task in visit.tasks)
    if isinstance(stage, SubmitStage) and stage.close is not None and stage.close.exceptions is not None:
        granter = beholder.actors[stage.close.exceptions]
        submits = beholder.actors[stage.by] in held
        acts |= {"grant-exception"} if granter in held and not mine and not submits else set()
    if visit.asked is not None and isinstance(stage, ActedStage) and stage.extension is not None:
        decides = beholder.actors[stage.extension.by] in held and visit.asked.person != beholder.reader.person_id
        acts |= {"decide-extension"} if decides else set()
    return acts


def task_acts(beholder: Beholder, visit: VisitState, task: TaskState) -> set[Possible]:
    """Return what the reader may do with an open task."""
    reader, stage = beholder.reader, beholder.definition.stage(visit.stage)
    if not isinstance(stage, ActedStage):
        return set()
    acts: set[Possible] = set()
    if task.helper is not None:
        acts |= {"answer"} if task.helper == reader.person_id else set()
        owner = task.person == reader.person_id if task.person else task.position in reader.position_ids
        return acts | ({"recall"} if owner else set())
    if task.person is not None and not task.member and (task.person == reader.person_id or reader.is_administrator):
        acts.add("put-back")
    if not beholder.has(task):
        return acts | ({"transfer"} if reader.is_administrator and stage.hand_to != "nobody" else set())
    if isinstance(stage, SubmitStage):
        acts |= set(_submit_acts(beholder, visit))
    elif _may_judge(beholder, visit, task):
        acts |= set(_judge_acts(stage, visit, task))
    else:
        return acts
    acts |= {"claim"} if task.person is None else set()
    acts |= {"transfer", "delegate"} if stage.hand_to != "nobody" else set()
    acts |= {"ask-extension"} if _may_ask(beholder, visit, stage) else set()
    return acts


def _submit_acts(beholder: Beholder, visit: VisitState) -> Iterator[Possible]:
    yield "edit"
    if visit.close_at is None or beholder.now < visit.close_at:
        yield "submit"


def _may_judge(beholder: Beholder, visit: VisitState, task: TaskState) -> bool:
    """Tell whether the reader may judge here: they did not submit it, could not, and have not signed already."""
    try:
        on_behalf = acting_for(task, beholder.context)
        check_judge(beholder.definition, beholder.state, visit, context=beholder.context, on_behalf=on_behalf)
    except GuantongError:
        return False
    return True


def _judge_acts(stage: ActedStage, visit: VisitState, task: TaskState) -> Iterator[Possible]:
    assert isinstance(stage, ApproveStage | SignStage | AssessStage)
    if stage.hand_to != "nobody":
        yield "add-signer"
    if waits_for(visit, task) is not None or (count(stage, visit) == "passed" and task.added is None):
        return
    match stage:
        case ApproveStage():
            yield "approve"
        case SignStage():
            yield "sign"
            yield "decline"
        case AssessStage():
            yield "edit"
            yield "assess"
    if isinstance(stage, ApproveStage) and stage.votes:
        yield "oppose"
    if stage.return_to:
        yield "return"
    if stage.may_reject:
        yield "reject"


def _may_ask(beholder: Beholder, visit: VisitState, stage: ActedStage) -> bool:
    rule = stage.extension
    return (
        rule is not None
        and visit.asked is None
        and visit.extensions < rule.times
        and visit.due_at is not None
        and beholder.now < visit.due_at
    )


def _undoing(beholder: Beholder) -> Iterator[Possible]:
    """Yield what the reader may take back: a submission of their position, or a decision of their own."""
    state, reader = beholder.state, beholder.reader
    for move in state.moves:
        closed = move.left.close_at is not None and beholder.now >= move.left.close_at
        if move.act == "submit" and not closed and _submitted_by(beholder, move.left.stage) in reader.position_ids:
            yield "withdraw"
        if move.person == reader.person_id and move.act != "submit":
            yield "take-back"
    for visit in state.open:
        stage = beholder.definition.stage(visit.stage)
        mine = any(opinion.person == reader.person_id for opinion in visit.opinions)
        if mine and isinstance(stage, JudgingStage):
            yield "take-back"


def _submitted_by(beholder: Beholder, stage: str) -> UUID | None:
    found = beholder.definition.acted(stage) if stage else next(iter(beholder.definition.submit_stages()), None)
    return beholder.actors[found.by] if isinstance(found, SubmitStage) else None
