"""What a single stage says wrongly: who acts in it, what it fills in, where it leads, by when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from services.i18n import N_, Message
from services.process.actor_checks import actor_mistakes
from services.process.branch_checks import branch_mistakes
from services.process.definitions import (
    ActedStage,
    ApproveStage,
    AssessStage,
    BranchStage,
    FileStage,
    JudgingStage,
    ProcessDefinition,
    PublishStage,
    SignStage,
    Span,
    Stage,
    SubmitStage,
    SubProcessStage,
    WaitStage,
)
from services.process.mistakes import Loc, Mistake, Names, unknown
from services.process.numbers import PLACES, places_of

REJECT = "reject"
"""Where a stage says what comes next, this word means that the case is rejected; so no stage has it as its code."""


@dataclass(frozen=True)
class Spot:
    """A stage where it stands. before: the stages with a form that every case has been through before it."""

    names: Names
    process: ProcessDefinition
    stage: Stage
    loc: Loc
    before: frozenset[str]


def stage_mistakes(spot: Spot) -> Iterator[Mistake]:
    """Yield every mistake of one stage, whatever its kind."""
    stage, loc = spot.stage, spot.loc
    submitters = {each.by: each.code for each in spot.process.submit_stages() if each.code in spot.before}
    yield from actor_mistakes(spot.names, stage, loc, submitters=submitters)
    yield from _target_mistakes(spot)
    yield from _length_mistakes(stage, loc)
    if isinstance(stage, ActedStage):
        yield from _ladder_mistakes(stage, loc)
    if isinstance(stage, JudgingStage):
        yield from _way_out_mistakes(spot, stage)
    match stage:
        case SubmitStage():
            yield from _submit_mistakes(spot, stage)
        case AssessStage():
            yield from _form_mistakes(spot.names, stage.form, loc)
        case WaitStage():
            yield from _wait_mistakes(spot, stage)
        case BranchStage():
            yield from branch_mistakes(spot.names, spot.process, stage, loc)
        case FileStage():
            yield from _number_mistakes(spot, stage)


def _form_mistakes(names: Names, form: str, loc: Loc) -> Iterator[Mistake]:
    if form not in names.forms:
        yield unknown((*loc, "form"), Message("form"), form, names.forms)


def _submit_mistakes(spot: Spot, stage: SubmitStage) -> Iterator[Mistake]:
    yield from _form_mistakes(spot.names, stage.form, spot.loc)
    roles = spot.names.group_positions
    for number, role in enumerate(stage.requires):
        if role not in roles:
            yield unknown((*spot.loc, "requires", number), Message("position of a project group"), role, roles)
    if stage.due.at is not None and spot.process.season is None:
        words = Message(
            'this process has no season, so nothing is due with it; write for example within: "5wd" in place of at'
        )
        yield Mistake((*spot.loc, "due", "at"), words, of_order=True)


def _ladder_mistakes(stage: ActedStage, loc: Loc) -> Iterator[Mistake]:
    if isinstance(stage, SubmitStage) and stage.close is not None:
        return
    words = (
        Message("this stage has no close; write until: done, or give the stage a close")
        if isinstance(stage, SubmitStage)
        else Message("only a submit stage has a close; write until: done")
    )
    for number, rung in enumerate(stage.overdue):
        if rung.until == "close":
            yield Mistake((*loc, "overdue", number, "until"), words, of_order=isinstance(stage, SubmitStage))


# --- where a stage leads ----------------------------------------------------------------------------------------------


def _targets(stage: Stage) -> Iterator[tuple[Loc, str]]:
    """Yield every code that names where the case goes back to, with its place in the stage."""
    if isinstance(stage, JudgingStage):
        yield from ((("return_to", number), code) for number, code in enumerate(stage.return_to))
        if stage.fails is not None:
            yield ("fails",), stage.fails
    match stage:
        case SignStage():
            yield ("declined",), stage.declined
        case PublishStage():
            yield ("upheld",), stage.upheld
        case SubProcessStage():
            yield ("failed",), stage.failed


def _target_mistakes(spot: Spot) -> Iterator[Mistake]:
    earlier = spot.process.earlier(spot.stage.code)
    for loc, code in _targets(spot.stage):
        known = earlier if loc[0] == "return_to" else (*earlier, REJECT)
        if code not in known:
            yield unknown((*spot.loc, *loc), Message("earlier stage"), code, known)


def _way_out_mistakes(spot: Spot, stage: JudgingStage) -> Iterator[Mistake]:
    """Never approval by silence, and never a case that can only be approved."""
    earlier = ", ".join(spot.process.earlier(stage.code)) or "–"
    may_oppose = isinstance(stage, ApproveStage) and stage.votes
    if may_oppose and stage.fails is None:
        words = Message(
            "say where the case goes when too few approve: fails: with one of {earlier}, or fails: reject",
            {"earlier": earlier},
        )
        yield Mistake((*spot.loc, spot.stage.kind), words)
    elif isinstance(stage, ApproveStage) and not (may_oppose or stage.return_to or stage.may_reject):
        words = Message(
            "a dead end: what is not good enough could go nowhere; write return_to with some of {earlier},"
            " or may_reject: true",
            {"earlier": earlier},
        )
        yield Mistake((*spot.loc, spot.stage.kind), words, of_order=True)
    if stage.fails is not None and not may_oppose:
        words = (
            Message(
                "one return decides here, so a count cannot fail; fails belongs to quorum, votes, or each with needed"
            )
            if isinstance(stage, ApproveStage)
            else Message("nobody votes against in this stage, so it cannot fail; take fails away")
        )
        yield Mistake((*spot.loc, "fails"), words)


# --- how long ---------------------------------------------------------------------------------------------------------


def _length_mistakes(stage: Stage, loc: Loc) -> Iterator[Mistake]:
    for key, span in _lengths(stage):
        if span.n == 0:
            words = Message("{span} is no time at all; write at least one day, for example 1wd", {"span": str(span)})
            yield Mistake((*loc, *key), words)


def _lengths(stage: Stage) -> Iterator[tuple[Loc, Span]]:
    """Yield what must last a day at the least."""
    if isinstance(stage, ActedStage) and stage.extension is not None:
        yield ("extension", "at_most"), stage.extension.at_most
    if isinstance(stage, PublishStage):
        yield ("period",), stage.period
    if isinstance(stage, WaitStage) and stage.until.after is not None:
        yield ("until", "after"), stage.until.after


def _wait_mistakes(spot: Spot, stage: WaitStage) -> Iterator[Mistake]:
    text, where = stage.until.date, (*spot.loc, "until", "date")
    if text is None:
        return
    if spot.process.season is None:
        words = Message(
            "this process has no season, so {text} is in no year; write after: or case: instead", {"text": text}
        )
        yield Mistake(where, words, of_order=True)
    elif not text.startswith("season.") and day_of(text) is None:
        yield Mistake(where, no_day(text))


def day_of(text: str) -> date | None:
    """Return a season's day in the year 2027, for comparison; None where it is not in every year."""
    year, rest = (2026, text[3:]) if text.startswith("-1/") else (2027, text)
    try:
        return date.fromisoformat(f"{year}-{rest}")
    except ValueError:
        return None


def no_day(text: str) -> Message:
    """Return what is said of a day that is not in every year."""
    return Message("there is no day “{text}” in every year; write month and day, for example 01-31", {"text": text})


# --- the number -------------------------------------------------------------------------------------------------------


def _number_mistakes(spot: Spot, stage: FileStage) -> Iterator[Mistake]:
    where: Loc = (*spot.loc, "number")
    if spot.process.season is None:
        words = N_("this process has no season whose numbers it could take; write complete: {stage} without a number")
        yield Mistake((*spot.loc, "file"), Message(words, {"stage": stage.code}), of_order=True)
    example = '"QJ-{season}-{serial:03d}"'
    names = places_of(stage.number)
    if names is None:
        values = {"number": stage.number, "places": ", ".join(PLACES), "example": example}
        words = N_("“{number}” cannot be filled in; its places may be {places}, for example {example}")
        yield Mistake(where, Message(words, values))
    elif "serial" not in names:
        words = N_("the number has no place for the serial, so two filings would share it; write for example {example}")
        yield Mistake(where, Message(words, {"example": example}))
    elif "season" not in names:
        words = N_("the number has no place for the season, so two seasons would share it; write for example {example}")
        yield Mistake(where, Message(words, {"example": example}))
