"""What a process is, as its YAML says it: stages, who acts, by when, who is told.

These are values. A case pins the digest of the resolved pack they came from, so a running case keeps its rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Literal

from pydantic import Field, model_validator

from services.i18n import Message
from services.process.signers import AllOf, AnyOf, Each, InSequence, Mode, Quorum, Signers, Votes, actors_of, mode_of
from services.process.stages import (
    STAGE_KINDS,
    Acted,
    ActedStage,
    ApproveStage,
    AssessStage,
    Block,
    BranchStage,
    CompleteStage,
    Condition,
    FileStage,
    Final,
    Judging,
    JudgingStage,
    ParallelStage,
    Path,
    Place,
    PublishStage,
    SignStage,
    Stage,
    StageBase,
    Stages,
    SubmitStage,
    SubProcessStage,
    Timed,
    WaitStage,
    WaitUntil,
    Way,
    arms,
    walk,
)
from services.process.tells import Tells
from services.process.terms import (
    ACTOR,
    CODE,
    Actor,
    ClockTime,
    Close,
    Code,
    Definition,
    Due,
    Extension,
    Length,
    Localized,
    Remind,
    Returned,
    Rung,
    Span,
)

__all__ = [
    "ACTOR", "CODE", "STAGE_KINDS", "Acted", "ActedStage", "Actor", "AllOf", "AnyOf", "ApproveStage", "AssessStage", "Block",
    "BranchStage", "ClockTime", "Close", "Code", "CompleteStage", "Condition", "Definition", "Due", "Each", "Extension",
    "FileStage", "Final", "InSequence", "Judging", "JudgingStage", "Length", "Localized", "Mode", "ParallelStage", "Path",
    "Place", "ProcessDefinition", "PublishStage", "Quorum", "Remind", "Returned", "Rung", "SeasonRule", "SignStage",
    "Signers", "Span", "Stage", "StageBase", "Stages", "SubProcessStage", "SubmitStage", "Tells", "Timed", "Votes",
    "WaitStage", "WaitUntil", "Way", "actors_of", "arms", "mode_of", "walk",
]  # fmt: skip


class SeasonRule(Definition):
    """When a season of the process opens and is due, relative to its project year."""

    every: Literal["year"]
    opens: str = Field(pattern=r"^(-1/)?\d\d-\d\d$")
    due: str = Field(pattern=r"^(-1/)?\d\d-\d\d$")


class ProcessDefinition(Definition):
    """One process: its subject, its seasons (none where it only runs inside of another process) and its stages in order."""

    process: Code
    title: Localized
    subject: Literal["project-group"]
    season: SeasonRule | None = None
    stages: Stages = Field(min_length=1)
    tells: Tells = Tells()

    @model_validator(mode="after")
    def _codes_are_unique(self) -> ProcessDefinition:
        codes = [entry[0].code for entry in walk(self.stages)]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise ValueError(Message("stage codes must differ; {twice} stands twice", {"twice": ", ".join(twice)}))
        return self

    @cached_property
    def places(self) -> dict[str, Place]:
        """Every stage's place by its code, in the order of reading, blocks before what is inside them."""
        return {entry[0].code: Place(*entry, ordinal) for ordinal, entry in enumerate(walk(self.stages))}

    @cached_property
    def all_stages(self) -> tuple[Stage, ...]:
        """Every stage in the order of reading, blocks and what is inside them."""
        return tuple(place.stage for place in self.places.values())

    @property
    def season_rule(self) -> SeasonRule:
        """When its seasons open and are due; of a process that has seasons."""
        if self.season is None:
            raise LookupError(f"the process {self.process} has no seasons of its own")
        return self.season

    def stage(self, code: str) -> Stage:
        """Return the stage named `code`; KeyError where there is none."""
        return self.places[code].stage

    def acted(self, code: str) -> Acted | None:
        """Return the stage named `code` if people act in it, else None."""
        place = self.places.get(code)
        return place.stage if place is not None and isinstance(place.stage, ActedStage) else None

    def index(self, code: str) -> int:
        """Return the place of stage `code` in the order of reading."""
        return self.places[code].ordinal

    def after(self, code: str) -> Stage | None:
        """Return the stage that follows `code` where it stands; after the last inside a block, what follows the block."""
        place = self.places[code]
        if place.index + 1 < len(place.siblings):
            return place.siblings[place.index + 1]
        return self.after(place.path[-1][0].code) if place.path else None

    def inside(self, block: str) -> frozenset[str]:
        """Return the codes of every stage inside a block."""
        return frozenset(
            code for code, place in self.places.items() if any(each.code == block for each, _ in place.path)
        )

    def earlier(self, code: str) -> tuple[str, ...]:
        """Return the stages before `code` in which people act, in order: where a case may be returned to.

        Not those in another arm of a block around it, which are walked beside it.
        """
        place = self.places[code]
        lists = [(place.siblings, place.index)]
        for block, _ in place.path:
            outer = self.places[block.code]
            lists.append((outer.siblings, outer.index))
        before = {entry[0].code for siblings, index in lists for entry in walk(siblings[:index])}
        return tuple(each for each in self.places if each in before and self.acted(each) is not None)

    def submit_stages(self) -> tuple[SubmitStage, ...]:
        """Return the stages in which something is submitted, in order."""
        return tuple(stage for stage in self.all_stages if isinstance(stage, SubmitStage))

    def actors(self) -> tuple[str, ...]:
        """Every actor that the definition names anywhere, each once, in order."""
        return tuple(dict.fromkeys(actor for stage in self.all_stages for actor in _named(stage)))


def _named(stage: Stage) -> Iterator[str]:
    yield from stage.notify
    if isinstance(stage, ActedStage):
        yield from stage.actors
        if stage.extension is not None:
            yield stage.extension.by
    if isinstance(stage, SubmitStage) and stage.close is not None and stage.close.exceptions is not None:
        yield stage.close.exceptions
    if isinstance(stage, PublishStage):
        yield stage.objections_to
    if isinstance(stage, ActedStage):
        yield from (actor for rung in stage.overdue for actor in rung.tell)
