"""What holds of every transition, whatever came before: over the state before, what is said of the act, and the state after.

Nothing here knows the model: the same checks hold for a transition that went through the store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from services.process.definitions import ProcessDefinition
from services.process.outcomes import Transition
from services.process.states import CaseState, TaskState
from services.process.tells import Tells
from tests.process.model.chart import ACTED, FINAL, JUDGED, TIMED, Chart, mode_of
from tests.process.model.compare import Broken, same

QUIET = frozenset({
    "claim", "put-back", "transfer", "delegate", "answer", "recall", "hand-over", "add-signer", "remove-signer",
    "ask-extension", "grant-extension", "refuse-extension", "grant-exception", "suspend", "resume", "fill", "object",
})  # fmt: skip
"""Acts by which no stage is entered or left."""
LEAVING = {
    "submitted": {"submit"}, "approved": {"approve", "oppose"}, "signed": {"sign"}, "assessed": {"assess"},
    "passed": {"pass"}, "returned": {"return"}, "declined": {"decline"}, "rejected": {"reject"},
    "failed": {"approve", "oppose", "sign", "assess", "fail"}, "upheld": {"settle"}, "withdrawn": {"withdraw"},
    "taken-back": {"take-back"}, "jumped": {"jump"}, "ended": {"end"},
}  # fmt: skip
"""By which acts a visit may come to an outcome: none of them is a silence or a removal."""
FOR = {"approved": {"approve"}, "signed": {"sign"}, "assessed": {"assess"}}


def check(definition: ProcessDefinition, chart: Chart, done: Transition, *, person: UUID | None) -> None:
    """Raise Broken where something does not hold. person: who acted."""
    for holds in (whole, apart, agreeing, earned, unbroken):
        holds(chart, done)
    told(definition, done, person)


def whole(chart: Chart, done: Transition) -> None:
    """The state itself: open or ended, ids used once, tasks where people act, numbers as counted."""
    state = done.state
    same("an open case stands nowhere, or an ended one somewhere", bool(state.open), state.status == "open")
    same("an act is one version", state.version, done.before.version + 1)
    ids = [task.id for visit in state.open for task in (*visit.tasks, *visit.waiting)]
    ids += [opinion.task for visit in state.open for opinion in visit.opinions]
    same("an id is used twice", len(set(ids)), len(ids))
    for visit in state.open:
        same("a visit has another number than its stage counts", visit.n, state.visits[visit.stage])
        stage = chart.stage[visit.stage]
        kind = chart.kind(visit.stage)
        if kind in TIMED and (visit.tasks or visit.opinions):
            raise Broken("somebody has a task where nobody acts", visit.stage)
        if kind in ACTED and not visit.tasks and not (mode_of(stage) == "each" and not visit.waiting):
            raise Broken("nobody has a task where people act", visit.stage)
        signed = [each for o in visit.opinions for each in (o.person, o.on_behalf) if each is not None]
        same("somebody signed twice in a visit", len(set(signed)), len(signed))


def apart(chart: Chart, done: Transition) -> None:
    """One open visit for a stage, none after another, none in two ways of a branch."""
    stages = [visit.stage for visit in done.state.open]
    same("a stage is open twice", len(set(stages)), len(stages))
    for one in stages:
        for other in stages:
            if chart.before(one, other):
                raise Broken("a stage is open after another open one", one, other)
    arms: dict[str, int] = {}
    for stage in stages:
        for block, arm in chart.blocks(stage):
            if chart.kind(block) == "branch" and arms.setdefault(block, arm) != arm:
                raise Broken("two ways of a branch are open", block)


def agreeing(chart: Chart, done: Transition) -> None:
    """What is said of the act is what the states differ in."""
    before, after = done.before, done.state
    was, is_ = {v.id: v for v in before.open}, {v.id: v for v in after.open}
    tasks_before, tasks_after = _tasks(before), _tasks(after)
    _list("left", [each.id for each in done.left], was.keys() - is_.keys())
    _list("opened", [each.state.id for each in done.opened], is_.keys() - was.keys())
    _list("closed", [each.id for each in done.closed], tasks_before.keys() - tasks_after.keys())
    stay = {task.id for visit in after.open if visit.id in was for task in visit.tasks}
    _list("added", [each.task.id for each in done.added], stay - tasks_before.keys())
    for new in done.added:
        same("an added task is not as it is said", tasks_after.get(new.task.id), new.task)
    for opened in done.opened:
        same("an opened visit is not as it is said", opened.state, is_[opened.state.id])
    changed = {
        task.id for task in tasks_after.values()
        if task.id in tasks_before and tasks_before[task.id].with_ != task.with_
    }  # fmt: skip
    _list(
        "handed", [each.id for each in done.handed], changed | ({each.id for each in done.handed} & tasks_after.keys())
    )
    for task in done.closed:
        old = tasks_before[task.id]
        same(
            "a closed task is not as it is said",
            (task.actor, task.position, task.person),
            (old.actor, old.position, old.with_),
        )
        if task.by_other == (task.id == done.acted_task and done.act != "remove-signer"):
            raise Broken("whose act closed a task is wrong", done.act)
    _counted(chart, done)


def _counted(chart: Chart, done: Transition) -> None:
    grown = Counter(done.state.visits)
    grown.subtract(Counter(done.before.visits))
    opened = Counter(each.state.stage for each in done.opened)
    final = {code for code in grown if chart.kind(code) in FINAL and grown[code]}
    same(
        "visits are counted otherwise than opened",
        {c: n for c, n in grown.items() if n and c not in final},
        dict(opened),
    )
    ends = done.state.status in ("filed", "completed") and done.before.status == "open"
    same("the end is counted otherwise than reached", [grown[code] for code in final], [1] if ends else [])


def _tasks(state: CaseState) -> dict[UUID, TaskState]:
    return {task.id: task for visit in state.open for task in visit.tasks}


def _list(name: str, said: list[UUID], differs: Iterable[UUID]) -> None:
    if len(set(said)) != len(said):
        raise Broken(f"something is {name} twice")
    same(f"what is said to be {name} is not what the states differ in", set(said), set(differs))


def earned(chart: Chart, done: Transition) -> None:
    """A stage is only left by an act that may end it; forward only by a signer in favour, or by the clock when it is time."""
    if done.act in QUIET and (done.left or done.opened):
        raise Broken("a stage was entered or left by an act that decides nothing", done.act)
    was = {visit.id: visit for visit in done.before.open}
    for left in done.left:
        outcome, visit = left.outcome, was[left.id]
        if done.act not in LEAVING[outcome]:
            raise Broken("an act has an outcome that is not its own", done.act, outcome)
        if outcome in ("submitted", *FOR) and done.acted_task not in {task.id for task in visit.tasks}:
            raise Broken("a stage is passed by who has no task in it", left.stage)
        if outcome in FOR:
            _passed(chart, done, left.stage)
        if outcome == "passed" and chart.kind(left.stage) not in TIMED:
            raise Broken("a stage was passed by silence", left.stage)
    if done.state.moves and done.act in ("jump", "reopen", "end"):
        raise Broken("a decision outlives what the administrator did", done.act)


def _passed(chart: Chart, done: Transition, stage: str) -> None:
    """Nobody who is named was left out of an all_of or a sequence."""
    visit = next(each for each in done.before.open if each.stage == stage)
    if mode_of(chart.stage[stage]) in ("one", "all_of", "in_sequence"):
        open_ = [
            task.actor for task in (*visit.tasks, *visit.waiting) if task.added is None and task.id != done.acted_task
        ]
        same("a stage is passed without a signer", open_, [])
    added = [
        task.id for task in (*visit.tasks, *visit.waiting) if task.added is not None and task.id != done.acted_task
    ]
    same("a stage is passed without an added signer", added, [])


def unbroken(chart: Chart, done: Transition) -> None:
    """Nobody decided on their own submission; a visit that goes on keeps the opinions given in it, but the one taken back."""
    was = {visit.id: visit for visit in done.before.open}
    for visit in done.state.open:
        old = was.get(visit.id)
        given = {opinion.task for opinion in old.opinions} if old else set()
        now = {opinion.task for opinion in visit.opinions}
        if len(given - now) > (done.act == "take-back"):
            raise Broken("opinions are lost", visit.stage)
        if old is not None and chart.kind(visit.stage) in JUDGED:
            own = {*done.before.submitters} if chart.kind(visit.stage) == "assess" else {
                *done.before.submitters, *done.before.assessors}  # fmt: skip
            new = [opinion for opinion in visit.opinions if opinion.task not in given]
            if any({opinion.person, opinion.on_behalf} & own for opinion in new):
                raise Broken("somebody decided on their own submission", visit.stage)


def told(definition: ProcessDefinition, done: Transition, person: UUID | None) -> None:
    """Only those whom the definition names are told, each once, and whoever gets a task is."""
    same("somebody is told twice", len(set(done.tell)), len(done.tell))
    whom = _whom(done, person)
    for tell in done.tell:
        field = tell.kind.replace("-", "_")
        if field not in Tells.model_fields:
            same("something unknown is told", tell.kind, "stage-reached")
            continue
        named = {who: whom[who] for who in getattr(definition.tells, field)}
        notified = tell.kind in ("filed", "completed")
        if not notified and not any(mine is None or (tell.position or tell.person) in mine for mine in named.values()):
            raise Broken("somebody is told whom the definition does not name", tell)
    _tasks_told(definition, done)


def _whom(done: Transition, person: UUID | None) -> dict[str, set[UUID] | None]:
    """By the words of a definition: the persons and positions that they mean here; None: whoever the act is about."""
    tasks = [*_tasks(done.before).values(), *_tasks(done.state).values()]
    opinions = [o for state in (done.before, done.state) for v in state.open for o in v.opinions]
    submits = [tell.position for tell in done.tell if tell.position is not None]
    return {
        "assignees": {each for task in tasks for each in (task.with_ or task.position,) if each},
        "submitters": {*submits},
        "signers": {opinion.person for opinion in opinions} | ({person} if person else set()),
        "others": {each for task in done.closed if task.by_other for each in (task.person or task.position,) if each},
        "concerned": None,
        "granters": {*submits},
    }


def _tasks_told(definition: ProcessDefinition, done: Transition) -> None:
    got = {(tell.kind, tell.task, tell.person or tell.position, tell.visit_n) for tell in done.tell}
    new = [(each.state, task, each.returned) for each in done.opened if not each.kept for task in each.state.tasks]
    for visit, task, returned in new:
        kind = "returned" if returned else "task-opened"
        expected = "assignees" in getattr(definition.tells, kind.replace("-", "_"))
        if expected and (kind, task.id, task.with_ or task.position, visit.n) not in got:
            raise Broken("somebody is not told of their task", visit.stage)
    others = [each for each in done.closed if each.by_other]
    kinds = {"withdraw": "withdrawn", "jump": "jumped", "end": "ended", "take-back": "taken-back"}
    kind = kinds.get(done.act, "closed-by-other")
    if done.act == "take-back" and any(left.outcome == "taken-back" for left in done.left):
        return  # what a taken-back submission closed is told as withdrawn
    told_of = {tell.task for tell in done.tell if tell.kind == kind}
    if "others" in getattr(definition.tells, kind.replace("-", "_")) and done.act != "remove-signer":
        same("somebody is not told that their task is closed", {each.id for each in others} - told_of, set())


def stored(state: CaseState) -> CaseState:
    """Return the state as it is read after it was stored: the same."""
    read = CaseState.model_validate_json(state.model_dump_json())
    same("the state is another once it was stored", read, state)
    return read
