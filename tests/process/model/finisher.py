"""Drives a case from wherever it stands to a good end, with acts of those who may: so nothing that is reached is a dead end.

It never jumps. Where nobody is left who may act, somebody is appointed, as the bureau would do.
"""

from __future__ import annotations

from services.process.states import TaskState, VisitState
from tests.process.model.acts import Act
from tests.process.model.chart import TIMED
from tests.process.model.compare import Broken
from tests.process.model.people import ACTORS, POSITIONS
from tests.process.model.story import Story

MOST = 150
"""No process of the generator needs more steps, wherever it stands."""


def finish(story: Story) -> int:
    """Bring an open case to its end and return how many steps it took; raise Broken where it cannot be."""
    for steps in range(MOST):
        if story.state.status in ("filed", "completed"):
            return steps
        if story.state.status != "open":
            raise Broken("a case that everybody agreed to ended badly", story.state.status)
        if story.state.suspended_at is not None:
            story.do(Act("resume", "admin"))
            continue
        if not any(_moves_on(story, visit) for visit in story.state.open):
            raise Broken("a case can neither go on nor end", story.state.name)
    raise Broken("a case does not come to its end", story.state.name)


def _moves_on(story: Story, visit: VisitState) -> bool:
    """Bring a visit one step further; False where nobody can at the moment."""
    if story.chart.kind(visit.stage) in TIMED:
        return _in_time(story, visit)
    if not visit.tasks:
        return _filled(story, visit)
    if _close_passed(story, visit):
        return True
    return any(_task(story, visit, task) for task in visit.tasks)


def _in_time(story: Story, visit: VisitState) -> bool:
    stage, at = story.chart.stage[visit.stage], story.state.open.index(visit)
    if visit.objections:
        who = _holder(story, stage["objections_to"])
        return story.do(Act("settle", who, at)) is not None
    if visit.due_at is not None and story.now < visit.due_at:
        story.do(Act("tick", n=int((visit.due_at - story.now).total_seconds() // 60) + 1))
    return story.do(Act("pass", at=at)) is not None


def _filled(story: Story, visit: VisitState) -> bool:
    actor = story.chart.stage[visit.stage]["by"]["each"]
    for _ in range(story.chart.stage[visit.stage]["by"].get("needed", 1)):
        story.do(Act("appoint", _spare(story), to=actor))
    return story.do(Act("fill", at=story.state.open.index(visit))) is not None


def _close_passed(story: Story, visit: VisitState) -> bool:
    """Grant a late exception where the close has passed; where nobody may grant one, the administrator sets it there again."""
    if visit.close_at is None or story.now < visit.close_at:
        return False
    by = story.chart.stage[visit.stage]["close"].get("exceptions")
    if by is None:
        story.do(Act("jump", "admin", to=visit.stage))
        return True
    return story.do(Act("grant-exception", _spare(story, by), n=60 * 24)) is not None


def _task(story: Story, visit: VisitState, task: TaskState) -> bool:
    """Let whoever may decide do so; else let the task come to somebody who may."""
    tasks = [each.id for other in story.state.open for each in other.tasks]
    at, kind = tasks.index(task.id), story.chart.kind(visit.stage)
    name = story.people.name_of
    if task.helper is not None:
        return story.do(Act("answer", name(task.helper), at)) is not None
    if any(each.added and each.added.how == "before" and each.added.to == task.id for each in visit.tasks):
        return False
    holders = story.people.holders[task.actor] if task.position is not None and task.person is None else []
    if _lost(story, visit):
        return _mind_changed(story, visit)
    for who in [name(task.person)] if task.person is not None else holders:
        if story.do(Act(kind, who, at)) is not None:
            return True
    return _given(story, task, at, kind)


def _lost(story: Story, visit: VisitState) -> bool:
    """Whether a vote cannot pass any more: too many were against it before the members who were missing came."""
    mine = next(each for each in story.model.open if each.stage == visit.stage)
    return story.model.tally(mine) == "failed"


def _mind_changed(story: Story, visit: VisitState) -> bool:
    """Let one who was against take it back."""
    given = [opinion.task for other in story.state.open for opinion in other.opinions]
    against = [opinion for opinion in visit.opinions if opinion.verdict == "oppose" and opinion.added is None]
    first = len(story.state.moves)
    acts = (Act("take-back", story.people.name_of(o.person), first + given.index(o.task)) for o in against)
    return any(story.do(act) is not None for act in acts)


def _given(story: Story, task: TaskState, at: int, kind: str) -> bool:
    """Appoint somebody new, or give the task to them, and let them decide."""
    who = _spare(story)
    if task.person is None:
        actor = next(actor for actor in ACTORS if POSITIONS[actor] == task.position)
        story.do(Act("appoint", who, to=actor))
    else:
        story.do(Act("hand-over", "admin", to=who, how=story.people.name_of(task.person)))
    return story.do(Act(kind, who, at)) is not None


def _holder(story: Story, actor: str) -> str:
    return next(iter(story.people.holders[actor]), None) or _spare(story, actor)


def _spare(story: Story, actor: str = "") -> str:
    """Somebody new, who has had nothing to do with the case; appointed to the position where one is named."""
    story.spares += 1
    name = f"spare-{story.spares}"
    if actor:
        story.do(Act("appoint", name, to=actor))
    return name
