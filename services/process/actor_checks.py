"""Whether everybody whom a stage names exists, is named once, and could act at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from services.i18n import Message
from services.process.definitions import (
    ActedStage,
    AllOf,
    AnyOf,
    Each,
    InSequence,
    JudgingStage,
    PublishStage,
    Quorum,
    Signers,
    Stage,
    SubmitStage,
    Votes,
)
from services.process.mistakes import Loc, Mistake, Names, twice


def actor_mistakes(names: Names, stage: Stage, place: Loc, *, submitters: Mapping[str, str]) -> Iterator[Mistake]:
    """Yield what is wrong with whom a stage names.

    Args:
        names: of the pack.
        stage: any.
        place: where it stands.
        submitters: who has surely submitted before, and in which stage.
    """
    for loc, actor in _actors(stage):
        mistake = names.actor_mistake(actor, (*place, *loc))
        if mistake is not None:
            yield mistake
    if isinstance(stage, JudgingStage):
        yield from _signer_mistakes(names, stage, place, submitters)


def _actors(stage: Stage) -> Iterator[tuple[Loc, str]]:
    """Yield every actor of a stage with its place in the stage."""
    yield from ((("notify", number), actor) for number, actor in enumerate(stage.notify))
    if isinstance(stage, PublishStage):
        yield ("objections_to",), stage.objections_to
    if isinstance(stage, SubmitStage | JudgingStage):
        yield from (((("by", *loc)), actor) for loc, actor in _signers(stage.by))
    if isinstance(stage, SubmitStage) and stage.close is not None and stage.close.exceptions is not None:
        yield ("close", "exceptions"), stage.close.exceptions
    if isinstance(stage, ActedStage):
        if stage.extension is not None:
            yield ("extension", "by"), stage.extension.by
        for rung, step in enumerate(stage.overdue):
            yield from ((("overdue", rung, "tell", number), actor) for number, actor in enumerate(step.tell))


def _signers(by: Signers) -> Iterator[tuple[Loc, str]]:
    """Yield every signer with the place below `by`."""
    match by:
        case AllOf():
            yield from ((("all_of", number), actor) for number, actor in enumerate(by.all_of))
        case AnyOf():
            yield from ((("any_of", number), actor) for number, actor in enumerate(by.any_of))
        case InSequence():
            yield from ((("in_sequence", number), actor) for number, actor in enumerate(by.in_sequence))
        case Quorum():
            yield from ((("of", number), actor) for number, actor in enumerate(by.of))
        case Votes():
            yield from ((("votes", actor), actor) for actor in by.votes)
        case Each():
            yield ("each",), by.each
        case actor:
            yield (), actor


def _signer_mistakes(names: Names, stage: JudgingStage, place: Loc, submitters: Mapping[str, str]) -> Iterator[Mistake]:
    signers = list(_signers(stage.by))
    for index in twice([actor for _, actor in signers]):
        loc, actor = signers[index]
        words = Message("“{who}” stands here for the second time; every signer stands once", {"who": actor})
        yield Mistake((*place, "by", *loc), words)
    for loc, actor in signers:
        if actor in submitters:
            values = {"who": actor, "stage": submitters[actor]}
            words = Message(
                "“{who}” submits {stage}, and nobody decides on their own submission; name somebody else", values
            )
            yield Mistake((*place, "by", *loc), words, of_order=True)
    if isinstance(stage.by, Each) and stage.by.needed is not None:
        yield from _seat_mistakes(names, stage.by, stage.by.needed, place)


def _seat_mistakes(names: Names, by: Each, needed: int, place: Loc) -> Iterator[Mistake]:
    most = [position.seats.max for position in names.positions_of(by.each)]
    fewest = min((seats for seats in most if seats is not None), default=needed)
    if fewest < needed:
        values = {"who": by.each, "needed": needed, "max": fewest}
        words = Message("“{who}” has {max} seats, so {needed} can never sign; ask for {max} at the most", values)
        yield Mistake((*place, "by", "needed"), words)
