"""What a process says wrongly as a whole: its season, where it begins and ends, and the processes that it leads to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from services.i18n import Message
from services.process.definitions import (
    ActedStage,
    ApproveStage,
    AssessStage,
    BranchStage,
    Final,
    ParallelStage,
    ProcessDefinition,
    PublishStage,
    SignStage,
    Stage,
    SubProcessStage,
    WaitStage,
    arms,
)
from services.process.mistakes import Loc, Mistake, Names, unknown
from services.process.stage_checks import REJECT, Spot, day_of, no_day, stage_mistakes
from services.process.walking import arm_locs, ends, ends_at, located, surely_before


class _Link(NamedTuple):
    """That the cases of one process wait for another."""

    process: str
    loc: Loc
    to: str
    runs: bool


def process_mistakes(names: Names) -> Iterator[Mistake]:
    """Yield every mistake of the pack's processes."""
    for index, process in enumerate(names.pack.processes):
        root: Loc = ("processes", index)
        yield from _season_mistakes(process, root)
        yield from _beginning_mistakes(process, root)
        yield from _ending_mistakes(process, root)
        before = surely_before(process)
        for stage, loc in located(process, root):
            yield from stage_mistakes(Spot(names, process, stage, loc, before[stage.code]))
    yield from _link_mistakes(names)


def _season_mistakes(process: ProcessDefinition, root: Loc) -> Iterator[Mistake]:
    if process.season is None:
        return
    days: dict[str, date] = {}
    for key, text in (("opens", process.season.opens), ("due", process.season.due)):
        day = day_of(text)
        if day is None:
            yield Mistake((*root, "season", key), no_day(text))
        else:
            days[key] = day
    if len(days) == 2 and days["opens"] >= days["due"]:  # noqa: PLR2004 - both parsed
        words = Message(
            'the season opens on or after the day it is due; write for example "-1/{text}" for the year before',
            {"text": process.season.opens},
        )
        yield Mistake((*root, "season", "opens"), words)


# --- beginning and end ------------------------------------------------------------------------------------------------


def _beginning_mistakes(process: ProcessDefinition, root: Loc) -> Iterator[Mistake]:
    """Whoever judges or posts needs something that was submitted; an assessment may stand for itself."""
    if not any(isinstance(stage, ActedStage | SubProcessStage) for stage in process.all_stages):
        words = Message("nobody acts in this process; begin it with a submit stage")
        yield Mistake((*root, "stages"), words, of_order=True)
        return
    before, only_assesses = surely_before(process), not process.submit_stages()
    for stage, loc in located(process, root):
        needs = isinstance(stage, ApproveStage | SignStage | PublishStage) or (
            isinstance(stage, AssessStage) and not only_assesses
        )
        if needs and not before[stage.code]:
            words = Message(
                "nothing is submitted yet that {stage} could act on; what comes before it must be a submit stage,"
                " on every way that leads here",
                {"stage": stage.code},
            )
            yield Mistake(loc, words, of_order=True)
        if stage.code == REJECT:
            words = Message("“reject” means that a case is rejected; give the stage another code")
            yield Mistake((*loc, stage.kind), words)


def _ending_mistakes(process: ProcessDefinition, root: Loc) -> Iterator[Mistake]:
    yield from _list_mistakes(process.stages, (*root, "stages"), None)
    for loc, after in _open_ends(process.stages, root, process.process):
        words = Message("the process ends nowhere: after {stage} write a file or complete stage", {"stage": after})
        yield Mistake(loc, words, of_order=True)


def _list_mistakes(stages: tuple[Stage, ...], at: Loc, parallel: str | None) -> Iterator[Mistake]:
    """Yield what can never be reached, and ends inside of paths. parallel: the innermost block of paths around."""
    end = next((number for number, stage in enumerate(stages) if ends_at(stage)), None)
    for number, stage in enumerate(stages):
        loc = (*at, number)
        if end is not None and number == end + 1:
            values = {"stage": stage.code, "end": stages[end].code}
            words = Message("{stage} can never be reached: the process ends with {end} before it", values)
            yield Mistake(loc, words, of_order=True)
        if isinstance(stage, Final) and parallel is not None:
            values = {"stage": stage.code, "block": parallel}
            words = Message(
                "{stage} would end the case while others walk the paths of {block}; write it after {block}", values
            )
            yield Mistake(loc, words)
        if isinstance(stage, BranchStage | ParallelStage):
            around = stage.code if isinstance(stage, ParallelStage) else parallel
            for inside, arm in zip(arms(stage), arm_locs(stage, loc), strict=True):
                yield from _list_mistakes(inside, (*arm, "stages"), around)


def _open_ends(stages: tuple[Stage, ...], holder: Loc, after: str) -> Iterator[tuple[Loc, str]]:
    """Yield where the process must go on but does not: the place and the stage after which."""
    if ends(stages):
        return
    if not stages:
        yield holder, after
        return
    last, loc = stages[-1], (*holder, "stages", len(stages) - 1)
    if not isinstance(last, BranchStage):
        yield loc, last.code
        return
    for inside, arm in zip(arms(last), arm_locs(last, loc), strict=True):
        yield from _open_ends(inside, arm, last.code)


# --- between processes ------------------------------------------------------------------------------------------------


def _link_mistakes(names: Names) -> Iterator[Mistake]:
    processes = {process.process: process for process in names.pack.processes}
    links = [link for index, process in enumerate(names.pack.processes) for link in _links(process, index)]
    following: dict[str, set[str]] = {}
    for link in links:
        following.setdefault(link.process, set()).add(link.to)
    for link in links:
        if link.to not in processes:
            known = [code for code in processes if code != link.process]
            yield unknown(link.loc, Message("other process"), link.to, known)
            continue
        circle = _way_back(following, link.to, link.process)
        if circle is not None:
            values = {"circle": " → ".join((link.process, *circle))}
            words = Message("a case would wait for itself: {circle}; name a process that does not lead back", values)
            yield Mistake(link.loc, words)
        elif link.runs and processes[link.to].season is not None:
            words = Message(
                "{process} opens by its own season; a process that runs inside of others has no season",
                {"process": link.to},
            )
            yield Mistake(link.loc, words, of_order=True)
    run = {link.to for link in links if link.runs}
    yield from _never_run(names, run)


def _links(process: ProcessDefinition, index: int) -> Iterator[_Link]:
    for stage, loc in located(process, ("processes", index)):
        if isinstance(stage, WaitStage) and stage.until.case is not None:
            yield _Link(process.process, (*loc, "until", "case"), stage.until.case, runs=False)
        elif isinstance(stage, SubProcessStage):
            yield _Link(process.process, (*loc, "runs"), stage.runs, runs=True)


def _way_back(following: dict[str, set[str]], start: str, goal: str) -> tuple[str, ...] | None:
    """Return the shortest way from `start` to `goal`, both named; None where there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    for way in ways:
        if way[-1] == goal:
            return way
        ahead = sorted(following.get(way[-1], set()) - seen)
        seen.update(ahead)
        ways += [(*way, each) for each in ahead]
    return None


def _never_run(names: Names, run: set[str]) -> Iterator[Mistake]:
    for index, process in enumerate(names.pack.processes):
        if process.season is None and process.process not in run:
            words = Message(
                "{process} would never begin: give it a season, or let a process stage of another run it",
                {"process": process.process},
            )
            yield Mistake(("processes", index, "process"), words, of_order=True)
