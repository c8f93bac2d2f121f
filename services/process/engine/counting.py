"""What the opinions in a visit come to: derived each time from who has signed and who still may, never stored."""

from __future__ import annotations

from typing import Literal

from services.process.definitions import Each, Judging, Quorum, Votes
from services.process.states import Opinion, TaskState, VisitState

Count = Literal["pending", "passed", "failed"]
FOR = frozenset({"approve", "sign", "assess"})


def count(stage: Judging, visit: VisitState) -> Count:
    """Return what the signers whom the definition names have come to; added signers do not count, they are waited for."""
    given = [opinion for opinion in visit.opinions if opinion.added is None]
    left = [task for task in (*visit.tasks, *visit.waiting) if task.added is None]
    yes = [opinion for opinion in given if opinion.verdict in FOR]
    match stage.by:
        case Votes():
            return _voted(stage.by.needed, given, left)
        case Quorum():
            return _voted(stage.by.quorum, given, left)
        case Each() if stage.by.needed is not None:
            return _voted(stage.by.needed, given, left)
        case _ if stage.mode == "any_of":
            return "passed" if yes else "pending"
        case _:
            return "passed" if yes and not left else "pending"


def _voted(needed: int, given: list[Opinion], left: list[TaskState]) -> Count:
    """Count votes. It fails only by votes against: where seats are empty nobody has said no."""
    yes = sum(opinion.weight for opinion in given if opinion.verdict in FOR)
    no = sum(opinion.weight for opinion in given if opinion.verdict not in FOR)
    possible = yes + sum(task.weight for task in left)
    if yes >= needed:
        return "passed"
    return "failed" if no and possible < needed <= possible + no else "pending"


def unfilled(stage: Judging, visit: VisitState) -> bool:
    """Tell whether the stage has fewer signers than it needs because nobody holds the position."""
    if not isinstance(stage.by, Each):
        return False
    seats = [task for task in (*visit.tasks, *visit.waiting) if task.added is None]
    signed = [opinion for opinion in visit.opinions if opinion.added is None]
    return len(seats) + len(signed) < (stage.by.needed or 1)


def added_left(visit: VisitState) -> bool:
    """Tell whether an added signer has not signed yet."""
    return any(task.added is not None for task in (*visit.tasks, *visit.waiting))


def waits_for(visit: VisitState, task: TaskState) -> TaskState | None:
    """Return the signer who was added before this task and has not signed yet, or None."""
    return next(
        (each for each in visit.tasks if each.added and each.added.how == "before" and each.added.to == task.id), None
    )


def orphans(visit: VisitState) -> tuple[TaskState, ...]:
    """Return the waiting added signers whom nobody will call up: the one whom they were to sign after signs no more."""
    there = {task.id for task in (*visit.tasks, *visit.waiting)}
    return tuple(task for task in visit.waiting if task.added is not None and task.added.to not in there)


def turns(stage: Judging, visit: VisitState, signed: TaskState) -> tuple[TaskState, ...]:
    """Return the waiting signers whose turn comes now that `signed` has signed, in order.

    Those whom it had added after itself; then, in a sequence, the next one once nobody added is before it.
    """
    mine = tuple(task for task in visit.waiting if task.added and task.added.to == signed.id)
    if mine or stage.mode != "in_sequence" or visit.tasks:
        return mine
    return tuple(task for task in visit.waiting if task.added is None)[:1]
