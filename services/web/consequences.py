"""What an act will do, in sentences, for the dialog that asks before it: where the case goes, who is told, what undoes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from services.i18n import N_
from services.process.definitions import (
    ActedStage,
    BranchStage,
    FileStage,
    JudgingStage,
    Localized,
    ParallelStage,
    SignStage,
    Stage,
)
from services.programmes.telling import actor_title
from services.web.edge import Page
from services.workflow.cases import CaseView, OpenTask
from services.workflow.possible import Possible
from services.workflow.seats import Seat

Words = Literal["none", "optional", "required"]
WORDS: dict[str, Words] = {
    "approve": "optional", "sign": "optional", "assess": "optional", "oppose": "required", "decline": "required",
    "reject": "required", "answer": "required", "ask-extension": "required", "claim": "none", "put-back": "none",
    "recall": "none",
}  # fmt: skip
TITLES = {
    "approve": N_("Approve {title}?"),
    "sign": N_("Sign {title}?"),
    "assess": N_("File the assessment of {title}?"),
    "oppose": N_("Vote against {title}?"),
    "decline": N_("Refuse to sign {title}?"),
    "reject": N_("Reject {title}?"),
    "claim": N_("Claim the task?"),
    "put-back": N_("Put the task back?"),
    "answer": N_("Answer the delegation?"),
    "recall": N_("Recall the task?"),
    "ask-extension": N_("Ask for more time?"),
}
BUTTONS = {
    "approve": N_("Approve"),
    "sign": N_("Sign"),
    "assess": N_("Assess"),
    "oppose": N_("Vote against"),
    "decline": N_("Refuse to sign"),
    "reject": N_("Reject"),
    "claim": N_("Claim"),
    "put-back": N_("Put back"),
    "answer": N_("Answer"),
    "recall": N_("Recall"),
    "transfer": N_("Transfer"),
    "delegate": N_("Delegate"),
    "add-signer": N_("Add a signer"),
    "ask-extension": N_("Ask for more time"),
}
KINDS = {
    "approve": "success", "sign": "success", "assess": "success", "oppose": "warning", "decline": "warning",
    "reject": "danger",
}  # fmt: skip
UNDER_MORE: tuple[Possible, ...] = (
    "oppose", "decline", "reject", "claim", "put-back", "answer", "recall", "ask-extension",
)  # fmt: skip
TO_SOMEBODY: tuple[Possible, ...] = ("transfer", "delegate", "add-signer")


@dataclass(frozen=True)
class Dialog:
    """One act as it is asked before. words: whether it takes words, and whether it needs them."""

    act: str
    title: str
    button: str
    kind: str
    sentences: tuple[str, ...]
    words: Words


def dialog_of(page: Page, view: CaseView, task: OpenTask, act: str) -> Dialog:
    """Return the dialog of an act on a task."""
    stage = view.definition.stage(task.stage)
    words = WORDS[act]
    if words == "optional" and isinstance(stage, JudgingStage) and stage.opinion == "required":
        words = "required"
    title = page.say(TITLES[act], title=view.group_title(page.locale))
    sentences = tuple(Telling(page, view, task).of(act))
    return Dialog(act, title, page.say(BUTTONS[act]), KINDS.get(act, "primary"), sentences, words)


def names_of(page: Page, names: list[str]) -> str:
    """Return names with the commas of the page's language between them."""
    return ("、" if page.locale == "zh" else ", ").join(names)


