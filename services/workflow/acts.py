"""What a person does to a case: submit, approve, return, withdraw, grant a late exception, end.

Each act is one transaction of the caller: lock the case and read what it needs (one statement), let the pure rules
decide, write everything (one statement). A filing takes one more, the number, locked last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from services.errors import AlreadyDecidedError, ConflictError, ForbiddenError, KeyReusedError
from services.i18n import N_, Message
from services.people.access import Reader
from services.people.directory import local_day
from services.process.events import Approve, Context, End, Event, GrantException, Return, Submit, Transition, Withdraw
from services.process.transitions import advance
from services.store.audit import digest
from services.store.transaction import Tx
from services.store.writer import Rows, write
from services.workflow.filings import next_number
from services.workflow.locking import LockedCase, lock_case
from services.workflow.rows import Act, administrators, chain, extend, transition_rows, vacant
from services.workflow.submitting import Prepared, prepare_submission

OUTCOMES = {
    "submit": N_("submitted"),
    "approve": N_("approved"),
    "return": N_("returned"),
    "withdraw": N_("withdrawn by the submitter"),
    "end": N_("the case was ended"),
}
"""How the act that closed a task is told to who came too late."""


@dataclass(frozen=True)
class Outcome:
    """What an act did. state: the stage that the case now stands in, or `filed` or `ended`."""

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
class Asked:
    """A command as it was asked for: who, on what, seen at which version, under which key."""

    by: Reader
    act: str
    task_id: UUID | None = None
    case_id: UUID | None = None
    version: int | None = None
    key: str | None = None
    words: str = ""
    more: str = ""

    @property
    def fingerprint(self) -> str:
        """The same for two identical commands."""
        return digest([self.act, str(self.task_id), str(self.case_id), self.version, self.words, self.more])


async def submit_plan(
    tx: Tx, *, by: Reader, task_id: UUID, version: int | None = None, key: str | None = None
) -> Outcome:
    """Submit the draft of the task's case (QD-14).

    Args:
        tx: the transaction.
        by: who submits; holds the task's position.
        task_id: the open submit task.
        version: the case's version as the caller saw it, or None.
        key: an idempotency key, or None.

    Raises:
        InvalidInputError: the plan has mistakes; `problems` names each with path and words.
        ClosedError: the hard close has passed and no late exception holds.
        ConflictError: the case has moved on.
    """
    asked = Asked(by, "submit", task_id=task_id, version=version, key=key)
    case, before = await _lock(tx, asked)
    if before is not None:
        return before
    submission_id = tx.new_id()
    transition = await _advance(tx, case, asked, Submit(task=task_id, submission=submission_id))
    prepared = await prepare_submission(tx, case, by=by, submission_id=submission_id, late=transition.late)
    return await _carry_out(tx, case, asked, transition, prepared=prepared)


async def approve(
    tx: Tx, *, by: Reader, task_id: UUID, words: str = "", version: int | None = None, key: str | None = None
) -> Outcome:
    """Approve: alone, as the first of several (或签), or as one of all (会签).

    Args:
        tx: the transaction.
        by: who approves; holds the task's position and did not submit the case.
        task_id: the open approve task.
        words: the opinion; may be empty.
        version: the case's version as the caller saw it, or None.
        key: an idempotency key, or None.

    Raises:
        AlreadyDecidedError: the task was closed by an earlier act; says which.
        OwnSubmissionError: the person submitted it.
        ForbiddenError: the person does not hold the position.
    """
    asked = Asked(by, "approve", task_id=task_id, version=version, key=key, words=words)
    case, before = await _lock(tx, asked)
    if before is not None:
        return before
    transition = await _advance(tx, case, asked, Approve(task=task_id, words=words))
    return await _carry_out(tx, case, asked, transition)


async def return_case(
    tx: Tx, *, by: Reader, task_id: UUID, to: str, words: str, version: int | None = None, key: str | None = None
) -> Outcome:
    """Return the case to an earlier stage with a reason (退回); all remarks on the submission go with it.

    Args:
        tx: the transaction.
        by: who returns it.
        task_id: the open approve task.
        to: a stage of the definition's `return_to`.
        words: the reason; not empty.
        version: the case's version as the caller saw it, or None.
        key: an idempotency key, or None.

    Raises:
        IllegalTransitionError: the stage cannot be returned there.
        InvalidInputError: no reason was given.
    """
    asked = Asked(by, "return", task_id=task_id, version=version, key=key, words=words, more=to)
    case, before = await _lock(tx, asked)
    if before is not None:
        return before
    transition = await _advance(tx, case, asked, Return(task=task_id, to=to, words=words))
    outcome = await _carry_out(tx, case, asked, transition, to_stage=to)
    await tx.rows(
        "UPDATE remark SET decision_id = $1 WHERE case_id = $2 AND submission_id = $3 AND decision_id IS NULL",
        (outcome.decision_id, case.id, case.state.submission),
    )
    return outcome


async def withdraw(tx: Tx, *, by: Reader, case_id: UUID, version: int | None = None, key: str | None = None) -> Outcome:
    """Take a submission back while nobody has acted on it (撤回). After the hard close the last submission stands.

    Raises:
        IllegalTransitionError: somebody has acted, or there is nothing to take back.
        ClosedError: the close has passed.
        ForbiddenError: the person did not submit it.
    """
    asked = Asked(by, "withdraw", case_id=case_id, version=version, key=key)
    case, before = await _lock(tx, asked)
    if before is not None:
        return before
    transition = await _advance(tx, case, asked, Withdraw())
    return await _carry_out(tx, case, asked, transition, explained=await _explained_before(tx, case))


async def grant_exception(
    tx: Tx,
    *,
    by: Reader,
    case_id: UUID,
    until: datetime,
    words: str,
    version: int | None = None,
    key: str | None = None,
) -> Outcome:
    """Let one case submit after the hard close, until a moment, by name and with a reason.

    Args:
        tx: the transaction.
        by: holds the position that the stage's `close.exceptions` names.
        case_id: the case.
        until: aware; beyond now and beyond the close.
        words: the reason; not empty.
        version: the case's version as the caller saw it, or None.
        key: an idempotency key, or None.
    """
    asked = Asked(by, "grant-exception", case_id=case_id, version=version, key=key, words=words, more=until.isoformat())
    case, before = await _lock(tx, asked)
    if before is not None:
        return before
    transition = await _advance(tx, case, asked, GrantException(until=until, words=words))
    return await _carry_out(tx, case, asked, transition, until=until)


async def end_case(
    tx: Tx, *, by: Reader, case_id: UUID, words: str, version: int | None = None, key: str | None = None
) -> Outcome:
    """End a case that will not be filed; only the bureau's administrator, with a reason.

    Raises:
        ForbiddenError: the person is not the administrator.
        InvalidInputError: no reason was given.
    """
    if not by.is_administrator:
        raise ForbiddenError
    asked = Asked(by, "end", case_id=case_id, version=version, key=key, words=words)
    case, before = await _lock(tx, asked)
    if before is not None:
        return before
    transition = await _advance(tx, case, asked, End(words=words))
    return await _carry_out(tx, case, asked, transition)


BEFORE = "SELECT fingerprint, result::text AS result FROM command WHERE bureau_id = $1 AND person_id = $2 AND key = $3"


async def _lock(tx: Tx, asked: Asked) -> tuple[LockedCase, Outcome | None]:
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


async def _advance(tx: Tx, case: LockedCase, asked: Asked, event: Event) -> Transition:
    context = Context(
        person=asked.by.person_id,
        held=asked.by.position_ids,
        now=tx.now,
        new_id=tx.new_id,
        positions=case.actors,
    )
    try:
        transition = advance(case.definition, case.state, event, context)
    except AlreadyDecidedError as error:
        raise await _what_happened(tx, asked, error) from error
    _check_version(asked, case)
    return transition


def _check_version(asked: Asked, case: LockedCase) -> None:
    """Refuse an act on a visit that the caller has not seen; another office's countersignature is no obstacle."""
    state = case.state
    since = state.visit.since if state.visit is not None else state.version
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
    return AlreadyDecidedError(outcome=Message(OUTCOMES[kind]), by=done["name"], at=done["at"].isoformat(), act=kind)


