"""The kinds of stages that a process is made of: who acts in them, by when, and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from services.i18n import Message
from services.process.signers import Each, Mode, Signers, actors_of, mode_of
from services.process.terms import (
    Actor,
    Close,
    Code,
    Definition,
    Due,
    Extension,
    Length,
    Localized,
    Remind,
    Rung,
)


class StageBase(Definition):
    """What every kind of stage has."""

    code: Code
    title: Localized | None = None
    notify: tuple[Actor, ...] = ()


class ActedStage(StageBase):
    """A stage in which people act by a due date."""

    remind: Remind | None = None
    overdue: tuple[Rung, ...] = ()
    extension: Extension | None = None
    hand_to: Literal["nobody", "position", "bureau"] = "bureau"
    """To whom a task may be transferred or delegated, and whom one may add as a signer: to nobody, to who holds the task's
    position too, or to anybody of the bureau."""


class SubmitStage(ActedStage):
    """A form is filled in and submitted by one position of the case's group."""

    kind: Literal["submit"] = "submit"
    by: Actor
    form: Code
    requires: tuple[Code, ...] = ()
    """Positions of the group that must be filled to their least number of seats before it may submit (QD-02)."""
    due: Due
    close: Close | None = None

    @property
    def actors(self) -> tuple[str, ...]:
        """The position that gets the task."""
        return (self.by,)

    @property
    def mode(self) -> Mode:
        """One position submits."""
        return "one"


class JudgingStage(ActedStage):
    """Base of the stages in which one or several positions judge what was submitted."""

    by: Signers
    within: Length
    return_to: tuple[Code, ...] = ()
    after_correction: Literal["again", "straight-back"] = "again"
    """What follows the correction of a returned case: every stage again, or straight back to whoever returned it."""
    may_reject: bool = False
    opinion: Literal["optional", "required"] = "optional"
    """Whether approving needs words; then it is not decided in bulk either."""
    fails: Code | Literal["reject"] | None = None
    """Where the case goes when a quorum or a vote can no longer pass: an earlier stage, or it is rejected."""

    @property
    def actors(self) -> tuple[str, ...]:
        """Every position that gets a task in this stage."""
        return actors_of(self.by)

    @property
    def mode(self) -> Mode:
        """How the opinions of the actors make one outcome."""
        return mode_of(self.by)

    @property
    def votes(self) -> bool:
        """Whether its signers approve or oppose until the count decides."""
        return self.mode in ("quorum", "votes") or (isinstance(self.by, Each) and self.by.needed is not None)


class ApproveStage(JudgingStage):
    """审核: one or several positions judge the submission."""

    kind: Literal["approve"] = "approve"


class SignStage(JudgingStage):
    """签字: one or several positions sign; who does not, declines with words, and the case goes where `declined` says."""

    kind: Literal["sign"] = "sign"
    declined: Code | Literal["reject"] = "reject"


class AssessStage(JudgingStage):
    """评价: each signer fills in an assessment form instead of an opinion."""

    kind: Literal["assess"] = "assess"
    form: Code


class PublishStage(StageBase):
    """公示: posted for a period; it goes on when the period has ended and no objection is open."""

    kind: Literal["publish"] = "publish"
    period: Length
    objections_to: Actor
    upheld: Code | Literal["reject"]
    """Where the case goes when an objection is upheld: an earlier stage, or it is rejected."""


class WaitUntil(Definition):
    """What a wait stage waits for: a date of the season, so long after it opened, or the subject's case of another process."""

    date: str | None = Field(default=None, pattern=r"^(season\.(opens|due)|(-1/)?\d\d-\d\d)$")
    after: Length | None = None
    case: Code | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> WaitUntil:
        if sum(value is not None for value in (self.date, self.after, self.case)) != 1:
            raise ValueError(Message("a stage waits for exactly one thing: write date, after or case"))
        return self


class WaitStage(StageBase):
    """Nobody acts: the case goes on at a date, or when another case is filed."""

    kind: Literal["wait"] = "wait"
    until: WaitUntil


class SubProcessStage(StageBase):
    """The subject goes through another process of the pack; the case goes on when that one has ended well."""

    kind: Literal["process"] = "process"
    runs: Code
    failed: Code | Literal["reject"]
    """Where the case goes when the other one was rejected or ended without result: an earlier stage, or it is rejected."""


class FileStage(StageBase):
    """备案: the case is recorded under the season's next number. Nobody acts."""

    kind: Literal["file"] = "file"
    number: str = Field(min_length=1, max_length=120)


class CompleteStage(StageBase):
    """办结: the case ends well without a number. Nobody acts."""

    kind: Literal["complete"] = "complete"


