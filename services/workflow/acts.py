"""What a person does in a stage: submit, assess, approve, oppose, sign, decline, return, reject; withdraw, take back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from services.people.access import Reader
from services.process.events import (
    Approve,
    Assess,
    Decline,
    Event,
    Oppose,
    Reject,
    Return,
    Sign,
    Submit,
    TakeBack,
    Withdraw,
)
from services.store.transaction import Tx
from services.workflow.carry_out import Asked, OnPaper, Outcome, act, carry_out, decide, lock
from services.workflow.submitting import prepare_submission


async def submit_plan(
    tx: Tx, *, by: Reader, task_id: UUID, version: int | None = None, key: str | None = None
) -> Outcome:
    """Submit the draft of the task's form (QD-14).

    Args:
        tx: the transaction.
        by: who submits; the task is theirs.
        task_id: the open submit task.
        version: the case's version as the caller saw it, or None.
        key: an idempotency key, or None.

    Raises:
        InvalidInputError: the plan has mistakes; `problems` names each with path and words.
        ClosedError: the hard close has passed and no late exception holds.
        ConflictError: the case has moved on.
    """
    return await _with_form(tx, Asked(by, "submit", task_id=task_id, version=version, key=key))


async def assess(
    tx: Tx, *, by: Reader, task_id: UUID, words: str = "", version: int | None = None, key: str | None = None
) -> Outcome:
    """File the assessment that the person drafted for the task (评价).

    Raises:
        InvalidInputError: the assessment has mistakes.
        OwnSubmissionError: the person submitted what is assessed.
    """
    return await _with_form(tx, Asked(by, "assess", task_id=task_id, version=version, key=key, words=words))


async def _with_form(tx: Tx, asked: Asked) -> Outcome:
    """Carry out an act that brings a form: the rules decide first, then the form is judged and written with the act."""
    case, before = await lock(tx, asked)
    if before is not None:
        return before
    assert asked.task_id is not None
    submission_id = tx.new_id()
    event: Event = (
        Submit(asked.task_id, submission_id)
        if asked.act == "submit"
        else Assess(asked.task_id, submission_id, asked.words)
    )
    prepared = await prepare_submission(tx, case, task_id=asked.task_id, by=asked.by, submission_id=submission_id)
    if prepared is not None:
        data = prepared.row["data"]
        last = (
            {"": data} if asked.act == "submit" else {}
        )  # an assessment is no submission: a branch goes on reading that
        asked = replace(asked, values={prepared.stage: data, **last})
    transition = await decide(tx, case, asked, event)
    assert prepared is not None
    return await carry_out(tx, case, asked, transition, prepared=prepared.judged(late=transition.late))


async def approve(
    tx: Tx,
    *,
    by: Reader,
    task_id: UUID,
    words: str = "",
    version: int | None = None,
    key: str | None = None,
    paper: OnPaper | None = None,
) -> Outcome:
    """Approve: alone, as the first of several (或签), or as one of all (会签).

    Args:
        tx: the transaction.
        by: who approves; the task is theirs and they did not submit the case.
        task_id: the open approve task.
        words: the opinion; may be empty.
        version: the case's version as the caller saw it, or None.
        key: an idempotency key, or None.
        paper: who signed it on paper, where `by` only enters it.

    Raises:
        AlreadyDecidedError: the task was closed by an earlier act; says which.
        OwnSubmissionError: the person submitted it.
        ForbiddenError: the task is somebody else's.
    """
    asked = Asked(by, "approve", task_id=task_id, version=version, key=key, words=words, paper=paper)
    return await act(tx, asked, Approve(task_id, words))


async def oppose(tx: Tx, *, by: Reader, task_id: UUID, words: str, **more: Any) -> Outcome:
    """Vote against (票签), with a reason; `more` as of `approve`.

    Raises:
        IllegalTransitionError: the stage is not decided by votes.
        InvalidInputError: no reason was given.
    """
    return await act(tx, Asked(by, "oppose", task_id=task_id, words=words, **more), Oppose(task_id, words))


async def sign(tx: Tx, *, by: Reader, task_id: UUID, words: str = "", **more: Any) -> Outcome:
    """Sign (签字); `more` as of `approve`."""
    return await act(tx, Asked(by, "sign", task_id=task_id, words=words, **more), Sign(task_id, words))


async def decline(tx: Tx, *, by: Reader, task_id: UUID, words: str, **more: Any) -> Outcome:
    """Refuse to sign, with a reason; `more` as of `approve`.

    Raises:
        InvalidInputError: no reason was given.
    """
    return await act(tx, Asked(by, "decline", task_id=task_id, words=words, **more), Decline(task_id, words))


async def reject(tx: Tx, *, by: Reader, task_id: UUID, words: str, **more: Any) -> Outcome:
    """End the case without success (拒绝), with a reason, where the stage allows it; `more` as of `approve`.

    Raises:
        IllegalTransitionError: the stage does not allow it.
        InvalidInputError: no reason was given.
    """
    return await act(tx, Asked(by, "reject", task_id=task_id, words=words, **more), Reject(task_id, words))


async def return_case(tx: Tx, *, by: Reader, task_id: UUID, to: str, words: str, **more: Any) -> Outcome:
    """Return the case to an earlier stage with a reason (退回); all remarks on the submission go with it.

    Args:
        tx: the transaction.
        by: who returns it.
        task_id: the open task.
        to: a stage of the definition's `return_to`.
        words: the reason; not empty.
        more: version, key and paper, as of `approve`.

    Raises:
        IllegalTransitionError: the stage cannot be returned there.
        InvalidInputError: no reason was given.
    """
    asked = Asked(by, "return", task_id=task_id, words=words, to_stage=to, **more)
    case, before = await lock(tx, asked)
    if before is not None:
        return before
    transition = await decide(tx, case, asked, Return(task_id, to, words))
    outcome = await carry_out(tx, case, asked, transition)
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
    return await act(tx, Asked(by, "withdraw", case_id=case_id, version=version, key=key), Withdraw())


async def take_back(
    tx: Tx, *, by: Reader, case_id: UUID, task_id: UUID, version: int | None = None, key: str | None = None
) -> Outcome:
    """Take back one's own decision while the next has not acted (拿回).

    Args:
        tx: the transaction.
        by: who decided.
        case_id: the case.
        task_id: the task that they decided.
        version: the case's version as the caller saw it, or None.
        key: an idempotency key, or None.

    Raises:
        IllegalTransitionError: the next has acted.
        ForbiddenError: somebody else decided.
    """
    asked = Asked(by, "take-back", case_id=case_id, version=version, key=key, more=str(task_id))
    return await act(tx, asked, TakeBack(task_id))