@dataclass(frozen=True)
class Telling:
    """Says what acts on one task will do."""

    page: Page
    view: CaseView
    task: OpenTask

    @property
    def seat(self) -> Seat | None:
        """Who signs there."""
        return self.view.seats.of(self.task.id)

    def of(self, act: str) -> Iterator[str]:
        """Yield the sentences of an act."""
        match act:
            case "approve" | "sign" | "assess":
                yield from self._passing()
            case "oppose":
                yield from self._opposing()
            case "decline":
                yield from self._declining()
            case "reject":
                yield from self._rejecting()
            case _:
                yield from (self.page.say(each) for each in PLAIN[act])

    def _passing(self) -> Iterator[str]:
        yield from self._tally()
        others = self._others()
        stage = self.view.definition.stage(self.task.stage)
        if isinstance(stage, JudgingStage) and stage.mode not in ("any_of", "one", "quorum", "votes") and others:
            yield self.page.say(N_("Your opinion is recorded; it still waits for {others}."), others=others)
        else:
            yield from self._going_on(self.view.definition.after(self.task.stage))
        yield self.page.say(N_("You may take it back while the next has not acted."))

    def _tally(self) -> Iterator[str]:
        tally = self.view.seats.tally(self.task.visit_id)
        if tally is not None:
            weight = self.seat.weight if self.seat else 1
            yield self.page.say(
                N_("Your vote counts {weight}: so far {yes} are for it and {no} against; {needed} are needed."),
                weight=weight, yes=tally.yes, no=tally.no, needed=tally.needed,
            )  # fmt: skip

    def _others(self) -> str:
        others = [each for each in self.view.seats.seats if each.visit_id == self.task.visit_id]
        return names_of(
            self.page, [self._who(each.actor, each.person) for each in others if each.task_id != self.task.id]
        )

    def _who(self, actor: str, person: str | None) -> str:
        return person or actor_title(self.view.pack, actor).in_(self.page.locale)

    def _going_on(self, following: Stage | None) -> Iterator[str]:
        say, locale = self.page.say, self.page.locale
        if isinstance(following, FileStage):
            yield say(N_("The plan is filed: it gets the next number of {season}."), season=self.view.season_key)
            told = names_of(self.page, [actor_title(self.view.pack, actor).in_(locale) for actor in following.notify])
            if told:
                yield say(N_("Told are: {names}."), names=told)
        elif following is None or isinstance(following, BranchStage | ParallelStage):
            yield say(N_("Your opinion is recorded; where the case goes, the process says."))
        else:
            title = (following.title or Localized(zh=following.code, en=following.code)).in_(locale)
            who = following.actors if isinstance(following, ActedStage) else ()
            names = names_of(self.page, [actor_title(self.view.pack, actor).in_(locale) for actor in who])
            said = N_("The plan goes on to “{stage}”: {names}.") if names else N_("The plan goes on to “{stage}”.")
            yield say(said, stage=title, names=names)

    def _opposing(self) -> Iterator[str]:
        yield from self._tally()
        stage = self.view.definition.stage(self.task.stage)
        fails = stage.fails if isinstance(stage, JudgingStage) else None
        yield from self._bad_end(fails, N_("Once it can no longer pass, the case ends without success."))
        yield self.page.say(N_("You may take it back while the vote goes on."))

    def _bad_end(self, to: str | None, ends: str) -> Iterator[str]:
        if to is None or to == "reject":
            yield self.page.say(ends)
        else:
            stage = self.view.definition.stage(to)
            title = (stage.title or Localized(zh=to, en=to)).in_(self.page.locale)
            yield self.page.say(N_("The case goes back to “{stage}” then."), stage=title)

    def _declining(self) -> Iterator[str]:
        stage = self.view.definition.stage(self.task.stage)
        declined = stage.declined if isinstance(stage, SignStage) else None
        yield from self._bad_end(declined, N_("The case ends without success; its submitter is told your reason."))
        yield from self._others_end()
        yield self.page.say(N_("This cannot be taken back."))

    def _rejecting(self) -> Iterator[str]:
        yield self.page.say(N_("The case ends without success; its submitter is told your reason."))
        yield from self._others_end()
        yield self.page.say(N_("Only the administrator may open it again."))

    def _others_end(self) -> Iterator[str]:
        if self._others():
            yield self.page.say(N_("Whoever else was to decide is told that nothing is to be done any more."))


PLAIN: dict[str, tuple[str, ...]] = {
    "claim": (
        N_("The task is yours; whoever else holds the position leaves it to you."),
        N_("Its due date does not change. Putting it back undoes it."),
    ),
    "put-back": (
        N_("The task goes back to all who hold its position, and they are told."),
        N_("Its due date does not change. Whoever holds the position may claim it again."),
    ),
    "answer": (
        N_("Your answer stands in the case's history, and the owner of the task is told."),
        N_("The owner decides; the task leaves your list. This cannot be taken back."),
    ),
    "recall": (
        N_("The task is with you again, without an answer; whoever had it is told."),
        N_("You may delegate it anew."),
    ),
    "ask-extension": (
        N_("Whoever decides on more time is told your reason; until then the due date stays."),
        N_("If the time is given, the due date and the close move; if not, you are told why and may ask again."),
    ),
    "transfer": (
        N_("They decide in the position's name, and are told. You decide no longer."),
        N_("The due date does not change. They may transfer it back to you."),
    ),
    "delegate": (
        N_("They look at it and answer, and are told; you decide afterwards."),
        N_("The due date does not change. You may recall it without waiting for the answer."),
    ),
    "add-signer": (
        N_("They must sign as well, and are told when it is their turn."),
        N_("The due date does not change. You may take them out while they have not signed."),
    ),
}
"""What acts do that do the same wherever they are done."""