class Condition(Definition):
    """Whether a value of a submitted form is so; with several tests all must hold.

    stage: whose form (the last submission where it says none). field: a path, for example `budget.total`.
    """

    stage: Code | None = None
    field: str = Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$", max_length=200)
    equals: str | int | bool | None = None
    one_of: tuple[str, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None
    filled: bool | None = None

    @model_validator(mode="after")
    def _tests_something(self) -> Condition:
        if all(value is None for value in (self.equals, self.one_of, self.at_least, self.at_most, self.filled)):
            raise ValueError(Message("say what the field must be: equals, one_of, at_least, at_most or filled"))
        return self


class Way(Definition):
    """One way out of a branch: taken when `when` holds; the last has none and is taken otherwise."""

    title: Localized | None = None
    when: Condition | None = None
    stages: Stages = ()


class BranchStage(StageBase):
    """分支: the first way whose condition holds is taken."""

    kind: Literal["branch"] = "branch"
    ways: tuple[Way, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _always_a_way(self) -> BranchStage:
        if self.ways[-1].when is not None or any(way.when is None for way in self.ways[:-1]):
            raise ValueError(
                Message("every way but the last needs a condition (when), and the last has none: it is taken otherwise")
            )
        return self


class Path(Definition):
    """One of the paths that are walked side by side."""

    title: Localized | None = None
    stages: Stages = Field(min_length=1)


class ParallelStage(StageBase):
    """并行: all paths are walked side by side; the case goes on when the last of them has ended (the join)."""

    kind: Literal["parallel"] = "parallel"
    paths: tuple[Path, ...] = Field(min_length=2)


Block = BranchStage | ParallelStage
Stage = Annotated[
    SubmitStage
    | ApproveStage
    | SignStage
    | AssessStage
    | PublishStage
    | WaitStage
    | SubProcessStage
    | FileStage
    | CompleteStage
    | BranchStage
    | ParallelStage,
    Field(discriminator="kind"),
]
Judging = ApproveStage | SignStage | AssessStage
Acted = SubmitStage | ApproveStage | SignStage | AssessStage
"""Stages with tasks for people."""
Timed = PublishStage | WaitStage | SubProcessStage
"""Stages in which a visit is open and nobody has a task: the clock looks whether they may go on."""
Final = FileStage | CompleteStage

STAGE_KINDS = (
    "submit", "approve", "sign", "assess", "publish", "wait", "process", "file", "complete", "branch", "parallel",
)  # fmt: skip


def spread_kind(value: Any) -> Any:
    """Turn `{submit: plan, …}` as packs write it into `{kind: submit, code: plan, …}` as it is stored."""
    if not isinstance(value, dict) or "kind" in value:
        return value
    kinds = [kind for kind in STAGE_KINDS if kind in value]
    if len(kinds) != 1:
        values = {"kinds": ", ".join(STAGE_KINDS), "found": ", ".join(kinds) or "–"}
        raise ValueError(Message("a stage begins with exactly one of {kinds}; found {found}", values))
    rest = {key: item for key, item in value.items() if key != kinds[0]}
    return {"kind": kinds[0], "code": value[kinds[0]], **rest}


Stages = tuple[Annotated[Stage, BeforeValidator(spread_kind)], ...]

for _model in (Way, Path, BranchStage, ParallelStage):
    _model.model_rebuild()


@dataclass(frozen=True)
class Place:
    """Where a stage stands.

    siblings, index: the list of stages that it stands in, and where. path: the (block, number of the arm) pairs from the
    outermost block inward. ordinal: its place in the order of reading.
    """

    stage: Stage
    siblings: tuple[Stage, ...]
    index: int
    path: tuple[tuple[Block, int], ...]
    ordinal: int


def arms(block: Block) -> tuple[tuple[Stage, ...], ...]:
    """Return the lists of stages inside a block."""
    match block:
        case BranchStage():
            return tuple(way.stages for way in block.ways)
        case ParallelStage():
            return tuple(path.stages for path in block.paths)


def walk(
    stages: tuple[Stage, ...], path: tuple[tuple[Block, int], ...] = ()
) -> Iterator[tuple[Stage, tuple[Stage, ...], int, tuple[tuple[Block, int], ...]]]:
    """Yield (stage, its list, its index there, path) of every stage, blocks before what is inside them."""
    for index, stage in enumerate(stages):
        yield stage, stages, index, path
        if isinstance(stage, BranchStage | ParallelStage):
            for number, inside in enumerate(arms(stage)):
                yield from walk(inside, (*path, (stage, number)))
