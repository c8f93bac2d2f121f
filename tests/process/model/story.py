"""A history: a case, the people around it and the model, to which acts are applied one after the other, checking each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.errors import GuantongError
from services.process import events
from services.process.definitions import ProcessDefinition
from services.process.events import Context, Event
from services.process.outcomes import Transition
from services.process.states import CaseState, VisitState
from services.process.transitions import advance
from tests.process.model import around
from tests.process.model.acts import OUTSIDE, Act, Sight, event_of
from tests.process.model.chart import Chart
from tests.process.model.compare import Broken, compare
from tests.process.model.definitions import parse
from tests.process.model.invariants import check, stored
from tests.process.model.model import Case, No
from tests.process.model.people import POSITIONS, People, id_of

BEGIN = datetime(2027, 1, 22, 1, tzinfo=UTC)
Advance = Callable[[ProcessDefinition, CaseState, Event, Context], Transition]
DAYS = {"submit": 10, "publish": 5, "wait": 3}


@dataclass
class Story:
    """raw: the process as its YAML says it; engine: what changes the case, so that a broken one can be put in its place."""

    raw: dict[str, Any]
    people: People
    engine: Advance = advance

    def __post_init__(self) -> None:
        self.definition, self.chart = parse(self.raw), Chart(self.raw)
        self.state, self.model, self.now = CaseState(), Case(self.chart), BEGIN
        self.stale: list[UUID] = []
        self.values: dict[str, dict[str, Any]] = {}
        self.acts: list[Act] = []
        self.ids = self.spares = 0
        self.stored = self.state.model_dump_json()
        self.refused: Exception | None = None

    def play(self, acts: Iterable[Act]) -> Story:
        for act in acts:
            self.do(act)
        return self

    def do(self, act: Act) -> Transition | None:
        """Apply an act; None where it was refused or is none of the case's. Raise Broken where a rule does not hold."""
        self.acts.append(act)
        if act.do in OUTSIDE:
            self._around(act)
            return None
        sight = Sight(self.state, tuple(self.stale), self.new_id(), self.now)
        event = event_of(act, sight)
        context = self.context(act, event)
        done = self._advanced(event, context)
        if done is not None:
            self._keep(done, event, context)
        return done

    # --- one act --------------------------------------------------------------------------------------------------------

    def _advanced(self, event: Event, context: Context) -> Transition | None:
        """Ask the engine and the model; both do it, or neither."""
        done, self.refused = None, None
        try:
            done = self.engine(self.definition, self.state, event, context)
        except GuantongError as error:
            self.refused = error
        if self.state.model_dump_json() != self.stored:
            raise Broken("a state was changed rather than replaced", type(event).__name__)
        try:
            around.apply(self.model, event, context)
        except No as no:
            if done is not None:
                raise Broken("an act was done that the rules refuse", type(event).__name__, str(no)) from no
            return None
        if done is None:
            raise Broken("an act was refused that the rules allow", type(event).__name__, str(self.refused))
        return done

    def _keep(self, done: Transition, event: Event, context: Context) -> None:
        """Check a transition and go on from it as the store does: from JSON, with the due dates of what was opened."""
        check(self.definition, self.chart, done, person=context.person)
        if isinstance(event, events.Submit | events.Assess):
            self.values = {stage: dict(data) for stage, data in context.values.items()}
        self.stale += [task.id for task in done.closed]
        self.state = self._resumed(_dated(self.chart, stored(done.state), done, self.now), done)
        self.stored = self.state.model_dump_json()
        compare(self.model, self.state)

    def _resumed(self, state: CaseState, done: Transition) -> CaseState:
        """Move the dates of a resumed case on by as long as it stood still."""
        moved = {each.visit for each in done.moved if each.why == "resumed"}
        if not moved or done.before.suspended_at is None:
            return state
        by = self.now - done.before.suspended_at
        for visit in self.model.open:
            if visit.id in moved:
                visit.due, visit.close = visit.due and visit.due + by, visit.close and visit.close + by
        later = [_later(visit, by) if visit.id in moved else visit for visit in state.open]
        return state.model_copy(update={"open": tuple(later)})

    def context(self, act: Act, event: Event) -> Context:
        return Context(
            person=id_of(act.who) if act.who else None, held=self.people.held_by(act.who), now=self.now, new_id=self.new_id,
            positions=POSITIONS, holders=self.people.holding(), values=self._values(act, event),
            stand_ins=self.people.absent(act.who), administrator=act.who in self.people.administrators,
            entered_by=id_of(act.paper) if act.paper else None,
        )  # fmt: skip

    def _values(self, act: Act, event: Event) -> dict[str, dict[str, Any]]:
        """The forms as they are with what is just submitted: a branch sees it."""
        visit = self.state.visit_of(event.task) if isinstance(event, events.Submit | events.Assess) else None
        if visit is None:
            return self.values
        form = {"sum": {"total": act.n}, "kind": "abcd"[act.n % 4], "note": "x" * (act.n % 2)}
        return {**self.values, visit.stage: form, **({"": form} if isinstance(event, events.Submit) else {})}

    def new_id(self) -> UUID:
        self.ids += 1
        return UUID(int=self.ids)

    def _around(self, act: Act) -> None:
        holders = self.people.holders
        match act.do:
            case "tick":
                self.now += timedelta(minutes=act.n)
            case "due" | "close" if self.state.open:
                visit = self.state.open[act.at % len(self.state.open)]
                instant = visit.due_at if act.do == "due" else visit.close_at
                self.now = max(self.now, (instant or self.now) + timedelta(microseconds=act.n))
            case "appoint":
                holders[act.to] = [*dict.fromkeys([*holders.get(act.to, []), act.who])]
            case "dismiss":
                holders[act.to] = [each for each in holders.get(act.to, []) if each != act.who]
            case "stand-in":
                self.people.stands_in[act.to] = act.who
            case "back":
                self.people.stands_in.pop(act.who, None)


def _dated(chart: Chart, state: CaseState, done: Transition, now: datetime) -> CaseState:
    """Give what was opened its due dates, but for what keeps them."""
    fresh = {each.state.id for each in done.opened if not each.kept}
    dated = [_with_dates(chart, visit, now) if visit.id in fresh else visit for visit in state.open]
    return state.model_copy(update={"open": tuple(dated)})


def _with_dates(chart: Chart, visit: VisitState, now: datetime) -> VisitState:
    stage, kind = chart.stage[visit.stage], chart.kind(visit.stage)
    if kind == "process" or "case" in stage.get("until", {}):
        return visit
    due = now + timedelta(days=DAYS.get(kind, 8))
    close = due + timedelta(days=5) if "close" in stage else None
    return visit.model_copy(update={"due_at": due, "close_at": close})


def _later(visit: VisitState, by: timedelta) -> VisitState:
    return visit.model_copy(
        update={"due_at": visit.due_at and visit.due_at + by, "close_at": visit.close_at and visit.close_at + by}
    )
