"""What may happen to a case, and what an event brings from outside: plain values. What comes of it: `outcomes`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from services.process.states import How

# --- what somebody wants to do to the case as a whole ------------------------------------------------------------------


@dataclass(frozen=True)
class Start:
    """The season opens the case."""


@dataclass(frozen=True)
class Withdraw:
    """撤回: the submitter takes the submission back while nobody has acted on it."""


@dataclass(frozen=True)
class TakeBack:
    """拿回: a person takes back their own decision while the next has not acted. task: the one that they decided."""

    task: UUID


@dataclass(frozen=True)
class GrantException:
    """A named person lets the case submit after the hard close, until a moment."""

    until: datetime
    words: str


@dataclass(frozen=True)
class End:
    """A named person ends a case that will not be filed; the reason is mandatory."""

    words: str


@dataclass(frozen=True)
class Suspend:
    """The administrator lets the case stand still; the reason is mandatory."""

    words: str


@dataclass(frozen=True)
class Resume:
    """The administrator lets a suspended case go on."""

    words: str = ""


@dataclass(frozen=True)
class Reopen:
    """唤醒: the administrator opens a finished case again, in a stage; the reason is mandatory."""

    to: str
    words: str


@dataclass(frozen=True)
class Jump:
    """The administrator sets an open case into a stage; the reason is mandatory."""

    to: str
    words: str


# --- what somebody wants to do with a task -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Submit:
    task: UUID
    submission: UUID


@dataclass(frozen=True)
class Assess:
    """评价: the signer files an assessment form."""

    task: UUID
    submission: UUID
    words: str = ""


@dataclass(frozen=True)
class Approve:
    task: UUID
    words: str = ""


@dataclass(frozen=True)
class Oppose:
    """A vote against; the reason is mandatory."""

    task: UUID
    words: str


@dataclass(frozen=True)
class Sign:
    """签字."""

    task: UUID
    words: str = ""


@dataclass(frozen=True)
class Decline:
    """Not signing; the reason is mandatory."""

    task: UUID
    words: str


@dataclass(frozen=True)
class Return:
    """退回 to an earlier stage; the reason is mandatory."""

    task: UUID
    to: str
    words: str


@dataclass(frozen=True)
class Reject:
    """拒绝: the case ends without success; the reason is mandatory."""

    task: UUID
    words: str


@dataclass(frozen=True)
class Claim:
    """认领: one holder of the position takes the task; the others leave it to them."""

    task: UUID


@dataclass(frozen=True)
class PutBack:
    """Give a claimed or transferred task back to all who hold its position."""

    task: UUID


@dataclass(frozen=True)
class Transfer:
    """转办: hand the task to another person, who then decides in the same position's name."""

    task: UUID
    to: UUID
    words: str = ""


@dataclass(frozen=True)
class Delegate:
    """委派: let another person look at the task and answer; deciding stays with its owner."""

    task: UUID
    to: UUID
    words: str = ""


@dataclass(frozen=True)
class Answer:
    """The helper's answer to a delegation: the task returns to its owner."""

    task: UUID
    words: str


@dataclass(frozen=True)
class Recall:
    """The owner takes a delegated task back without waiting for the answer."""

    task: UUID


@dataclass(frozen=True)
class AddSigner:
    """加签: another person must sign too, before, after or beside the task's owner."""

    task: UUID
    person: UUID
    how: How
    words: str = ""


@dataclass(frozen=True)
class RemoveSigner:
    """减签: a signer who has not signed yet is taken out. task: the signer's."""

    task: UUID
    words: str


@dataclass(frozen=True)
class AskExtension:
    """延期: ask for more time before the due date; the reason is mandatory."""

    task: UUID
    until: datetime
    words: str


@dataclass(frozen=True)
class GrantExtension:
    """Give the time that was asked for. visit: where it was asked."""

    visit: UUID
    words: str = ""


@dataclass(frozen=True)
class RefuseExtension:
    """Refuse the time that was asked for; the reason is mandatory."""

    visit: UUID
    words: str


@dataclass(frozen=True)
class HandOver:
    """离职交接: every task of the case that is one person's own goes to another."""

    leaving: UUID
    to: UUID
    words: str = ""


# --- what the clock and other cases bring ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pass:
    """What a wait, a posting or another process was open for has come: the visit is over."""

    visit: UUID


@dataclass(frozen=True)
class Fail:
    """The other process that the visit waited for ended without success."""

    visit: UUID


@dataclass(frozen=True)
class Fill:
    """Somebody holds the position now: a stage with a task for each member gets the tasks that it could not have."""

    visit: UUID


@dataclass(frozen=True)
class Object:
    """异议: somebody raises an objection against what is posted."""

    visit: UUID
    objection: UUID
    words: str


@dataclass(frozen=True)
class Settle:
    """An objection is examined and settled: upheld or not, with words."""

    visit: UUID
    objection: UUID
    upheld: bool
    words: str


ByTask = (
    Submit | Assess | Approve | Oppose | Sign | Decline | Return | Reject | Claim | PutBack | Transfer | Delegate | Answer
    | Recall | AddSigner | RemoveSigner | AskExtension
)  # fmt: skip
ByVisit = GrantExtension | RefuseExtension | Pass | Fail | Fill | Object | Settle
ByCase = Start | Withdraw | TakeBack | GrantException | End | Suspend | Resume | Reopen | Jump | HandOver
Event = ByTask | ByVisit | ByCase

# --- what an event brings from outside ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class StandIn:
    """代理: a person for whom the actor may act now, with the positions of theirs that it covers."""

    person: UUID
    held: frozenset[UUID]


@dataclass(frozen=True)
class Context:
    """What an event brings from outside.

    person: who acts (None for the season and the clock); held: the positions that the person holds now; now: business
    time; new_id: the Ids port; positions: actor word -> position id for every actor of the definition. holders: position ->
    who holds it now. values: stage -> the data last submitted there, for branches. stand_ins: for whom the person may
    act. administrator: whether the person administers the bureau. entered_by: who enters a decision that `person` signed on
    paper. system: the clock brings what has come by itself.
    """

    person: UUID | None
    held: frozenset[UUID]
    now: datetime
    new_id: Callable[[], UUID]
    positions: Mapping[str, UUID]
    holders: Mapping[UUID, tuple[UUID, ...]] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    stand_ins: tuple[StandIn, ...] = ()
    administrator: bool = False
    entered_by: UUID | None = None
    system: bool = False
