"""Random processes, written as a pack writes them: such as a checked pack allows, in every shape that it allows."""

from __future__ import annotations

from random import Random
from typing import Any

from services.process.definitions import ProcessDefinition
from services.process.tells import WHO, Tells
from tests.process.model.people import JUDGING, SUBMITTING

Stages = list[dict[str, Any]]
KINDS = ("approve",) * 6 + ("sign",) * 2 + ("assess",) * 2 + ("submit", "publish", "wait", "process")
DEEPEST = 3


def parse(raw: dict[str, Any]) -> ProcessDefinition:
    return ProcessDefinition.model_validate(raw)


def process(stages: Stages, **more: Any) -> dict[str, Any]:
    """A process of these stages, as its YAML says it."""
    title = {"zh": "流程", "en": "Process"}
    return {"process": "modelled", "title": title, "subject": "project-group", "stages": stages, **more}


def some_process(random: Random) -> dict[str, Any]:
    """A random process that can be filed or completed."""
    maker = _Maker(random)
    stages: Stages = [maker.wait()] if random.random() < 0.05 else []
    stages.append(maker.submit())
    earlier = [stages[-1]["submit"]]
    stages += maker.sequence(earlier, 0, random.randint(1, 4))
    stages += maker.ending(earlier)
    return process(stages, **({"tells": maker.tells()} if random.random() < 0.25 else {}))


class _Maker:
    """Makes stages. `earlier`: the stages before the one that is made in which people act."""

    def __init__(self, random: Random) -> None:
        self.random, self.count = random, 0

    def sequence(self, earlier: list[str], depth: int, length: int, *, ends: bool = True) -> Stages:
        """So many stages one after the other; `ends`: a branch may end the case in one of its ways."""
        stages: Stages = []
        for _ in range(length):
            block = depth < DEEPEST and self.random.random() < (0.4 if depth == 0 else 0.22)
            stages.append(self.block(earlier, depth, ends=ends) if block else self.stage(earlier))
        return stages

    def block(self, earlier: list[str], depth: int, *, ends: bool) -> dict[str, Any]:
        if self.random.random() < 0.6:
            arms = self.arms(earlier, depth, least=1, ends=False)
            return {"parallel": self.code("parallel"), "paths": [{"stages": arm} for arm in arms]}
        submits = [code for code in earlier if code.startswith("submit")]
        arms = self.arms(earlier, depth, least=0, ends=ends)
        ways: Stages = [{"when": self.condition(submits), "stages": arm} for arm in arms[:-1]]
        return {"branch": self.code("branch"), "ways": [*ways, {"stages": arms[-1]}]}

    def arms(self, earlier: list[str], depth: int, *, least: int, ends: bool) -> list[Stages]:
        before, arms = list(earlier), []
        for _ in range(self.random.choice((2, 2, 2, 3))):
            mine = list(before)
            arms.append(self.sequence(mine, depth + 1, self.random.choice((least, 1, 1, 2)), ends=ends))
            earlier += mine[len(before) :]
        if ends and self.random.random() < 0.15:
            arms[0].append(self.final())
        return arms

    def condition(self, submits: list[str]) -> dict[str, Any]:
        random = self.random
        test = random.choice((
            {"field": "sum.total", "at_least": random.choice((25, 50, 75))},
            {"field": "sum.total", "at_least": 20, "at_most": 60},
            {"field": "kind", "one_of": ["a", "b"]},
            {"field": "kind", "equals": "c"},
            {"field": "note", "filled": random.random() < 0.5},
        ))  # fmt: skip
        return {**test, "stage": random.choice(submits)} if random.random() < 0.4 else test

    def ending(self, earlier: list[str]) -> Stages:
        if self.random.random() < 0.8:
            return [self.final()]
        submits = [code for code in earlier if code.startswith("submit")]
        ways = [
            {"when": self.condition(submits), "stages": [*self.sequence(list(earlier), DEEPEST, 1), self.final()]},
            {"stages": [self.final()]},
        ]
        return [{"branch": self.code("branch"), "ways": ways}]

    def final(self) -> dict[str, Any]:
        if self.random.random() < 0.6:
            return {"file": self.code("file"), "number": "QJ-{season}-{serial:03d}", "notify": ["chief-coach"]}
        return {"complete": self.code("complete")}

    def stage(self, earlier: list[str]) -> dict[str, Any]:
        match self.random.choice(KINDS):
            case "submit":
                stage = self.submit()
                earlier.append(stage["submit"])
            case "publish":
                stage = {
                    "publish": self.code("publish"), "period": "5d", "objections_to": self.random.choice(JUDGING),
                    "upheld": self.backward(earlier),
                }  # fmt: skip
            case "wait":
                stage = self.wait()
            case "process":
                stage = {"process": self.code("process"), "runs": "other", "failed": self.backward(earlier)}
            case kind:
                stage = self.judging(kind, earlier)
                earlier.append(stage[kind])
        if self.random.random() < 0.15:
            stage["notify"] = self.random.sample(JUDGING, 2)
        return stage

    def wait(self) -> dict[str, Any]:
        until = self.random.choice(({"after": "3d"}, {"date": "season.due"}, {"case": "other"}))
        return {"wait": self.code("wait"), "until": until}

    def submit(self) -> dict[str, Any]:
        random = self.random
        stage: dict[str, Any] = {
            "submit": self.code("submit"), "by": random.choice(SUBMITTING), "form": "plan", "due": {"within": "10d"},
            **self.handing(),
        }  # fmt: skip
        if random.random() < 0.5:
            stage["close"] = {"after": "5d", "exceptions": "office/head"} if random.random() < 0.7 else {"after": "5d"}
        return stage

    def handing(self) -> dict[str, Any]:
        random = self.random
        more: dict[str, Any] = {"hand_to": random.choice(("nobody", "position", "bureau", "bureau", "bureau"))}
        if random.random() < 0.4:
            more["extension"] = {"by": random.choice(JUDGING), "at_most": "20d", "times": random.choice((1, 2))}
        return more

    def judging(self, kind: str, earlier: list[str]) -> dict[str, Any]:
        random = self.random
        stage: dict[str, Any] = {kind: self.code(kind), "by": self.signers(), "within": "8d", **self.handing()}
        stage["return_to"] = random.sample(earlier, random.randint(1, min(3, len(earlier))))
        stage["after_correction"] = random.choice(("again", "straight-back"))
        stage["may_reject"] = random.random() < 0.3
        if random.random() < 0.7:
            stage["fails"] = self.backward(earlier)
        if kind == "sign":
            stage["declined"] = self.backward(earlier)
        if kind == "assess":
            stage["form"] = "assessment"
        return stage

    def backward(self, earlier: list[str]) -> str:
        return self.random.choice([*earlier, "reject"])

    def signers(self) -> Any:
        random = self.random
        some = random.sample(JUDGING, random.choice((2, 2, 3, 3, 4)))
        weights = {actor: random.randint(1, 3) for actor in some}
        return random.choice((
            some[0],
            {"any_of": some},
            {"all_of": some},
            {"in_sequence": some},
            {"quorum": random.randint(1, len(some)), "of": some},
            {"votes": weights, "needed": random.randint(1, sum(weights.values()))},
            {"each": "committee/member"},
            {"each": "committee/member", "needed": random.randint(1, 3)},
        ))  # fmt: skip

    def tells(self) -> dict[str, list[str]]:
        some = self.random.sample(list(Tells.model_fields), 6)
        return {name: self.random.sample(WHO, self.random.randint(0, 3)) for name in some}

    def code(self, kind: str) -> str:
        self.count += 1
        return f"{kind}-{self.count}"
