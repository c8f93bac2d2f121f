"""Random acts: mostly what somebody would do next, often what somebody may not, sometimes nonsense."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from services.process.states import TaskState
from tests.process.model.acts import Act
from tests.process.model.chart import TIMED, mode_of
from tests.process.model.definitions import some_process
from tests.process.model.people import ACTORS, POSITIONS, some_people
from tests.process.model.story import Advance, Story, advance

LIMITS = (20, 25, 50, 60, 75)
"""The numbers at which the branches of the generator turn."""
MICROSECOND = timedelta(microseconds=1)
MINUTES = (1, 60, 24 * 60, 3 * 24 * 60, 6 * 24 * 60, 16 * 24 * 60)
HANDING = (
    "claim", "put-back", "transfer", "transfer", "delegate", "answer", "recall", "add-signer", "add-signer", "add-signer",
    "remove-signer", "remove-signer", "ask-extension",
)  # fmt: skip
OTHERS = (
    "withdraw", "take-back", "take-back", "take-back", "grant-extension", "refuse-extension", "grant-exception", "hand-over",
    "suspend", "resume", "jump", "object", "settle", "fill", "pass", "fail", "end", "reopen",
)  # fmt: skip


def history(seed: int, length: int, engine: Advance = advance) -> Story:
    """Play one random history of so many acts."""
    story = begun(seed, engine)
    random = Random(f"acts {seed}")
    for _ in range(length):
        story.do(some_act(random, story))
        if story.state.status != "open" and random.random() < 0.5:
            break
    return story


def begun(seed: int, engine: Advance = advance) -> Story:
    """The case of a history where nobody has acted yet."""
    random = Random(f"process {seed}")
    story = Story(some_process(random), some_people(random), engine)
    story.do(Act("start"))
    return story


def some_act(random: Random, story: Story) -> Act:
    """The next act: what goes on, hands on, interferes, or comes from around."""
    if story.state.suspended_at is not None and random.random() < 0.4:
        return Act("resume", "admin")
    if random.random() < 0.7 and (act := at_the_instant(random, story)) is not None:
        return act
    kind = random.choices(("forward", "backward", "hand", "other", "around"), (34, 12, 30, 14, 10))[0]
    if kind == "around":
        return outside(random, story)
    if kind == "other" or not any(visit.tasks for visit in story.state.open):
        return other(random, story)
    return on_task(random, story, kind)


def on_task(random: Random, story: Story, kind: str) -> Act:
    tasks = [(visit, task) for visit in story.state.open for task in visit.tasks]
    at = random.randrange(len(tasks))
    visit, task = tasks[at]
    stage_kind = story.chart.kind(visit.stage)
    match kind:
        case "forward":
            do = stage_kind
            if stage_kind == "approve" and random.random() < 0.25:
                do = "oppose"
        case "backward":
            do = random.choice(("return", "return", "return", "return", "decline", "reject"))
        case _:
            do = random.choice(HANDING)
    if random.random() < 0.03:  # another kind of stage than this act is for
        do = random.choice(("submit", "approve", "sign", "assess", "oppose", "return"))
    aim = random.choices(("open", "stale", "unknown", "waiting"), (92, 3, 1, 4))[0]
    if do == "remove-signer":
        aim = random.choice(("open", "waiting"))
    return Act(
        do, _who(random, story, do, task), at, aim, _to(random, story, do, visit.stage), _number(random, do),
        random.choice(("before", "after", "beside")) if do == "add-signer" else "", _words(random), _paper(random, story),
    )  # fmt: skip


def _who(random: Random, story: Story, do: str, task: TaskState) -> str:
    """Mostly who may: the owner, a holder, the helper, their substitute, the administrator; else anybody."""
    people = story.people
    owner = people.name_of(task.helper if do == "answer" else task.person)
    holders = [owner] if owner else next((p for a, p in people.holders.items() if POSITIONS[a] == task.position), [])
    away = [people.stands_in[each] for each in holders if each in people.stands_in]
    adder = [people.name_of(task.added.by)] if task.added else []
    draw = random.random()
    if do in ("remove-signer", "put-back", "transfer") and draw < 0.4:
        return random.choice([*adder, "admin"]) or "admin"
    if draw < 0.72 and holders:
        return random.choice(holders)
    if draw < 0.87 and away:
        return random.choice(away)
    return random.choice(people.names)


def _to(random: Random, story: Story, do: str, stage: str) -> str:
    raw = story.chart.stage[stage]
    if do == "return":
        choices = raw.get("return_to", []) if random.random() < 0.93 else list(story.chart.stage)
        return random.choice(choices or ["nowhere"])
    return random.choice(story.people.names) if do in ("transfer", "delegate", "add-signer") else ""


def _number(random: Random, do: str) -> int:
    if do in ("submit", "assess"):
        return random.choice((*LIMITS, random.randint(0, 100)))
    return random.choice((-60, 0, 1, 3 * 24 * 60)) if do == "ask-extension" else 0


def _words(random: Random) -> str:
    return "Because." if random.random() < 0.98 else " "


def _paper(random: Random, story: Story) -> str:
    return random.choice(story.people.names) if random.random() < 0.04 else ""


def other(random: Random, story: Story) -> Act:  # noqa: C901, PLR0911 - one line per act
    """An act on a visit, on a decision or on the case."""
    kinds = [story.chart.kind(visit.stage) for visit in story.state.open]
    do = random.choice(OTHERS)
    if set(kinds) & set(TIMED) and random.random() < 0.5:
        do = random.choice(("pass", "pass", "pass", "object", "settle", "fail"))
    if do in ("end", "suspend", "reopen") and random.random() < 0.5:  # they would leave little of a history
        do = random.choice(("take-back", "withdraw"))
    at = random.randrange(max(len(kinds), 1))
    members = [n for n, visit in enumerate(story.state.open) if mode_of(story.chart.stage[visit.stage]) == "each"]
    if members and random.random() < 0.15:
        do, at = "fill", random.choice(members)
    match do:
        case "take-back":
            return Act(do, _decider(random, story, at), at, random.choices(("open", "stale"), (9, 1))[0])
        case "pass" | "fail" | "fill" | "object":
            return Act(do, "", at, random.choices(("open", "unknown"), (24, 1))[0])
        case "jump" | "reopen":
            return Act(
                do, _admin(random, story), to=random.choice([*story.chart.stage, "nowhere"]), words=_words(random)
            )
        case "hand-over":
            return Act(do, _admin(random, story), to=random.choice(story.people.names), how=_owner(random, story))
        case "settle":
            how = random.choice(("upheld", ""))
            return Act(do, _posted(random, story, at), at, how=how, words=_words(random))
        case "grant-extension" | "refuse-extension":
            return Act(do, _granter(random, story, at), at, words=_words(random))
        case "grant-exception":
            return Act(
                do, _one(random, story, "office/head"), n=random.choice((0, 60, 6 * 24 * 60)), words=_words(random)
            )
        case "withdraw":
            return Act(do, _one(random, story, random.choice(("chief-coach", "base-school/office"))))
        case _:
            return Act(do, _admin(random, story), words=_words(random))


def _one(random: Random, story: Story, actor: str) -> str:
    """A holder of the position, or sometimes anybody."""
    holders = story.people.holders.get(actor, [])
    return random.choice(holders) if holders and random.random() < 0.85 else random.choice(story.people.names)


def _admin(random: Random, story: Story) -> str:
    return "admin" if random.random() < 0.9 else random.choice(story.people.names)


def _decider(random: Random, story: Story, at: int) -> str:
    deciders = [move.person for move in story.state.moves]
    deciders += [opinion.person for visit in story.state.open for opinion in visit.opinions]
    if deciders and random.random() < 0.9:
        return story.people.name_of(deciders[at % len(deciders)])
    return random.choice(story.people.names)


def _owner(random: Random, story: Story) -> str:
    tasks = [task for visit in story.state.open for task in (*visit.tasks, *visit.waiting)]
    own = [each for task in tasks for each in (task.person, task.helper) if each is not None]
    return story.people.name_of(random.choice(own)) if own else "stranger"


def _posted(random: Random, story: Story, at: int) -> str:
    stages = [story.chart.stage[visit.stage] for visit in story.state.open]
    stage = stages[at % len(stages)] if stages else {}
    return _one(random, story, stage.get("objections_to", "office/head"))


def _granter(random: Random, story: Story, at: int) -> str:
    stages = [story.chart.stage[visit.stage] for visit in story.state.open]
    stage = stages[at % len(stages)] if stages else {}
    actor = stage.get("extension", {}).get("by", "office/head")
    away = [story.people.stands_in[p] for p in story.people.holders.get(actor, []) if p in story.people.stands_in]
    return random.choice(away) if away and random.random() < 0.3 else _one(random, story, actor)


def at_the_instant(random: Random, story: Story) -> Act | None:
    """Where it is the very instant of a due date or a close, or next to it: what depends on that."""
    for at, visit in enumerate(story.state.open):
        instants = [each for each in (visit.due_at, visit.close_at) if each is not None]
        if any(abs(each - story.now) <= MICROSECOND for each in instants):
            if not visit.tasks:
                return Act(random.choice(("pass", "object")), at=at)
            place = [task.id for other in story.state.open for task in other.tasks].index(visit.tasks[0].id)
            do = random.choice((story.chart.kind(visit.stage), "ask-extension", "ask-extension"))
            who = _who(random, story, do, visit.tasks[0])
            return Act(do, who, place, n=1)
    return None


def outside(random: Random, story: Story) -> Act:
    """Time goes by, people come, go, and are away."""
    name, actor = random.choice(story.people.names), random.choice(ACTORS)
    do = random.choice(("tick", "tick", "tick", "due", "close", "appoint", "dismiss", "stand-in", "back"))
    if do in ("due", "close"):
        return Act(do, at=random.randrange(8), n=random.choice((-1, 0, 0, 1)))
    if do == "tick":
        return Act(do, n=random.choice(MINUTES))
    if do in ("appoint", "dismiss") and random.random() < 0.5:
        actor = "committee/member"
    to = actor if do in ("appoint", "dismiss") else random.choice(story.people.names)
    if do == "dismiss":
        name = random.choice(story.people.holders.get(actor, []) or [name])
    return Act(do, name, to=to)
