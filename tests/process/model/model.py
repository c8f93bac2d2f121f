"""The small model: what a case is after each act, worked out anew from the rules as they are written for people.

It is written to be read beside docs, not beside the engine: it uses nothing of it but the events and the context.
A signer is one object as long as they are one: a decision taken back, a visit opened again, keeps them.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.process.events import Context
from tests.process.model.chart import (
    ACTED,
    FINAL,
    Chart,
    Raw,
    arms_of,
    code_of,
    kind_of,
    mode_of,
    needed_of,
    signers_of,
    way_of,
)
from tests.process.model.people import POSITIONS


class No(Exception):  # noqa: N818 - it is an answer, no error
    """The rules refuse the act."""


def require(so: object, why: str) -> None:
    if not so:
        raise No(why)


@dataclass(eq=False)
class Seat:
    """Somebody who signs or submits. to: whom an added signer was added to. signer: who gave the opinion, for `behalf`."""

    actor: str
    position: UUID | None = None
    person: UUID | None = None
    member: bool = False
    helper: UUID | None = None
    weight: int = 1
    how: str = ""
    by: UUID | None = None
    to: Seat | None = None
    id: UUID | None = None
    verdict: str = ""
    signer: UUID | None = None
    behalf: UUID | None = None

    @property
    def with_(self) -> UUID | None:
        return self.helper or self.person


@dataclass(eq=False)
class Visit:
    stage: str
    n: int
    seats: list[Seat] = field(default_factory=list)
    waiting: list[Seat] = field(default_factory=list)
    signed: list[Seat] = field(default_factory=list)
    id: UUID | None = None
    due: datetime | None = None
    close: datetime | None = None
    exception: tuple[datetime, datetime] | None = None
    asked: tuple[UUID, datetime] | None = None
    extensions: int = 0
    objections: list[UUID] = field(default_factory=list)
    kept: bool = True

    @property
    def all(self) -> list[Seat]:
        return [*self.seats, *self.waiting]

    @property
    def people(self) -> set[UUID]:
        """Who has signed, or for whom was signed."""
        return {each for seat in self.signed for each in (seat.signer, seat.behalf) if each is not None}

    def after(self, seat: Seat) -> list[Seat]:
        """The waiting signers whom this one added after themself."""
        return [each for each in self.waiting if each.to is seat]


def copied(visit: Visit) -> Visit:
    """Return a visit like this one with signers of its own, who are to each other as these are."""
    made: dict[int, Seat] = {}

    def like(seat: Seat) -> Seat:
        if id(seat) not in made:
            made[id(seat)] = twin = copy(seat)
            twin.to = like(seat.to) if seat.to is not None else None
        return made[id(seat)]

    lists = {name: [like(seat) for seat in getattr(visit, name)] for name in ("seats", "waiting", "signed")}
    return replace(visit, **lists, objections=[*visit.objections])


@dataclass(eq=False)
class Step:
    """A decision that may be taken back: the visit as it was, and what the decision opened."""

    person: UUID
    task: UUID
    left: Visit
    opened: list[Visit]
    detour: tuple[str, list[Visit]] | None
    submits: bool


@dataclass(eq=False)
class Case:
    """A case, with the rules of going on; what people do stands in `acting`."""

    chart: Chart
    status: str = "open"
    version: int = 0
    open: list[Visit] = field(default_factory=list)
    visits: dict[str, int] = field(default_factory=dict)
    submitters: set[UUID] = field(default_factory=set)
    assessors: set[UUID] = field(default_factory=set)
    chosen: dict[str, int] = field(default_factory=dict)
    detours: list[tuple[str, list[Visit]]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    suspended: datetime | None = None

    def stage(self, visit: Visit) -> Raw:
        return self.chart.stage[visit.stage]

    # --- going on -----------------------------------------------------------------------------------------------------

    def arrive(self, stage: Raw, context: Context) -> bool:
        """Come to a stage; True when nothing holds the case there."""
        code = code_of(stage)
        match kind_of(stage):
            case "branch":
                self.chosen[code] = way_of(stage, dict(context.values))
                return self.run(arms_of(stage)[self.chosen[code]], context)
            case "parallel":
                ended = [self.run(path, context) for path in arms_of(stage)]
                return all(ended)
            case kind if kind in FINAL:
                self.status = "filed" if kind == "file" else "completed"
                self.visits[code] = self.visits.get(code, 0) + 1
                return False
        self.begin(stage, context)
        return False

    def run(self, stages: list[Raw], context: Context) -> bool:
        return all(self.arrive(stage, context) for stage in stages)

    def go_on(self, code: str, context: Context) -> None:
        """Leave a stage forward: the next one, or out of the block, unless a path beside it is still walked."""
        following = self.chart.next(code)
        while following is not None:
            if not self.arrive(following, context):
                return
            following = self.chart.next(code_of(following))
        block, _ = self.chart.blocks(code)[0]
        beside = self.chart.kind(block) == "parallel" and any(self.chart.inside(v.stage, block) for v in self.open)
        if not beside:
            self.go_on(block, context)

    def begin(self, stage: Raw, context: Context) -> None:
        seats = self.seats(stage, context) if kind_of(stage) in ACTED else []
        first = 1 if mode_of(stage) == "in_sequence" else len(seats)
        self.admit(Visit(code_of(stage), 0, seats[:first], seats[first:], kept=False))

    def admit(self, visit: Visit) -> Visit:
        visit.n = self.visits[visit.stage] = self.visits.get(visit.stage, 0) + 1
        self.open.append(visit)
        return visit

    @staticmethod
    def seats(stage: Raw, context: Context) -> list[Seat]:
        if mode_of(stage) == "each":
            actor = stage["by"]["each"]
            return [member(actor, person) for person in context.holders.get(POSITIONS[actor], ())]
        return [Seat(actor, POSITIONS[actor], weight=weight) for actor, weight in signers_of(stage).items()]

    def again(self, visit: Visit, *, kept: bool) -> Visit:
        """Open a visit again as it was, under new ids; more time asked for is not remembered, nor who was asked to help."""
        fresh = copied(visit)
        fresh.id, fresh.asked, fresh.kept = None, None, kept
        if not kept:
            fresh.due = fresh.close = fresh.exception = None
        for seat in fresh.all:
            seat.id = seat.helper = None
        return self.admit(fresh)

    # --- going elsewhere ----------------------------------------------------------------------------------------------

    def enter(self, code: str, context: Context) -> None:
        self.chosen |= {block: arm for block, arm in self.chart.blocks(code) if self.chart.kind(block) == "branch"}
        self.arrive(self.chart.stage[code], context)

    def back(self, to: str, context: Context, *, mine: tuple[Seat, UUID] | None = None) -> None:
        """Go back: whatever comes after that stage ends. With `mine`: and comes back as it was, mine to myself."""
        ended = [visit for visit in self.open if self.chart.before(to, visit.stage)]
        if mine is None:
            self.detours = [each for each in self.detours if not self.chart.before(to, each[0])]
        else:
            seat, person = mine
            seat.person, seat.helper = person, None
            self.detours.append((to, [copied(visit) for visit in ended]))
        self.open = [visit for visit in self.open if visit not in ended]
        self.enter(to, context)

    def badly(self, to: str, context: Context) -> None:
        if to == "reject":
            self.finish("rejected")
        else:
            self.back(to, context)

    def finish(self, status: str) -> None:
        self.status, self.open, self.detours = status, [], []

    def forget(self) -> None:
        """What may no longer be taken back: somebody has acted on what it opened, or it has been followed."""
        self.steps = [step for step in self.steps if self.may_go_back(step)]

    def may_go_back(self, step: Step) -> bool:
        if step.opened:
            return all(visit in self.open and not visit.signed and not visit.objections for visit in step.opened)
        around = [block for block, _ in self.chart.blocks(step.left.stage) if self.chart.kind(block) == "parallel"]
        return bool(around) and any(self.chart.inside(visit.stage, around[0]) for visit in self.open)

    # --- what the signers come to ---------------------------------------------------------------------------------------

    def tally(self, visit: Visit) -> str:
        """ "passed", "failed" or "" of the signers whom the definition names."""
        stage = self.stage(visit)
        given = [seat for seat in visit.signed if not seat.how]
        left = [seat for seat in visit.all if not seat.how]
        needed = needed_of(stage)
        if needed is None:
            return "passed" if given and (mode_of(stage) == "any_of" or not left) else ""
        against = sum(seat.weight for seat in given if seat.verdict == "oppose")
        for_ = sum(seat.weight for seat in given) - against
        if for_ >= needed:
            return "passed"
        possible = for_ + sum(seat.weight for seat in left)
        return "failed" if possible < needed <= possible + against else ""

    def settle(self, visit: Visit, before: Visit, seat: Seat, context: Context) -> None:
        """Look what an opinion has brought about."""
        if self.tally(visit) == "failed":
            self.badly(self.stage(visit).get("fails", "reject"), context)
        elif self.tally(visit) == "passed":
            visit.seats = [each for each in visit.seats if each.how]
            visit.waiting = [each for each in visit.waiting if each.how]
            orphans = [each for each in visit.waiting if each.to not in visit.all]
            visit.seats += orphans
            visit.waiting = [each for each in visit.waiting if each not in orphans]
            if not visit.all:
                self.open.remove(visit)
                self.decided(before, seat, context, submits=False)

    def decided(self, left: Visit, seat: Seat, context: Context, *, submits: bool) -> None:
        """A stage is done: straight back after a correction, else on."""
        there = list(self.open)
        detour = next((each for each in self.detours if each[0] == left.stage), None)
        if detour is None:
            self.go_on(left.stage, context)
        else:
            self.detours.remove(detour)
            for visit in detour[1]:
                self.again(visit, kept=False)
        opened = [visit for visit in self.open if visit not in there]
        assert seat.id is not None
        assert context.person is not None
        self.steps.append(Step(context.person, seat.id, left, opened, detour, submits))


def member(actor: str, person: UUID) -> Seat:
    return Seat(actor, POSITIONS[actor], person, member=True)


Rule = Callable[[Case, Any, Context], None]
