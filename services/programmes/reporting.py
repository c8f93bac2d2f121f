"""What a load does or did, in words for a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from services.i18n import N_, Message, translate
from services.process.pack_overlay import Conflict
from services.programmes.differing import Teller, difference_lines, tell_differences
from services.programmes.load import LoadReport
from services.programmes.planning import LoadPlan
from services.programmes.standing import Standing, stage_title


def report_lines(report: LoadReport, *, locale: str) -> Iterator[str]:
    """Yield what a load did: rows, differences to the version before, and which running cases stay under which version."""
    values = {"programme": report.programme, "digest": report.digest[:12], "n": len(report.changes)}
    if not report.changes and not report.new_version:
        yield Message("{programme}: version {digest} was loaded already; nothing changed", values).in_(locale)
    else:
        yield Message("{programme}: version {digest} is loaded; {n} rows added or changed", values).in_(locale)
        signs = {"added": "+", "changed": "~"}
        yield from (f"  {signs[change.kind]} {change.what} {change.code}" for change in report.changes)
    yield from plan_lines(report.plan, locale=locale)


def plan_lines(plan: LoadPlan, *, locale: str) -> Iterator[str]:
    """Yield what a load changes: differences, conflicts with the bureau's own values, running cases."""
    if plan.differences:
        values = {"digest": plan.before.digest()[:12] if plan.before else "", "n": len(plan.differences)}
        yield from ("", Message("Differences to the version in force until now, {digest}: {n}", values).in_(locale))
        yield from difference_lines(tell_differences(*plan.documents, plan.differences), locale=locale)
    if plan.reapplied.kept or plan.reapplied.settled or plan.conflicts:
        yield from ("", *(each.in_(locale) for each in overlay_sentences(plan)))
    if plan.standing:
        yield from ("", translate(locale, "Running cases stay under their version:"))
        yield from (f"  {_standing(plan, each).in_(locale)}" for each in plan.standing)
    if plan.lost:
        yield from ("", *(each.in_(locale) for each in lost_sentences(plan)))


def overlay_sentences(plan: LoadPlan) -> Iterator[Message]:
    """Yield what becomes of the values that the bureau has set for itself."""
    teller = Teller(*reversed(plan.documents))
    for change in plan.reapplied.kept:
        values = {"place": change.place, "value": teller.said(change.value, change.place)}
        yield Message("The bureau's own value stays: {place}: {value}", values)
    for change in plan.reapplied.settled:
        yield Message("The pack says the same as the bureau now: {place}", {"place": change.place})
    yield from (conflict_sentence(teller, each) for each in plan.conflicts)


def conflict_sentence(teller: Teller, conflict: Conflict) -> Message:
    """Return what conflicts, with what would happen either way."""
    place, change = conflict.change.place, conflict.change
    told = {"base": change.base, "ours": change.value, "theirs": conflict.theirs}
    values = {"place": place, **{name: teller.said(value, place) for name, value in told.items()}}
    sentence = {
        "changed": N_("CONFLICT {place}: the pack says {theirs} instead of {base}; the bureau has set {ours}"),
        "gone": N_("CONFLICT {place}: the pack has no such place any more; the bureau's {ours} cannot be kept"),
        "mistake": N_("CONFLICT {place}: the bureau's {ours} cannot be kept: {message}"),
    }[conflict.why]
    return Message(sentence, {**values, "message": conflict.message})


def lost_sentences(plan: LoadPlan) -> Iterator[Message]:
    """Yield, loudly, each stage that running cases stand in and that the new version lacks."""
    for each in plan.lost:
        values = {"n": each.cases, "stage": stage_title(plan.documents[0], each)}
        yield Message(
            "ATTENTION: {n} running cases stand in {stage}, which this version lacks. They stay under their version.",
            values,
        )


def _standing(plan: LoadPlan, each: Standing) -> Message:
    values = {"n": each.cases, "stage": stage_title(plan.documents[0], each), "digest": each.digest[:12]}
    return Message("{n} in {stage} under version {digest}", values)


def report_json(report: LoadReport) -> dict[str, Any]:
    """Return what a load did as JSON values."""
    return {
        **plan_json(report.plan),
        "programme": report.programme,
        "version_id": report.version_id,
        "digest": report.digest,
        "new_version": report.new_version,
        "changes": [vars(change) for change in report.changes],
    }


def plan_json(plan: LoadPlan) -> dict[str, Any]:
    """Return what a load changes as JSON values; sentences in both languages."""
    sections = tell_differences(*plan.documents, plan.differences)
    teller = Teller(*reversed(plan.documents))
    return {
        "before": plan.before.digest() if plan.before else None,
        "digest": plan.pack.digest(),
        "pack": plan.base.digest(),
        "differences": [line.as_dict() for section in sections for line in section.lines],
        "overlay": {
            "kept": [each.as_dict() for each in plan.reapplied.kept],
            "settled": [each.as_dict() for each in plan.reapplied.settled],
            "conflicts": [conflict_json(teller, each) for each in plan.conflicts],
            "undecided": [each.change.place for each in plan.reapplied.open],
        },
        "running": [standing_json(each) for each in plan.standing],
        "lost": [standing_json(each) for each in plan.lost],
    }


def conflict_json(teller: Teller, conflict: Conflict) -> dict[str, Any]:
    """Return a conflict as JSON values."""
    sentence = conflict_sentence(teller, conflict)
    words = {each: sentence.in_(each) for each in ("en", "zh")}
    facts = {"why": conflict.why, "theirs": conflict.theirs, "may_keep": conflict.may_keep, "words": words}
    return {**conflict.change.as_dict(), **facts}


def standing_json(each: Standing) -> dict[str, Any]:
    """Return where running cases stand as JSON values."""
    return {"version": each.digest, "process": each.process, "stage": each.stage, "cases": each.cases}
