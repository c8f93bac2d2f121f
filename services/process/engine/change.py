"""A transition in the making: what an act has changed so far, from which the Transition is made at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from services.process.definitions import FileStage, ProcessDefinition, SubProcessStage
from services.process.events import Context
from services.process.outcomes import ClosedTask, LeftVisit, Moved, NewTask, OpenedVisit, Tell, Transition
from services.process.states import CaseState, Move, Outcome, TaskState, VisitState


class Change:
    """What one act does to one case. The state is a value: every step puts a new one in its place."""

    def __init__(self, definition: ProcessDefinition, state: CaseState, context: Context, act: str) -> None:
        self.definition, self.before, self.state, self.context, self.act = definition, state, state, context, act
        self.closed: list[ClosedTask] = []
        self.left: list[LeftVisit] = []
        self.opened: list[OpenedVisit] = []
        self.added: list[NewTask] = []
        self.handed: list[TaskState] = []
        self.moved: list[Moved] = []
        self.children: list[tuple[UUID, SubProcessStage]] = []
        self.told: list[Tell] = []
        self.filing: FileStage | None = None
        self.move: Move | None = None
        self.returning = False
        self.more: dict[str, Any] = {}

    @property
    def version(self) -> int:
        """The version that the case has after the act."""
        return self.before.version + 1

    def update(self, **values: Any) -> None:
        """Change values of the state."""
        self.state = self.state.model_copy(update=values)

    def put(self, visit: VisitState, **values: Any) -> VisitState:
        """Change values of an open visit and return it as it is now."""
        changed = visit.model_copy(update=values)
        self.update(open=tuple(changed if each.id == visit.id else each for each in self.state.open))
        return changed

    def close(self, visit: VisitState, task: TaskState, *, by_other: bool) -> VisitState:
        """Close an open task of the visit and return the visit without it."""
        self.closed.append(ClosedTask(task.id, task.actor, task.position, by_other=by_other, person=task.with_))
        return self.put(visit, tasks=tuple(each for each in visit.tasks if each.id != task.id))

    def leave(self, visit: VisitState, outcome: Outcome) -> VisitState:
        """Close an open visit; tasks that are still open in it are closed by this act. Return it as it was left."""
        for task in visit.tasks:
            visit = self.close(visit, task, by_other=True)
        self.left.append(LeftVisit(visit.id, visit.stage, outcome))
        self.update(open=tuple(each for each in self.state.open if each.id != visit.id))
        return visit

    # --- who is told --------------------------------------------------------------------------------------------------

    def tell(
        self,
        kind: str,
        *,
        visit: VisitState | None = None,
        tasks: Iterable[TaskState] = (),
        persons: Iterable[UUID] = (),
        positions: Iterable[UUID] = (),
        losing: Iterable[TaskState] = (),
        about: UUID | None = None,
    ) -> None:
        """Tell those whom the definition names for `kind`.

        Args:
            kind: what happens, as `Tells` has it, with hyphens.
            visit: where; its signers and its number count.
            tasks: the tasks that it is about: whoever they are with are the assignees.
            persons: the persons concerned.
            positions: the positions that decide on what was asked.
            losing: tasks that are taken away from whom they are with: those are concerned too.
            about: the task that the persons or positions are told of, where it is open.
        """
        told = _in(visit)
        for who in getattr(self.definition.tells, kind.replace("-", "_")):
            match who:
                case "assignees":
                    self.told += [self._to(kind, task, told) for task in tasks]
                case "submitters":
                    self.told += [Tell(kind, position=each, **told) for each in self._submitters()]
                case "signers" if visit is not None:
                    self.told += [Tell(kind, person=opinion.person, **told) for opinion in visit.opinions]
                case "others":
                    self.told += [self._of(kind, each, told) for each in self.closed if each.by_other]
                case "concerned":
                    self.told += [Tell(kind, person=person, task=about, **told) for person in persons]
                    self.told += [self._to(kind, task, told) for task in losing]
                case "granters":
                    self.told += [Tell(kind, position=position, task=about, **told) for position in positions]

    def notify(self, kind: str, actors: Iterable[str], visit: VisitState | None = None) -> None:
        """Tell the positions that a stage's `notify` names."""
        told = _in(visit)
        self.told += [Tell(kind, position=self.context.positions[actor], **told) for actor in actors]

    @staticmethod
    def _to(kind: str, task: TaskState, told: Mapping[str, Any]) -> Tell:
        person = task.with_
        return Tell(kind, position=None if person else task.position, person=person, task=task.id, **told)

    @staticmethod
    def _of(kind: str, task: ClosedTask, told: Mapping[str, Any]) -> Tell:
        position = task.position if task.person is None else None
        return Tell(kind, position=position, person=task.person, task=task.id, **told)

    def _submitters(self) -> list[UUID]:
        stages = [stage for stage in self.definition.submit_stages() if stage.code in self.before.visits]
        return list(dict.fromkeys(self.context.positions[stage.by] for stage in stages))

    # --- the end ------------------------------------------------------------------------------------------------------

    def done(self) -> Transition:
        """Return the transition: the next version of the state, with the decisions that may still be taken back."""
        moves = (*self.state.moves, self.move) if self.move is not None else self.state.moves
        self.update(moves=tuple(move for move in moves if self._may_take_back(move)), version=self.version)
        return Transition(
            before=self.before, state=self.state, act=self.act, closed=tuple(self.closed), left=tuple(self.left),
            opened=tuple(self._opened()), added=tuple(self.added), handed=tuple(self.handed), moved=tuple(self.moved),
            children=tuple(self.children), tell=tuple(dict.fromkeys(self.told)), filing=self.filing, **self.more,
        )  # fmt: skip

    def _opened(self) -> Iterable[OpenedVisit]:
        """Yield what was opened as it stands at the end of the act."""
        now = {visit.id: visit for visit in self.state.open}
        return (OpenedVisit(now[each.state.id], each.kind, each.returned, each.kept) for each in self.opened)

    def _may_take_back(self, move: Move) -> bool:
        now = {visit.id: visit for visit in self.state.open}
        if not move.opened:
            return self._is_waited_for(move.left.stage)
        return all(each in now and not now[each].opinions and not now[each].objections for each in move.opened)

    def _is_waited_for(self, stage: str) -> bool:
        """Tell whether the paths beside the stage's are still being walked, so that nothing has followed it."""
        if stage not in self.definition.places:
            return False
        blocks = [block for block, _ in self.definition.places[stage].path if block.kind == "parallel"]
        return bool(blocks) and any(visit.stage in self.definition.inside(blocks[-1].code) for visit in self.state.open)


def _in(visit: VisitState | None) -> dict[str, Any]:
    """Return what a Tell says of the visit in which something happens."""
    return {"visit_n": visit.n, "visit": visit.id} if visit is not None else {}
