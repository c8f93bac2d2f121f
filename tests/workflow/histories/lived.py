"""A history that is lived through the use cases and PostgreSQL, with the pure rules and the model beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from services.errors import GuantongError
from services.process import events
from services.process.definitions import ProcessDefinition
from services.process.events import Context, Event
from services.process.outcomes import Transition
from services.process.states import CaseState, VisitState
from services.store.chain import verify_chain
from services.workflow.acts import approve
from services.workflow.administering import end_case
from services.workflow.arrivals import let_go_on
from tests.process.model.acts import CLOCK, OUTSIDE, Act, Sight, event_of
from tests.process.model.chart import JUDGED, mode_of, needed_of
from tests.process.model.compare import Broken, compare, same
from tests.process.model.people import People, id_of
from tests.process.model.story import Story
from tests.workflow.histories.changing import Step, changing
from tests.workflow.histories.commands import ON_PAPER, draft, perform, refusal
from tests.workflow.histories.facts import Facts
from tests.workflow.histories.likeness import alike
from tests.workflow.histories.pack import OTHER, form_data, pack_of
from tests.workflow.histories.standing import standing
from tests.workflow.histories.town import Town

NOT_IN_THE_STORE = frozenset({"object", "settle"})
"""Acts that no use case does yet."""
SPACES = count(1)
LOOKS = 10


class Lived(Story):
    """A story whose acts are done in the store; what the store has afterwards is what it goes on from."""

    def __init__(self, raw: dict[str, Any], people: People, town: Town, *, space: int | None = None) -> None:
        super().__init__(raw, people)
        self.town, self.space = town, space or next(SPACES)
        self.pack = pack_of(raw)
        self.definitions: dict[str, ProcessDefinition] = {each.process: each for each in self.pack.processes}
        self.refusals = 0
        self._run(self._begin())

    def _run(self, what: Any) -> Any:
        return self.town.runner.run(what)

    def do(self, act: Act) -> Transition | None:
        """Let it happen in the store and check everything. Raise Broken where a rule does not hold."""
        self.acts.append(act)
        if act.do == "start" or act.do in NOT_IN_THE_STORE:
            return None
        done: Transition | None = self._run(self._do(act if act.do in ON_PAPER else replace(act, paper="")))
        return done

    # --- one act --------------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        await self.town.set_up(self.pack, self.people, space=self.space, now=self.now)
        self.facts = await self.town.look()
        event = events.Start()
        context = self.context(Act("start"), event)
        done = self._advanced(event, context)
        assert done is not None
        self._adopt(done, event, context, self.facts.state(self.town.case_id))
        standing(self.facts, self.definitions)

    async def _do(self, act: Act) -> Transition | None:
        await self._tick(act.n * 60 if act.do == "tick" else 1)
        if act.do in OUTSIDE:
            await self._outside(act)
            return None
        if act.do in CLOCK:
            return await self._clock(act)
        await self.town.know([act.who, act.to, act.how, act.paper])
        event = event_of(act, Sight(self.state, tuple(self.stale), self.new_id(), self.now))
        drafted = await draft(self.town, act, event)
        if isinstance(event, events.Submit | events.Assess):
            self.facts = await self.town.look()
        context, done = self.context(act, event), None
        why = refusal(self, act, event, self._parts())
        if not why:
            done = self._advanced(event, context)
        elif self._would(event, context):
            self.refusals += 1
        error = await self._tried(act, event)
        return await self._checked(act, event, context, done, (why, error, drafted))

    async def _tried(self, act: Act, event: Event) -> GuantongError | None:
        try:
            await perform(self.town, act, event, version=self.state.version)
        except GuantongError as error:
            return error
        return None

    async def _checked(
        self, act: Act, event: Event, context: Context, done: Transition | None, came: tuple[str, Any, bool]
    ) -> Transition | None:
        why, error, drafted = came
        before, after = self.facts, await self.town.look()
        name = type(event).__name__
        if done is None:
            if error is None:
                raise Broken("the store did what is refused", name, why or str(self.refused))
            same("a refused act changed something", after, before)
            return None
        if error is not None:
            raise Broken("the store refuses what the rules allow", name, type(error).__name__, str(error))
        if not drafted:
            raise Broken("a form was submitted by who may not write it", name)
        self.facts = after
        ids = self._adopt(done, event, context, after.state(self.town.case_id))
        changing(self._step(done, before, ids, act), self.definition, context, self.people)
        standing(after, self.definitions)
        return done

    def _step(self, done: Transition, before: Facts, ids: dict[UUID, UUID], act: Act | None = None) -> Step:
        step = Step(done, before, self.facts, self.town.case_id, self.now, ids)
        if act is None:
            return step
        to = id_of(act.to) if act.do in ("transfer", "delegate", "add-signer", "hand-over") else None
        return replace(step, person=id_of(act.who), entered_by=id_of(act.paper) if act.paper else None, to_person=to)

    def _adopt(self, done: Transition, event: Event, context: Context, state: CaseState) -> dict[UUID, UUID]:
        """Compare what the rules gave with what the store has, and go on from that."""
        ids = alike(done, state)
        if isinstance(event, events.Submit | events.Assess):
            self.values = {stage: dict(data) for stage, data in context.values.items()}
        self.stale += [task.id for task in done.closed]
        self.state, self.stored = state, state.model_dump_json()
        moved = {each.visit for each in done.moved}
        for mine in self.model.open:
            visit = next((each for each in state.open if each.id == mine.id), None)
            if visit is not None and visit.id in moved:
                mine.due, mine.close = visit.due_at, visit.close_at
        compare(self.model, state)
        return ids

    def _would(self, event: Event, context: Context) -> bool:
        try:
            self.engine(self.definition, self.state, event, context)
        except GuantongError:
            return False
        return True

    def _parts(self) -> set[UUID]:
        rows = self.facts.of("task", self.town.case_id)
        return {UUID(row["person_id"]) for row in rows if row["person_id"] is not None}

    def context(self, act: Act, event: Event) -> Context:
        """The people's, in the order in which the store reads them."""
        made = super().context(act, event)
        made = replace(made, holders={each: tuple(sorted(who, key=str)) for each, who in made.holders.items()})
        return replace(made, stand_ins=()) if act.paper else made

    def _values(self, act: Act, event: Event) -> dict[str, dict[str, Any]]:
        visit = self.state.visit_of(event.task) if isinstance(event, events.Submit | events.Assess) else None
        if visit is None:
            return self.values
        form = form_data(act.n)
        return {**self.values, visit.stage: form, **({"": form} if isinstance(event, events.Submit) else {})}

    # --- what happens around it -----------------------------------------------------------------------------------------

    async def _tick(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        await self.town.move_clock(self.now)

    async def _outside(self, act: Act) -> None:
        people, town = self.people, self.town
        match act.do:
            case "appoint" if act.who not in people.holders.get(act.to, []):
                await town.appoint(act.who, act.to)
            case "dismiss" if act.who in people.holders.get(act.to, []):
                await town.dismiss(act.who, act.to)
            case "stand-in":
                people.stands_in.pop(act.to, None)
                await town.stand_in(act.to, act.who)
            case "back" if act.who in people.stands_in:
                await town.stand_in(act.who, None)
        if act.do != "tick":
            self._around(act)

    # --- the clock ------------------------------------------------------------------------------------------------------

    async def _clock(self, act: Act) -> Transition | None:
        """Let whatever is ready go on, looking after each transaction; the visit aimed at is made ready where it can be."""
        await self._ready(act)
        self.facts = await self.town.look()
        looks: list[Facts] = []

        async def watch() -> None:
            looks.append(await self.town.look())

        self.town.store.watch = watch
        try:
            for _ in range(LOOKS):  # what one look opens may be over already: the next finds it
                if not await let_go_on(self.town.store):
                    break
        finally:
            self.town.store.watch = None
        last = None
        for after in looks:
            if after.state(self.town.case_id).version != self.state.version:
                last = self._gone_on(after)
            else:
                self.facts = after
            standing(after, self.definitions)
        left = [event for event in self._events() if self._would(event, self.context(Act(act.do), event))]
        same("the clock leaves undone what may go on", [type(each).__name__ for each in left], [])
        return last

    def _gone_on(self, after: Facts) -> Transition:
        """Find out which visit went on, and check that the rules say so."""
        state, before = after.state(self.town.case_id), self.facts
        open_ = {visit.id: visit for visit in state.open}
        event = next(
            (
                each
                for each in self._events()
                if (
                    open_[each.visit].tasks
                    if isinstance(each, events.Fill) and each.visit in open_
                    else each.visit not in open_
                )
            ),
            None,
        )
        if event is None:
            raise Broken("the clock did something for which it is not time", self.state.name, state.name)
        context = self.context(Act("pass"), event)
        done = self._advanced(event, context)
        if done is None:
            raise Broken("the clock did what the rules refuse", type(event).__name__, str(self.refused))
        self.facts = after
        ids = self._adopt(done, event, context, state)
        changing(self._step(done, before, ids), self.definition, context, self.people)
        return done

    def _events(self) -> list[events.Pass | events.Fail | events.Fill]:
        """Return what has come for the case, as facts say it, the rules not asked."""
        found: list[events.Pass | events.Fail | events.Fill] = []
        others = self.facts.of("cases", OTHER, "process")
        ended = {row["parent_visit_id"]: row["state"] for row in others if row["state"] != "open"}
        for visit in self.state.open:
            stage, kind = self.chart.stage[visit.stage], self.chart.kind(visit.stage)
            if kind == "process" and str(visit.id) in ended:
                good = ended[str(visit.id)] in ("filed", "completed")
                found.append(events.Pass(visit.id) if good else events.Fail(visit.id))
            elif kind == "wait" and "case" in stage["until"]:
                found += [events.Pass(visit.id)] if {"filed", "completed"} & {row["state"] for row in others} else []
            elif kind in ("publish", "wait"):
                found += [events.Pass(visit.id)] if visit.due_at is not None and visit.due_at <= self.now else []
            elif kind in JUDGED and mode_of(stage) == "each" and self._few(visit):
                found.append(events.Fill(visit.id))
        return found

    def _few(self, visit: VisitState) -> bool:
        named = [each for each in (*visit.tasks, *visit.waiting, *visit.opinions) if each.added is None]
        return len(named) < (needed_of(self.chart.stage[visit.stage]) or 1)

    async def _ready(self, act: Act) -> None:
        """Let another case that the visit waits for come to its end: good, or for `fail` bad."""
        visits = self.state.open
        visit = visits[act.at % len(visits)] if visits and act.aim == "open" else None
        kind = self.chart.kind(visit.stage) if visit is not None else ""
        if visit is None or kind not in ("process", "wait") or self.state.suspended_at is not None:
            return
        if kind == "process":
            children = self.facts.of("cases", str(visit.id), "parent_visit_id")
            assert len(children) == 1, "a visit that waits for another process has started no case"
            child = children[0]
        elif "case" in self.chart.stage[visit.stage]["until"]:
            case_id = await self.town.open_season(OTHER)
            child = (await self.town.look()).case(case_id)
        else:
            return
        if child["state"] == "open":
            await self._end_other(child, badly=act.do == "fail" and kind == "process")

    async def _end_other(self, child: dict[str, Any], *, badly: bool) -> None:
        case_id = UUID(child["id"])
        if badly:
            await self.town.do(end_case, "admin", case_id=case_id, words="It is not needed.")
            return
        task = CaseState.model_validate(child["state_doc"]).open[0].tasks[0].id
        await self.town.do(approve, "admin", task_id=task)

    # --- at its end -----------------------------------------------------------------------------------------------------

    def verified(self) -> None:
        """Look whether the audit chain holds."""
        self._run(self._verified())

    async def _verified(self) -> None:
        async with self.town.store.transaction() as tx:
            same("the audit chain is broken", await verify_chain(tx, self.town.bureau_id), [])
