"""The conditions of a process as expressions in Python, which is the language that the exported BPMN names for them.

What they look at stands in variables of the process: `submitted` has the data of each stage's last submission ("" that of
the last of all), `dates` the days that a stage may wait for, `cases` how the subject's cases of other processes ended, and each
judged stage has `…_outcome`, votes also `…_for` and `…_against`, and where every member signs `…_members`.
"""

from __future__ import annotations

import json

from services.process.definitions import (
    AnyOf,
    BranchStage,
    Condition,
    Each,
    Judging,
    JudgingStage,
    PublishStage,
    Quorum,
    Span,
    Stage,
    Votes,
    WaitUntil,
)
from services.process.stage_words import DECLINED, FAILED, REJECTED, RETURNED, UPHELD, Exit

FORWARD = "forward"
OUTCOMES = {REJECTED: "reject", DECLINED: "decline", FAILED: "failed", UPHELD: "upheld"}
WORKDAYS, WEEK = 5, 7


def variable(stage: Stage, what: str) -> str:
    """Return the name of a stage's variable: a code in Python's spelling."""
    return f"{stage.code.replace('-', '_')}_{what}"


def text(value: object) -> str:
    """Return a value as a literal that Python reads."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def way_condition(branch: BranchStage, number: int) -> str | None:
    """Return when a way is taken: its condition holds and none before it. None for the last, which is taken otherwise."""
    conditions = [condition_expression(way.when) for way in branch.ways[: number + 1] if way.when is not None]
    if branch.ways[number].when is None:
        return None
    *earlier, mine = conditions
    return " and ".join([*(f"not ({each})" for each in earlier), f"({mine})"]) if earlier else mine


def condition_expression(condition: Condition) -> str:
    """Return one condition."""
    value = f"submitted.get({text(condition.stage or '')}, {{}})"
    *outer, last = condition.field.split(".")
    value += "".join(f".get({text(name)}, {{}})" for name in outer) + f".get({text(last)})"
    number = f'float("nan" if {value} in (None, "") else {value})'
    tests = []
    if condition.equals is not None:
        tests.append(f"({value} == {text(condition.equals)} or str({value}) == {text(str(condition.equals))})")
    if condition.one_of is not None:
        tests.append(f"str({value}) in [{', '.join(map(text, condition.one_of))}]")
    if condition.at_least is not None:
        tests.append(f"{number} >= {condition.at_least:g}")
    if condition.at_most is not None:
        tests.append(f"{number} <= {condition.at_most:g}")
    if condition.filled is not None:
        tests.append(f'{value} {"not in" if condition.filled else "in"} (None, "", [], {{}})')
    return " and ".join(tests)


def exit_condition(stage: Stage, way: Exit) -> str:
    """Return when a stage is left otherwise than on."""
    outcome = variable(stage, "outcome")
    if way.outcome == RETURNED:
        return f"{outcome} == {text(f'return to {way.to}')}"
    if way.outcome == FAILED and isinstance(stage, JudgingStage):
        return f"{outcome} == {text(FORWARD)} and {_lost(stage)}"
    return f"{outcome} == {text(OUTCOMES[way.outcome])}"


def outcomes(stage: Stage, ways: list[Exit]) -> list[str]:
    """Return the values that the stage's outcome may have."""
    told = [f"return to {way.to}" if way.outcome == RETURNED else OUTCOMES[way.outcome] for way in ways]
    counted = isinstance(stage, JudgingStage) and stage.votes
    return [FORWARD, *(each for each in told if not (counted and each == OUTCOMES[FAILED]))]


def cardinality(stage: Judging) -> str:
    """Return how many sign."""
    return variable(stage, "members") if isinstance(stage.by, Each) else str(len(stage.actors))


def completion(stage: Judging) -> str:
    """Return when it needs no further opinion."""
    if isinstance(stage.by, AnyOf):
        return "True"
    other = f"{variable(stage, 'outcome')} != {text(FORWARD)}"
    if not stage.votes:
        return other
    return f"{other} or {variable(stage, 'for')} >= {_needed(stage)} or {_lost(stage)}"


def _needed(stage: Judging) -> int:
    match stage.by:
        case Quorum():
            return stage.by.quorum
        case Votes():
            return stage.by.needed
        case Each(needed=int(needed)):
            return needed
        case _:
            return 1


def _lost(stage: Judging) -> str:
    """Return when too few are left who could agree."""
    total = sum(stage.by.votes.values()) if isinstance(stage.by, Votes) else len(stage.actors)
    against = variable(stage, "against")
    if isinstance(stage.by, Each):
        return f"{against} > {variable(stage, 'members')} - {_needed(stage)}"
    return f"{against} > {total - _needed(stage)}"


def duration(span: Span) -> str:
    """Return a length as ISO 8601; workdays as the calendar days that they take in weeks without holidays."""
    days = span.n if span.unit == "d" else -(-span.n * WEEK // WORKDAYS)
    return text(f"P{days}D")


def waits_for(stage: PublishStage | WaitUntil) -> tuple[str, str]:
    """Return what a stage in which nobody acts waits for: which element of BPMN says it, and its expression."""
    if isinstance(stage, PublishStage):
        return "timeDuration", duration(stage.period)
    if stage.after is not None:
        return "timeDuration", duration(stage.after)
    if stage.date is not None:
        return "timeDate", f"dates[{text(stage.date)}]"
    return "condition", f'cases.get({text(stage.case)}) in ("filed", "completed")'