async def _explained_before(tx: Tx, case: LockedCase) -> Mapping[str, Any]:
    """Return the explanation of the last submission's due date, which a withdrawn visit keeps."""
    rows = await tx.rows(
        "SELECT l.explained::text AS explained FROM deadline l JOIN task t ON t.id = l.subject_id"
        " WHERE t.case_id = $1 AND t.kind = 'submit' ORDER BY t.opened_at DESC LIMIT 1",
        (case.id,),
    )
    explained: Mapping[str, Any] = json.loads(rows[0]["explained"])
    return explained


async def _carry_out(
    tx: Tx,
    case: LockedCase,
    asked: Asked,
    transition: Transition,
    *,
    prepared: Prepared | None = None,
    to_stage: str | None = None,
    until: datetime | None = None,
    explained: Mapping[str, Any] | None = None,
) -> Outcome:
    """Write the transition with everything that belongs to it, and say what came of it."""
    decision_id = tx.new_id()
    filing = await next_number(tx, case, transition.filing) if transition.filing is not None else None
    number = filing["number"] if filing else transition.state.number
    context: dict[str, Any] = {"decision": str(decision_id)}
    context |= {"reason": asked.words} if asked.words else {}
    context |= {"number": number} if number else {}
    context |= {"until": until.isoformat()} if until else {}
    told = (
        await administrators(tx, case.bureau_id, on=local_day(tx.now, asked.by.zone))
        if vacant(case, transition)
        else ()
    )
    act = Act(
        asked.by.person_id, decision_id, asked.words, to_stage, context=context, explained=explained, administrators=told
    )  # fmt: skip
    rows, transition = transition_rows(tx, case, transition, act)
    await extend(tx, case, rows, transition, by=asked.by, words=asked.words)
    if prepared is not None:
        rows.add("submission", **prepared.row)
    if filing is not None:
        rows.add("filing", **filing)
    if transition.granted is not None:
        rows.add(
            "late_exception", id=transition.granted.id, bureau_id=case.bureau_id, case_id=case.id, granted_by=asked.by.person_id,
            reason=asked.words, until=transition.granted.until, at=tx.now, used_at=None,
        )  # fmt: skip
    if transition.used is not None:
        rows.used_exception = {"id": transition.used.id}
    data = {
        "from": transition.before.name, "to": transition.state.name, "version": transition.state.version,
        "decision": str(decision_id), "task": str(transition.acted_task) if transition.acted_task else None,
        "submission": prepared.digest if prepared else None, "number": number, "late": transition.late,
        "until": until.isoformat() if until else None,
    }  # fmt: skip
    state = transition.state.model_copy(update={"number": number})
    seq, head = chain(tx, case, rows, kind=asked.act, person=asked.by.person_id, data=data, words=asked.words)
    late = case.late or transition.late
    outcome = Outcome(case.id, asked.act, state.version, state.name, decision_id, number, late)
    rows.case = {
        "id": case.id, "state": state.status, "stage": state.visit.stage if state.visit else None,
        "version": state.version, "number": number, "late": late, "state_doc": state.model_dump(mode="json"),
        "closed_at": None if state.status == "open" else tx.now, "audit_seq": seq, "audit_hash": head,
    }  # fmt: skip
    _remember(tx, rows, asked, outcome)
    await _write(tx, rows, asked)
    return outcome


async def _write(tx: Tx, rows: Rows, asked: Asked) -> None:
    try:
        await write(tx, rows)
    except IntegrityError as error:
        # The same key at the same time for another case, whose lock did not hold us up: that one was first.
        if asked.key is not None and "uq_command" in str(error.orig):
            raise KeyReusedError from error
        raise


def _remember(tx: Tx, rows: Rows, asked: Asked, outcome: Outcome) -> None:
    if asked.key is not None:
        rows.add(
            "command", id=tx.new_id(), bureau_id=asked.by.bureau_id, person_id=asked.by.person_id, key=asked.key,
            fingerprint=asked.fingerprint, result=outcome.to_json(), at=tx.now,
        )  # fmt: skip
