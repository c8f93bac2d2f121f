"""Histories told by hand: a process of a few stages, people with speaking names, and acts on the tasks of positions."""

from __future__ import annotations

from typing import Any

from services.process.outcomes import Transition
from services.process.states import VisitState
from tests.process.model.acts import Act
from tests.process.model.definitions import Stages, process
from tests.process.model.people import People
from tests.process.model.story import Advance, Story, advance

HOLDERS = {
    "chief-coach": ["coach"], "base-school/office": ["school"], "guiding-unit/reviewer": ["reviewer"],
    "office/clerk": ["clerk"], "office/head": ["head"], "finance/clerk": ["finance"],
    "committee/member": ["m1", "m2", "m3"], "committee/chair": ["chair"],
}  # fmt: skip
FILE: dict[str, Any] = {"file": "filing", "number": "QJ-{season}-{serial:03d}"}


def submit(code: str = "plan", by: str = "chief-coach", **more: Any) -> dict[str, Any]:
    return {"submit": code, "by": by, "form": "plan", "due": {"within": "10d"}, **more}


def approve(code: str, by: Any, *to: str, **more: Any) -> dict[str, Any]:
    return {"approve": code, "by": by, "within": "8d", "return_to": list(to or ("plan",)), **more}


def parallel(*paths: Stages) -> dict[str, Any]:
    return {"parallel": "side", "paths": [{"stages": path} for path in paths]}


class Tale(Story):
    """A story whose acts name the position or the person whose task it is, and which says when an act was refused."""

    def __init__(self, *stages: dict[str, Any], engine: Advance = advance, **more: Any) -> None:
        people = People({actor: [*persons] for actor, persons in HOLDERS.items()})
        super().__init__(process([*stages, FILE], **more), people, engine)
        self.do(Act("start"))

    def by(self, who: str, do: str, of: str = "", **more: Any) -> Transition:
        """Let somebody act on the task of a position (`of`: its word or a person; else the first), and go through with it."""
        done = self.tries(who, do, of, **more)
        assert done is not None, self.refused
        return done

    def tries(self, who: str, do: str, of: str = "", **more: Any) -> Transition | None:
        return self.do(Act(do, who, **{"at": self.place(of, more.get("aim", "open")), **more}))

    def refuses(self, who: str, do: str, of: str = "", **more: Any) -> Exception:
        assert self.tries(who, do, of, **more) is None
        assert self.refused is not None
        return self.refused

    def place(self, of: str, aim: str) -> int:
        """Which task it is: one whose person, helper or position has this name, persons first."""
        lists = [visit.waiting if aim == "waiting" else visit.tasks for visit in self.state.open]
        tasks = [task for each in lists for task in each]
        named = [{self.people.name_of(task.person), self.people.name_of(task.helper)} for task in tasks]
        found = [number for number, names in enumerate(named) if of in names]
        found += [number for number, task in enumerate(tasks) if of in ("", task.actor)]
        return found[0] if found else 0

    def submits(self, n: int = 0) -> Transition:
        return self.by("coach", "submit", "chief-coach", n=n)

    def visit(self, stage: str) -> VisitState:
        visit = self.state.visit_in(stage)
        assert visit is not None
        return visit

    @property
    def stages(self) -> list[str]:
        return [visit.stage for visit in self.state.open]

    @property
    def persons(self) -> list[str]:
        """With whom the open tasks are: persons by name, else the positions."""
        return [
            self.people.name_of(task.helper or task.person) or task.actor
            for visit in self.state.open
            for task in visit.tasks
        ]


def told(done: Transition, kind: str) -> int:
    return sum(tell.kind == kind for tell in done.tell)
