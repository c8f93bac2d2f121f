"""The words of a process for people: its kinds of stages, how far a case is, and where a stage may send it back to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from services.i18n import N_, translate
from services.process.definitions import (
    BranchStage,
    JudgingStage,
    ProcessDefinition,
    PublishStage,
    SignStage,
    Stage,
    SubProcessStage,
)
from services.process.position import Mark

KINDS: Mapping[str, str] = {
    "submit": N_("Submission"),
    "approve": N_("Approval"),
    "sign": N_("Signing"),
    "assess": N_("Assessment"),
    "publish": N_("Public posting"),
    "wait": N_("Wait"),
    "process": N_("Another process"),
    "file": N_("Filing"),
    "complete": N_("Completion"),
    "branch": N_("Branch"),
    "parallel": N_("Side by side"),
}
"""The word of each kind of stage."""

MARKS: Mapping[Mark, tuple[str, str]] = {
    "done": ("✓", N_("done")),
    "open": ("●", N_("now")),
    "returned": ("↩", N_("returned, now")),
    "ahead": ("○", N_("ahead")),
    "skipped": ("–", N_("not taken")),
}
"""The sign and the word of each mark."""

RETURNED, DECLINED, FAILED, UPHELD, REJECTED = (
    N_("sent back"),
    N_("declined"),
    N_("failed"),
    N_("objection upheld"),
    N_("rejected"),
)


class Exit(NamedTuple):
    """Another way out of a stage than on. to: an earlier stage, or None where the case is rejected. outcome: its gettext id."""

    outcome: str
    to: str | None


def exits(stage: Stage) -> Iterator[Exit]:
    """Yield every way out of a stage but the one that leads on."""
    match stage:
        case JudgingStage():
            yield from (Exit(RETURNED, code) for code in stage.return_to)
            if stage.may_reject:
                yield Exit(REJECTED, None)
            if stage.votes:
                yield _exit(FAILED, stage.fails or "reject")
            if isinstance(stage, SignStage):
                yield _exit(DECLINED, stage.declined)
        case PublishStage():
            yield _exit(UPHELD, stage.upheld)
        case SubProcessStage():
            yield _exit(FAILED, stage.failed)


def _exit(outcome: str, to: str) -> Exit:
    return Exit(outcome, None if to == "reject" else to)


def stage_title(stage: Stage, locale: str) -> str:
    """Return what people call a stage: its title, or else the word of its kind."""
    return stage.title.in_(locale) if stage.title is not None else translate(locale, KINDS[stage.kind])


def arm_titles(definition: ProcessDefinition, code: str, locale: str) -> list[str]:
    """Return what the ways of a branch, or the paths of a parallel block, are called; "" where they have no title."""
    block = definition.stage(code)
    if isinstance(block, BranchStage):
        otherwise = translate(locale, N_("otherwise"))
        return [way.title.in_(locale) if way.title else ("" if way.when else otherwise) for way in block.ways]
    return [path.title.in_(locale) if path.title else "" for path in getattr(block, "paths", ())]
