"""What must hold of the rows after every act, whoever wrote them: they say what the state of their case says, and nothing else."""

from __future__ import annotations

from typing import Any

from services.process.definitions import ActedStage, ProcessDefinition
from services.process.states import CaseState, TaskState, VisitState
from tests.process.model.compare import Broken, same
from tests.workflow.histories.facts import Fact, Facts, moment, said

INFORMING = frozenset({
    "closed-by-other", "returned-after-approval", "withdrawn", "taken-back", "ended", "jumped", "rejected", "failed",
    "signer-removed", "completed", "filed", "submitted", "suspended", "resumed",
})  # fmt: skip
"""What a person is still told once the task that it is about is closed; everything else asks for an act."""
FOLLOWING = ("remind", "warn", "close")
"""Alarms that go with the task; the others are for the positions of the overdue ladder."""


def standing(facts: Facts, definitions: dict[str, ProcessDefinition]) -> None:
    """Raise Broken where the rows of a case contradict each other or its state."""
    for case in facts.rows["cases"]:
        state, definition = CaseState.model_validate(case["state_doc"]), definitions[case["process"]]
        tasks = facts.by_id("task", case["id"])
        _case(facts, case, state)
        _visits(facts, case, state)
        _tasks(case, state, tasks, definition)
        _deadlines(facts, case, state, tasks)
        _alarms(facts, case, state, tasks, definition)
        _told(facts, case, tasks, definition)
        _submissions(facts, case, state)
        _numbers(facts, case, state)
        _chain(facts, case, state)


def _case(facts: Facts, case: Fact, state: CaseState) -> None:
    stage = state.visit.stage if state.visit else None
    row = (case["state"], case["stage"], case["version"], case["number"], moment(case["suspended_at"]))
    same("the case's row is not its state", row, (state.status, stage, state.version, state.number, state.suspended_at))
    same("an open case is closed, or the other way round", case["closed_at"] is None, state.status == "open")


def _visits(facts: Facts, case: Fact, state: CaseState) -> None:
    rows = facts.of("visit", case["id"])
    open_ = [row for row in rows if row["closed_at"] is None]
    same("a stage has two open visits", len({row["stage"] for row in open_}), len(open_))
    like = {row["id"]: (row["stage"], row["n"], moment(row["opened_at"]), row["entered_by"]) for row in open_}
    expected = {str(each.id): (each.stage, each.n, each.opened_at, each.entered_by) for each in state.open}
    same("the open visits are not those of the state", like, expected)
    for row in rows:
        same("a closed visit has no outcome, or an open one has", row["closed_at"] is None, row["outcome"] is None)
    for stage in {row["stage"] for row in rows}:
        numbers = sorted(row["n"] for row in rows if row["stage"] == stage)
        same("the visits of a stage are not numbered", numbers, list(range(1, state.visits[stage] + 1)))


def _tasks(case: Fact, state: CaseState, tasks: dict[str, Any], definition: ProcessDefinition) -> None:
    open_ = {key: row for key, row in tasks.items() if row["state"] == "open"}
    expected = {str(task.id): _task(visit, task, definition) for visit in state.open for task in visit.tasks}
    same("the open tasks are not those of the state", {key: _row(row) for key, row in open_.items()}, expected)
    for row in tasks.values():
        same("a closed task has no time of it, or an open one has", row["closed_at"] is None, row["state"] == "open")
        if row["state"] == "open" and row["decision_id"] is not None:
            raise Broken("an open task is decided", row["stage"])


def _task(visit: VisitState, task: TaskState, definition: ProcessDefinition) -> tuple[Any, ...]:
    holder = task.helper or task.person or task.position
    kind = definition.stage(visit.stage).kind
    return (
        str(visit.id), visit.stage, kind, task.actor, said(task.position), said(task.helper or task.person),
        said(holder), visit.due_at,
    )  # fmt: skip


def _row(row: Fact) -> tuple[Any, ...]:
    return (
        row["visit_id"], row["stage"], row["kind"], row["actor"], row["position_id"], row["person_id"], row["holder_id"],
        moment(row["due_at"]),
    )  # fmt: skip


