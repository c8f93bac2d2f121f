"""Acts as data: who does what with which of the things that are open, so that a history can be cut and played again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.process import events
from services.process.events import Event
from services.process.states import CaseState
from tests.process.model.people import id_of

OUTSIDE = frozenset({"appoint", "dismiss", "stand-in", "back", "tick", "due", "close"})
"""What happens around a case rather than to it. due, close: time goes on to such an instant of a visit, or `n` microseconds off."""


@dataclass(frozen=True)
class Act:
    """What is done, by whom (a name; "" for the clock and the season), to what.

    at: which one, counted over those that `aim` says: the open tasks (or visits), the waiting ones, those that were closed
    (stale), or one that never was. to: a stage or a person. n: minutes of a tick, the number in a form, days of more time.
    paper: who enters it, where it was decided on paper.
    """

    do: str
    who: str = ""
    at: int = 0
    aim: str = "open"
    to: str = ""
    n: int = 0
    how: str = ""
    words: str = "Because."
    paper: str = ""

    def __repr__(self) -> str:
        """Only what is not as usual."""
        said = [
            f"{each.name}={value!r}" for each in fields(self)[1:] if (value := getattr(self, each.name)) != each.default
        ]
        return f"Act({', '.join([repr(self.do), *said])})"


@dataclass(frozen=True)
class Sight:
    """What an act may be aimed at. stale: tasks that were open once, in the order of their closing; next: an unused id."""

    state: CaseState
    stale: tuple[UUID, ...]
    next: UUID
    now: datetime

    def task(self, act: Act) -> UUID:
        open_ = [task.id for visit in self.state.open for task in visit.tasks]
        waiting = [task.id for visit in self.state.open for task in visit.waiting]
        return self._pick(act, {"open": open_, "waiting": waiting, "stale": [*self.stale]}.get(act.aim, []))

    def visit(self, act: Act) -> UUID:
        return self._pick(act, [visit.id for visit in self.state.open] if act.aim == "open" else [])

    def objection(self, act: Act) -> UUID:
        visit = self.visit(act)
        found = [each.id for other in self.state.open if other.id == visit for each in other.objections]
        return self._pick(Act(act.do, at=act.n), found)

    def until(self, act: Act) -> datetime:
        """A moment counted from the due date of the visit aimed at, or from now, whichever is later."""
        dues = [visit.due_at for visit in self.state.open if visit.due_at is not None]
        return max([self.now, *dues]) + timedelta(minutes=act.n)

    def decided(self, act: Act) -> UUID:
        """A task that was decided: one of those whose decision may be taken back first."""
        moves = [move.task for move in self.state.moves]
        given = [opinion.task for visit in self.state.open for opinion in visit.opinions]
        return self._pick(act, {"open": [*moves, *given], "stale": [*self.stale]}.get(act.aim, []))

    def _pick(self, act: Act, among: list[UUID]) -> UUID:
        return among[act.at % len(among)] if among else self.next


BY_TASK: Mapping[str, Callable[..., Event]] = {
    "approve": events.Approve, "oppose": events.Oppose, "sign": events.Sign, "decline": events.Decline,
    "reject": events.Reject, "answer": events.Answer, "remove-signer": events.RemoveSigner,
}  # fmt: skip
ALONE: Mapping[str, Callable[[], Event]] = {"start": events.Start, "withdraw": events.Withdraw}
SILENT: Mapping[str, Callable[..., Event]] = {
    "claim": events.Claim, "put-back": events.PutBack, "recall": events.Recall,
}  # fmt: skip
BY_CASE: Mapping[str, Callable[..., Event]] = {
    "end": events.End, "suspend": events.Suspend, "resume": events.Resume,
}  # fmt: skip
BY_VISIT: Mapping[str, Callable[..., Event]] = {
    "grant-extension": events.GrantExtension, "refuse-extension": events.RefuseExtension,
}  # fmt: skip
CLOCK: Mapping[str, Callable[..., Event]] = {"pass": events.Pass, "fail": events.Fail, "fill": events.Fill}


def event_of(act: Act, sight: Sight) -> Event:
    """Return the event that the act means where the case stands now."""
    tables: list[tuple[Mapping[str, Callable[..., Event]], Callable[[], tuple[Any, ...]]]] = [
        (ALONE, tuple),
        (BY_TASK, lambda: (sight.task(act), act.words)),
        (SILENT, lambda: (sight.task(act),)),
        (BY_CASE, lambda: (act.words,)),
        (BY_VISIT, lambda: (sight.visit(act), act.words)),
        (CLOCK, lambda: (sight.visit(act),)),
    ]
    for table, arguments in tables:
        if act.do in table:
            return table[act.do](*arguments())
    return _other(act, sight)


def _other(act: Act, sight: Sight) -> Event:  # noqa: C901, PLR0911 - one line per act
    match act.do:
        case "submit":
            return events.Submit(sight.task(act), sight.next)
        case "assess":
            return events.Assess(sight.task(act), sight.next, act.words)
        case "return":
            return events.Return(sight.task(act), act.to, act.words)
        case "transfer" | "delegate":
            kind = events.Transfer if act.do == "transfer" else events.Delegate
            return kind(sight.task(act), id_of(act.to), act.words)
        case "add-signer":
            return events.AddSigner(sight.task(act), id_of(act.to), act.how, act.words)  # type: ignore[arg-type]
        case "hand-over":
            return events.HandOver(id_of(act.how), id_of(act.to), act.words)
        case "ask-extension":
            return events.AskExtension(sight.task(act), sight.until(act), act.words)
        case "grant-exception":
            return events.GrantException(sight.until(act), act.words)
        case "take-back":
            return events.TakeBack(sight.decided(act))
        case "jump" | "reopen":
            return (events.Jump if act.do == "jump" else events.Reopen)(act.to, act.words)
        case "object":
            return events.Object(sight.visit(act), sight.next, act.words)
        case "settle":
            return events.Settle(sight.visit(act), sight.objection(act), act.how == "upheld", act.words)
    raise ValueError(act.do)
