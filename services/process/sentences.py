"""A stage in sentences: who acts, by when, what follows, where it may go instead, and who is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from services.i18n import N_, Localizable, Message
from services.process.definitions import (
    ActedStage,
    AssessStage,
    BranchStage,
    CompleteStage,
    Each,
    FileStage,
    Judging,
    JudgingStage,
    ParallelStage,
    ProcessDefinition,
    PublishStage,
    Quorum,
    Rung,
    SignStage,
    Stage,
    SubmitStage,
    SubProcessStage,
    Votes,
    WaitStage,
)
from services.process.naming import Listed, Words, actor_title, actor_titles, length, stage_name, stage_names
from services.process.packs import Pack
from services.process.stage_words import KINDS

HAND_TO: Mapping[str, str] = {
    "nobody": N_("The task may be handed to nobody else"),
    "position": N_("The task may be handed to whoever else holds the position"),
    "bureau": N_("The task may be handed to anybody of the bureau"),
}
MODES: Mapping[str, str] = {
    "one": N_("{act} by {who}, within {within}"),
    "any_of": N_("{act} by the first of {who} to act, within {within}"),
    "all_of": N_("{act} by each of {who}, within {within}"),
    "in_sequence": N_("{act} by {who}, one after the other in this order, within {within}"),
    "quorum": N_("{act} by at least {n} of the {total}: {who}, within {within}"),
    "votes": N_("{act} by vote of {who}, within {within}; passed with {n} of {total} votes"),
    "each": N_("{act} by everyone who holds the position {who} when the stage opens, within {within}"),
    "needed": N_(
        "{act} by everyone who holds the position {who} when the stage opens, within {within}; passed once {n} agree"
    ),
}
ALONE: Mapping[type, str] = {
    CompleteStage: N_("The case ends well, without a number"),
    BranchStage: N_("The first way whose condition holds is taken"),
    ParallelStage: N_("All paths are walked side by side; the case goes on when the last of them has ended"),
}


def stage_sentences(pack: Pack, process: ProcessDefinition, stage: Stage) -> Iterator[Message]:
    """Yield what a reader wants to know of one stage, in order."""
    match stage:
        case SubmitStage():
            yield from _submit(pack, stage)
        case JudgingStage():
            yield from _judging(pack, process, stage)
        case PublishStage():
            yield from _publish(pack, process, stage)
        case WaitStage():
            yield _wait(pack, stage)
        case SubProcessStage():
            yield from _sub_process(pack, process, stage)
        case FileStage():
            yield Message("Recorded under a number like {number}; the case ends", {"number": stage.number})
        case _:
            yield Message(ALONE[type(stage)])
    if isinstance(stage, ActedStage):
        yield from _time(pack, stage)
    if stage.notify:
        yield Message("Told when it is reached: {who}", {"who": actor_titles(pack, stage.notify)})
    yield from _next(process, stage)


def _next(process: ProcessDefinition, stage: Stage) -> Iterator[Message]:
    """What follows: from the last stage of a path it is what follows the block, once the others have ended."""
    if isinstance(stage, FileStage | CompleteStage | BranchStage | ParallelStage):
        return
    following, place = process.after(stage.code), process.places[stage.code]
    if following is None:
        return
    values = {"stage": stage_name(following)}
    around = [block for block, _ in place.path if following.code not in process.inside(block.code)]
    if any(isinstance(block, ParallelStage) for block in around):
        yield Message("Then, when the paths beside it have ended: {stage}", values)
    else:
        yield Message("Then: {stage}", values)


def _submit(pack: Pack, stage: SubmitStage) -> Iterator[Message]:
    yield Message("{who} submits “{form}”", {"who": actor_title(pack, stage.by), "form": pack.form(stage.form).title})
    if stage.requires:
        who = actor_titles(pack, stage.requires)
        yield Message("Only once these positions are filled: {who}", {"who": who})
    if stage.due.within is not None:
        yield Message("Due {within} after the stage was reached", {"within": length(stage.due.within)})
    else:
        yield Message("Due on the season's due date")
    if stage.due.returned is not None:
        yield Message("Sent back to be corrected: at least {within}", {"within": length(stage.due.returned.at_least)})
    if stage.close is not None:
        yield Message("Closes {after} after the due date", {"after": length(stage.close.after)})
        if stage.close.exceptions is not None:
            yield Message("{who} may grant a late exception", {"who": actor_title(pack, stage.close.exceptions)})


def _judging(pack: Pack, process: ProcessDefinition, stage: Judging) -> Iterator[Message]:
    yield _who(pack, stage)
    if isinstance(stage, AssessStage):
        yield Message("The assessment is “{form}”", {"form": pack.form(stage.form).title})
    if stage.return_to:
        yield Message("Can be sent back to: {stages}", {"stages": stage_names(process, stage.return_to)})
        yield (
            Message("Corrected, it goes straight back to whoever sent it back")
            if stage.after_correction == "straight-back"
            else Message("Corrected, it goes through every stage again")
        )
    if stage.may_reject:
        yield Message("Can be rejected: the case ends")
    if stage.votes:
        yield _bad_end(process, stage.fails or "reject", N_("Failed, once too few are left who could agree"))
    if isinstance(stage, SignStage):
        yield _bad_end(process, stage.declined, N_("Whoever does not sign says why"))


def _who(pack: Pack, stage: Judging) -> Message:
    values: dict[str, object] = {
        "who": actor_titles(pack, stage.actors), "act": Words(KINDS[stage.kind]), "within": length(stage.within),
    }  # fmt: skip
    mode: str = stage.mode
    match stage.by:
        case Quorum():
            values |= {"n": stage.by.quorum, "total": len(stage.by.of)}
        case Votes():
            values |= {"n": stage.by.needed, "total": sum(stage.by.votes.values()), "who": _weighted(pack, stage.by)}
        case Each(needed=int()):
            mode, values = "needed", values | {"n": stage.by.needed}
    return Message(MODES[mode], values)


def _weighted(pack: Pack, votes: Votes) -> Listed:
    return Listed(
        Message("{who} (weight {n})", {"who": actor_title(pack, actor), "n": weight})
        for actor, weight in votes.votes.items()
    )


def _bad_end(process: ProcessDefinition, to: str, when: str) -> Message:
    values: dict[str, Localizable] = {"when": Words(when)}
    if to == "reject":
        return Message("{when}: the case is rejected", values)
    return Message("{when}: back to {stage}", {**values, "stage": stage_name(process.stage(to))})


def _publish(pack: Pack, process: ProcessDefinition, stage: PublishStage) -> Iterator[Message]:
    values = {"period": length(stage.period), "who": actor_title(pack, stage.objections_to)}
    yield Message("Posted for {period}; {who} settles objections", values)
    yield Message("It goes on when the period has ended and no objection is open")
    yield _bad_end(process, stage.upheld, N_("An objection is upheld"))


def _wait(pack: Pack, stage: WaitStage) -> Message:
    until = stage.until
    if until.after is not None:
        return Message("Nobody acts: it goes on {after} after it was reached", {"after": length(until.after)})
    if until.case is not None:
        return Message(
            "Nobody acts: it goes on when “{process}” has ended well", {"process": _process(pack, until.case)}
        )
    if until.date == "season.opens":
        return Message("Nobody acts: it goes on when the season opens")
    if until.date == "season.due":
        return Message("Nobody acts: it goes on at the season's due date")
    before, _, day = (until.date or "").rpartition("/")
    if before:
        return Message("Nobody acts: it goes on on {date} of the year before the season", {"date": day})
    return Message("Nobody acts: it goes on on {date} of the season's year", {"date": day})


def _sub_process(pack: Pack, process: ProcessDefinition, stage: SubProcessStage) -> Iterator[Message]:
    yield Message(
        "Goes through “{process}”, and goes on when that has ended well", {"process": _process(pack, stage.runs)}
    )
    yield _bad_end(process, stage.failed, N_("That has ended badly"))


def _process(pack: Pack, code: str) -> Localizable | str:
    return next((each.title for each in pack.processes if each.process == code), code)


def _time(pack: Pack, stage: ActedStage) -> Iterator[Message]:
    """Reminders, the ladder, more time, and to whom the task may go."""
    if stage.remind is not None:
        values = {"before": Listed(map(length, stage.remind.before)), "at": f"{stage.remind.at:%H:%M}"}
        yield Message("Reminded before the due date: {before}, at {at}", values)
    yield from (_rung(pack, rung) for rung in stage.overdue)
    if stage.extension is not None:
        who, most = actor_title(pack, stage.extension.by), length(stage.extension.at_most)
        values = {"who": who, "most": most, "times": stage.extension.times}
        yield Message("{who} may grant up to {most} more when asked in time, at most {times} times", values)
    yield Message(HAND_TO[stage.hand_to])


def _rung(pack: Pack, rung: Rung) -> Message:
    until = Words(N_("until it closes") if rung.until == "close" else N_("until it is done"))
    values = {"after": length(rung.after), "every": length(rung.every), "who": actor_titles(pack, rung.tell)}
    return Message("Overdue by {after}, then every {every} {until}: {who} is told", {**values, "until": until})