def _deadlines(facts: Facts, case: Fact, state: CaseState, tasks: dict[str, Any]) -> None:
    ends = {"open": "open", "done": "met", "closed": "void"}
    rows = {row["subject_id"]: row for row in facts.of("deadline", case["id"])}
    same("a deadline belongs to no task, or a task has none", set(rows), {k for k, t in tasks.items() if t["due_at"]})
    for key, row in rows.items():
        same("a deadline does not end as its task did", row["state"], ends[tasks[key]["state"]])
        same("a deadline has another day than its task", row["due_at"], tasks[key]["due_at"])
    for visit in state.open:
        for task in visit.tasks:
            if visit.due_at is not None:
                row = rows[str(task.id)]
                dates = moment(row["due_at"]), moment(row["close_at"])
                same("a deadline is not that of the visit", dates, (visit.due_at, visit.close_at))


def _alarms(facts: Facts, case: Fact, state: CaseState, tasks: dict[str, Any], definition: ProcessDefinition) -> None:
    rows = facts.of("alarm", case["id"])
    for row in rows:
        task = tasks[row["task_id"]]
        same("an alarm is left of a closed task", task["state"], "open")
        if row["next_at"] is not None and state.suspended_at is not None:
            raise Broken("an alarm is armed though the case stands still", row["kind"])
        stage = definition.stage(task["stage"])
        assert isinstance(stage, ActedStage)
        above = {case["actors"][actor] for rung in stage.overdue for actor in rung.tell}
        told = (row["person_id"], row["position_id"])
        if row["kind"] in FOLLOWING:
            with_ = (task["person_id"], None if task["person_id"] else task["position_id"])
            same("an alarm is not for whom the task is with", told, with_)
        elif row["person_id"] is not None or row["position_id"] not in above:
            raise Broken("an alarm of the ladder is for somebody else", row["kind"])
    armed = {row["task_id"] for row in rows if row["next_at"] is not None}
    laddered = {key for key, t in tasks.items() if t["state"] == "open" and t["due_at"] and _ladder(definition, t)}
    if state.suspended_at is None and laddered - armed:
        raise Broken("nobody is to be told that an open task is overdue", len(laddered - armed))


def _ladder(definition: ProcessDefinition, task: Fact) -> bool:
    stage = definition.stage(task["stage"])
    return isinstance(stage, ActedStage) and bool(stage.overdue)


def _told(facts: Facts, case: Fact, tasks: dict[str, Any], definition: ProcessDefinition) -> None:
    rows = facts.of("notification", case["id"])
    for row in rows:
        if row["task_id"] is None:
            continue
        if row["task_id"] not in tasks:
            raise Broken("somebody is told of a task that is not there", row["kind"])
        is_open = tasks[row["task_id"]]["state"] == "open"
        others = "others" in getattr(
            definition.tells, row["kind"].replace("-", "_"), ()
        )  # it is meant for who lost a task
        if row["state"] == "pending" and not is_open and row["kind"] not in INFORMING and not others:
            raise Broken("somebody is still to be asked to act on a closed task", row["kind"])
        if row["state"] == "void" and is_open:
            raise Broken("a notification of an open task is void", row["kind"])


def _submissions(facts: Facts, case: Fact, state: CaseState) -> None:
    rows = sorted(facts.of("submission", case["id"]), key=lambda row: row["n"])
    same("submissions are not numbered", [row["n"] for row in rows], list(range(1, state.submissions + 1)))
    plans = [row["id"] for row in rows if row["form"] == "plan"]
    same("the last submission is another", said(state.submission), plans[-1] if plans else None)


def _numbers(facts: Facts, case: Fact, state: CaseState) -> None:
    rows = facts.of("filing", case["id"])
    live = [row["number"] for row in rows if row["void_at"] is None]
    given_up = state.number is not None and state.status in ("rejected", "ended", "completed")
    if state.status == "filed" or len(live) > 1:
        same("a filed case has not one number", live, [state.number])
    if given_up:
        same("a number that was given up is not void", live, [])
    if state.number is not None and state.number not in {row["number"] for row in rows}:
        raise Broken("a case has a number that no filing has", state.number)
    for series in facts.rows["number_series"]:
        serials = [
            row["serial"]
            for row in facts.of("filing", series["season_id"], "season_id")
            if row["stage"] == series["stage"]
        ]
        same("the numbers have gaps", sorted(serials), list(range(1, series["last"] + 1)))


def _chain(facts: Facts, case: Fact, state: CaseState) -> None:
    events = sorted(facts.of("audit_event", case["id"], "stream_id"), key=lambda row: row["seq"])
    same("not every act is one event of the chain", [row["seq"] for row in events], list(range(1, state.version + 1)))
    head = (events[-1]["seq"], events[-1]["hash"])
    same("the chain's head is not its last event", (case["audit_seq"], case["audit_hash"]), head)
