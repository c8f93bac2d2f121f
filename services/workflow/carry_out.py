"""How every act on a case is carried out: lock it, let the pure rules decide, write everything once.

Each act is one transaction of the caller: lock the case and read what it needs (one statement), let the pure rules
decide, write everything (one statement). A filing takes one more, the number, locked last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from services.errors import AlreadyDecidedError, ConflictError, KeyReusedError
from services.i18n import N_, Message
from services.people.access import Reader
from services.process.events import Context, Event, StandIn
from services.process.outcomes import Transition
from services.process.transitions import advance
from services.store.audit import digest
from services.store.transaction import Tx
from services.store.writer import Rows, write
from services.workflow.children import start_children
from services.workflow.locking import LockedCase, lock_case
from services.workflow.submitting import Prepared
from services.workflow.values import submitted_values
from services.workflow.writing import Happened, rows_of

OUTCOMES = {
    "submit": N_("submitted"),
    "approve": N_("approved"),
    "oppose": N_("voted against"),
    "sign": N_("signed"),
    "decline": N_("declined"),
    "assess": N_("assessed"),
    "return": N_("returned"),
    "reject": N_("rejected"),
    "withdraw": N_("withdrawn by the submitter"),
    "take-back": N_("taken back by who decided before"),
    "remove-signer": N_("the signer was taken out"),
    "jump": N_("the case was moved by the administrator"),
    "end": N_("the case was ended"),
    "settle": N_("an objection was upheld"),
}
"""How the act that closed a task is told to who came too late."""


@dataclass(frozen=True)
class Outcome:
    """What an act did. state: the stages that the case now stands in, or how it ended."""

    case_id: UUID
    act: str
    version: int
    state: str
    decision_id: UUID
    number: str | None
    late: bool

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, as an idempotency key keeps it."""
        return {key: str(value) if isinstance(value, UUID) else value for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Outcome:
        """Read what `to_json` wrote."""
        return cls(**{**data, "case_id": UUID(data["case_id"]), "decision_id": UUID(data["decision_id"])})


@dataclass(frozen=True)
class OnPaper:
    """A decision that was signed on paper: who signed it with what they hold, the scans that show it, and of which version.

    printed: the case's version when the form was printed, and the beginning of its submission's digest.
    """

    person_id: UUID
    held: frozenset[UUID]
    scans: Sequence[Mapping[str, Any]]
    printed: tuple[int, str]


@dataclass(frozen=True)
class Asked:
    """A command as it was asked for: who, on what, seen at which version, under which key.

    personal: values that the chain holds as salted digests beside the words. more: what else tells two commands apart. to_stage, to_person, until: what the decision's row and the notifications keep of it.
    """

    by: Reader
    act: str
    task_id: UUID | None = None
    case_id: UUID | None = None
    version: int | None = None
    key: str | None = None
    words: str = ""
    more: str = ""
    to_stage: str | None = None
    to_person: UUID | None = None
    until: datetime | None = None
    paper: OnPaper | None = None
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    personal: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """The same for two identical commands."""
        more = [self.more, self.to_stage or "", str(self.to_person or ""), self.until.isoformat() if self.until else ""]
        return digest([self.act, str(self.task_id), str(self.case_id), self.version, self.words, "".join(more)])

    @property
    def person(self) -> UUID:
        """Whose decision it is: who asks, or who signed on paper."""
        return self.paper.person_id if self.paper is not None else self.by.person_id


async def act(tx: Tx, asked: Asked, event: Event) -> Outcome:
    """Carry out an act that needs nothing but its event; the result of an earlier identical command under the same key."""
    case, before = await lock(tx, asked)
    if before is not None:
        return before
    return await carry_out(tx, case, asked, await decide(tx, case, asked, event))


BEFORE = "SELECT fingerprint, result::text AS result FROM command WHERE bureau_id = $1 AND person_id = $2 AND key = $3"


async def lock(tx: Tx, asked: Asked) -> tuple[LockedCase, Outcome | None]:
    """Lock the case; return it with the result of the same command under the same key, if there was one.

    The key is looked up in a statement of its own after the lock: the one that waited for the lock cannot see what
    the command before it left.
    """
    by = asked.by
    case = await lock_case(tx, by, task_id=asked.task_id, case_id=asked.case_id)
    rows = await tx.rows(BEFORE, (by.bureau_id, by.person_id, asked.key)) if asked.key is not None else []
    if rows and rows[0]["fingerprint"] != asked.fingerprint:
        raise KeyReusedError
    return case, Outcome.from_json(json.loads(rows[0]["result"])) if rows else None


async def decide(tx: Tx, case: LockedCase, asked: Asked, event: Event) -> Transition:
    """Let the rules decide on the event.

    Raises:
        AlreadyDecidedError: the task was closed; says by whom and how.
        ConflictError: the case has changed since the caller saw it.
    """
    context = context_of(tx, case, asked.by, values={**await submitted_values(tx, case), **asked.values})
    if asked.paper is not None:
        context = replace(
            context, person=asked.paper.person_id, held=asked.paper.held, stand_ins=(), entered_by=asked.by.person_id
        )
    try:
        transition = advance(case.definition, case.state, event, context)
    except AlreadyDecidedError as error:
        raise await _what_happened(tx, asked, error) from error
    _check_version(asked, case)
    if asked.paper is not None:
        await _check_printed(tx, case, asked.paper, asked.task_id)
    return transition


class OldFormError(ConflictError):
    """The paper was printed from an older version of the case."""

    code = "paper-outdated"
    default = (
        "This form was printed from version {printed} of the case, which has changed since (it is at {now})."
        " Print it again and let it be signed anew."
    )


async def _check_printed(tx: Tx, case: LockedCase, paper: OnPaper, task_id: UUID | None) -> None:
    """Refuse a form that was printed before the task's visit began or from another submission."""
    version, beginning = paper.printed
    visit = case.state.visit_of(task_id) if task_id is not None else None
    rows = await tx.rows("SELECT digest FROM submission WHERE id = $1", (case.state.submission,))
    same = bool(rows) and rows[0]["digest"].startswith(beginning)
    if visit is None or not same or not visit.since <= version <= case.state.version:
        raise OldFormError(printed=version, now=case.state.version)


def context_of(tx: Tx, case: LockedCase, by: Reader, *, values: Mapping[str, Mapping[str, Any]]) -> Context:
    """Return what the rules know of a person who acts on the case."""
    return Context(
        person=by.person_id,
        held=by.position_ids,
        now=tx.now,
        new_id=tx.new_id,
        positions=case.actors,
        holders=case.holders,
        values=values,
        stand_ins=stand_ins_of(by, case),
        administrator=by.is_administrator,
    )


def stand_ins_of(by: Reader, case: LockedCase) -> tuple[StandIn, ...]:
    """Return for whom the person may act on the case, with what those hold."""
    programme, process = case.pack.programme, case.definition.process
    return tuple(
        StandIn(each.person_id, frozenset(held.id for held in each.positions))
        for each in by.stand_ins
        if each.covers(programme, process)
    )


def _check_version(asked: Asked, case: LockedCase) -> None:
    """Refuse an act on a visit that the caller has not seen; another office's countersignature is no obstacle."""
    state = case.state
    visit = state.visit_of(asked.task_id) if asked.task_id is not None else None
    since = visit.since if visit is not None else min((each.since for each in state.open), default=state.version)
    if asked.version is not None and not since <= asked.version <= state.version:
        raise ConflictError(
            "The case has changed since you opened it (you saw version {seen}, it is at {now}). Reload and look again.",
            seen=asked.version,
            now=state.version,
        )


async def _what_happened(tx: Tx, asked: Asked, error: AlreadyDecidedError) -> AlreadyDecidedError:
    """Return the error with who closed the task and how; read anew, because the lock was waited for."""
    rows = await tx.rows(
        "SELECT d.kind, d.at, p.name FROM task t JOIN decision d ON d.id = t.decision_id JOIN person p ON p.id = d.person_id"
        " WHERE t.id = $1 AND t.bureau_id = $2",
        (asked.task_id, asked.by.bureau_id),
    )
    if not rows:
        return error
    done, kind = rows[0], rows[0]["kind"]
    return AlreadyDecidedError(
        outcome=Message(OUTCOMES.get(kind, kind)), by=done["name"], at=done["at"].isoformat(), act=kind
    )


async def carry_out(
    tx: Tx, case: LockedCase, asked: Asked, transition: Transition, *, prepared: Prepared | None = None
) -> Outcome:
    """Write the transition with everything that belongs to it, and say what came of it."""
    happened = Happened(
        kind=asked.act, person=asked.person, name=asked.by.name, zone=asked.by.zone, decision_id=tx.new_id(),
        words=asked.words, to_stage=asked.to_stage, to_person=asked.to_person, until=asked.until,
        entered_by=asked.by.person_id if asked.paper else None, scans=asked.paper.scans if asked.paper else None,
        personal=asked.personal,
    )  # fmt: skip
    rows, state = await rows_of(tx, case, happened, transition, prepared=prepared)
    late = case.late or transition.late
    assert happened.decision_id is not None  # an act of a person is a decision
    outcome = Outcome(case.id, asked.act, state.version, state.name, happened.decision_id, state.number, late)
    if asked.key is not None:
        rows.add(
            "command", id=tx.new_id(), bureau_id=asked.by.bureau_id, person_id=asked.by.person_id, key=asked.key,
            fingerprint=asked.fingerprint, result=outcome.to_json(), at=tx.now,
        )  # fmt: skip
    await _write(tx, rows, asked)
    await start_children(tx, case, transition)
    return outcome


async def _write(tx: Tx, rows: Rows, asked: Asked) -> None:
    try:
        await write(tx, rows)
    except IntegrityError as error:
        # The same key at the same time for another case, whose lock did not hold us up: that one was first.
        if asked.key is not None and "uq_command" in str(error.orig):
            raise KeyReusedError from error
        raise
