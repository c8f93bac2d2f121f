"""What one act may change of the rows: what its transition says, and nothing beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.process.definitions import Each, ProcessDefinition
from services.process.events import Context
from services.process.outcomes import Transition
from services.process.states import VisitState
from tests.process.model.compare import Broken, same
from tests.process.model.invariants import told
from tests.process.model.people import People, id_of
from tests.workflow.histories.facts import Facts, moment, said

ASKING = frozenset({"task-opened", "returned", "put-back", "extension-asked", "objected"})
"""Told to the administrators where nobody holds the position."""
BY_TASK = frozenset(
    {"task-opened", "returned", "closed-by-other", "put-back", "signer-added", "delegated", "transferred"}
)


@dataclass(frozen=True)
class Step:
    """An act that was carried out, with the rows before and after it.

    ids: the store's of what the transition opened. person: None where the clock did it.
    """

    done: Transition
    before: Facts
    after: Facts
    case_id: UUID
    now: datetime
    ids: Mapping[UUID, UUID]
    person: UUID | None = None
    entered_by: UUID | None = None
    to_person: UUID | None = None

    def said(self, made: UUID | None) -> str | None:
        """The id that the store gave to what the rules made."""
        return said(self.ids.get(made, made)) if made is not None else None


def changing(step: Step, definition: ProcessDefinition, context: Context, people: People) -> None:
    """Raise Broken where an act changed what is not its own, or not what is."""
    _decided(step)
    _closed(step)
    _others(step)
    told(definition, step.done, step.person)
    _told(step, definition, context, people)


def _new(step: Step, table: str) -> list[dict[str, Any]]:
    old = step.before.by_id(table, step.case_id)
    return [row for row in step.after.of(table, step.case_id) if row["id"] not in old]


def _decided(step: Step) -> None:
    rows, done = _new(step, "decision"), step.done
    same("an act of a person is not one decision", len(rows), int(step.person is not None))
    events = [row["kind"] for row in step.after.of("audit_event", step.case_id, "stream_id")]
    had = len(step.before.of("audit_event", step.case_id, "stream_id"))
    same("an act is not one event of the chain", (len(events), events[-1:]), (had + 1, [done.act]))
    for row in rows:
        said_ = (
            row["kind"], row["person_id"], row["task_id"], row["position_id"], row["on_behalf_id"], row["entered_by_id"],
            row["to_person_id"], row["visit_id"], moment(row["at"]), row["late"], bool(row["paper"]),
        )  # fmt: skip
        visit = done.visit.id if done.visit is not None else None
        same("a decision is not as it was made", said_, (
            done.act, said(step.person), said(done.acted_task), said(done.acted_position), said(done.on_behalf),
            said(step.entered_by), said(step.to_person), step.said(visit), step.now, done.late, step.entered_by is not None,
        ))  # fmt: skip
    old = step.before.by_id("decision", step.case_id)
    now = step.after.by_id("decision", step.case_id)
    same("an old decision was changed", {key: now.get(key) for key in old}, old)


def _closed(step: Step) -> None:
    done, tasks, visits = step.done, step.after.by_id("task", step.case_id), step.after.by_id("visit", step.case_id)
    decisions = _new(step, "decision")
    by = decisions[0]["id"] if decisions else None
    for task in done.closed:
        row = tasks[str(task.id)]
        ended = (row["state"], moment(row["closed_at"]), row["decision_id"])
        same("a task did not end as it did", ended, ("closed" if task.by_other else "done", step.now, by))
    for left in done.left:
        row = visits[str(left.id)]
        same("a visit did not end as it did", (row["outcome"], moment(row["closed_at"])), (left.outcome, step.now))


def _others(step: Step) -> None:
    """Look that tasks, deadlines, alarms, visits and notifications of what was not touched are as they were."""
    done = step.done
    touched = {str(each.id) for each in (*done.closed, *done.handed)}
    moved = {each.visit for each in done.moved}
    touched |= {str(task.id) for visit in done.before.open if visit.id in moved for task in visit.tasks}
    if done.act in ("suspend", "resume"):
        touched |= {str(task.id) for visit in done.before.open for task in visit.tasks}
    visits = {str(each.id) for each in done.left} | {str(each) for each in moved}
    for table, column, changed in (
        ("task", "id", touched), ("deadline", "subject_id", touched), ("alarm", "task_id", touched),
        ("notification", "subject_id", touched), ("visit", "id", visits), ("submission", "id", set()),
    ):  # fmt: skip
        old = [row for row in step.before.of(table, step.case_id) if row[column] not in changed]
        now = step.after.by_id(table, step.case_id)
        same(f"an act changed a {table} that it does not touch", [now.get(row["id"]) for row in old], old)
    for case in step.before.rows["cases"]:
        if case["id"] != str(step.case_id):
            same("an act changed another case", step.after.case(case["id"]), case)


def _told(step: Step, definition: ProcessDefinition, context: Context, people: People) -> None:
    """Look that exactly those were told whom the transition names; nobody must be told of their own act."""
    rows = [(row["kind"], row["person_id"], row["task_id"]) for row in _new(step, "notification")]
    twice = [key for key, n in Counter(rows).items() if n > 1 and key[0] != "stage-reached"]
    same("somebody is told the same thing twice", twice, [])
    wanted, may = _wanted(step, context, people)
    if any(_too_few(definition, each.state) for each in step.done.opened):
        wanted |= {("unheld", str(id_of(name)), None) for name in people.administrators}
    found = {_key(kind, person, task) for kind, person, task in rows}
    if found - wanted - may:
        raise Broken("somebody is told who is not named", sorted(map(str, found - wanted - may)))
    if wanted - found:
        raise Broken("somebody is not told", sorted(map(str, wanted - found)))


def _key(kind: str, person: str, task: str | None) -> tuple[str, str, str | None]:
    return (kind, person, task if kind in BY_TASK else None)


def _wanted(step: Step, context: Context, people: People) -> tuple[set[Any], set[Any]]:
    """Return whom the act tells what, and whom it may leave out because it is their own act."""
    wanted, may = set(), set()
    administrators = [str(id_of(name)) for name in people.administrators]
    for tell in step.done.tell:
        position = tell.position if tell.person is None else None
        persons = [tell.person] if tell.person else context.holders.get(tell.position, ()) if tell.position else ()
        if position is not None and not persons and tell.kind in ASKING:
            wanted |= {("unheld", each, None) for each in administrators}
        for person in persons:
            (may if person == step.person else wanted).add(_key(tell.kind, str(person), step.said(tell.task)))
    return wanted, may


def _too_few(definition: ProcessDefinition, visit: VisitState) -> bool:
    """Whether a stage was given to fewer members than it needs."""
    by = getattr(definition.stage(visit.stage), "by", None)
    named = [each for each in (*visit.tasks, *visit.waiting, *visit.opinions) if each.added is None]
    return isinstance(by, Each) and len(named) < (by.needed or 1)
