"""Handing tasks on: claim, put back, transfer, delegate and answer; signers added and taken out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.errors import InvalidInputError
from services.people.access import Reader
from services.people.presence import is_present
from services.process.events import AddSigner, Answer, Claim, Delegate, PutBack, Recall, RemoveSigner, Transfer
from services.process.states import How
from services.store.transaction import Tx
from services.workflow.carry_out import Asked, Outcome, act


async def claim(tx: Tx, *, by: Reader, task_id: UUID, **more: Any) -> Outcome:
    """Take a task out of the queue of one's position (认领); `put_back` undoes it.

    Args:
        tx: the transaction.
        by: holds the task's position.
        task_id: an open task that nobody has.
        more: version and key, as of `services.workflow.acts.approve`.

    Raises:
        ForbiddenError: the task is with somebody else, or belongs to a position that they do not hold.
        OwnSubmissionError: they submitted what would be decided.
    """
    return await act(tx, Asked(by, "claim", task_id=task_id, **more), Claim(task_id))


async def put_back(tx: Tx, *, by: Reader, task_id: UUID, **more: Any) -> Outcome:
    """Give a task back to all who hold its position: whoever it is with, or the administrator.

    Raises:
        IllegalTransitionError: it is nobody's, or has no queue.
    """
    return await act(tx, Asked(by, "put-back", task_id=task_id, **more), PutBack(task_id))


async def transfer(tx: Tx, *, by: Reader, task_id: UUID, to: UUID, words: str = "", **more: Any) -> Outcome:
    """Hand a task to another person, who decides in its position's name (转办); they may transfer it back.

    Args:
        tx: the transaction.
        by: whose task it is, or the administrator.
        task_id: an open task.
        to: a person of the bureau who has not left; whom the stage allows (`hand_to`).
        words: why; may be empty.
        more: version and key.

    Raises:
        InvalidInputError: the person cannot take it; says why.
    """
    await require_person(tx, by, to)
    asked = Asked(by, "transfer", task_id=task_id, to_person=to, words=words, **more)
    return await act(tx, asked, Transfer(task_id, to, words))


async def delegate(tx: Tx, *, by: Reader, task_id: UUID, to: UUID, words: str = "", **more: Any) -> Outcome:
    """Let another person look at a task and answer (委派); deciding stays with its owner, who may recall it.

    Raises:
        InvalidInputError: the person cannot take it; says why.
    """
    await require_person(tx, by, to)
    asked = Asked(by, "delegate", task_id=task_id, to_person=to, words=words, **more)
    return await act(tx, asked, Delegate(task_id, to, words))


async def answer(tx: Tx, *, by: Reader, task_id: UUID, words: str, **more: Any) -> Outcome:
    """Answer a delegation; the task is with its owner again.

    Raises:
        InvalidInputError: the answer is empty.
    """
    return await act(tx, Asked(by, "answer", task_id=task_id, words=words, **more), Answer(task_id, words))


async def recall(tx: Tx, *, by: Reader, task_id: UUID, **more: Any) -> Outcome:
    """Take a delegated task back without waiting for the answer.

    Raises:
        IllegalTransitionError: it is not delegated.
    """
    return await act(tx, Asked(by, "recall", task_id=task_id, **more), Recall(task_id))


async def add_signer(
    tx: Tx, *, by: Reader, task_id: UUID, person: UUID, how: How, words: str = "", **more: Any
) -> Outcome:
    """Let another person sign too, before, after or beside oneself (加签); `remove_signer` undoes it.

    Args:
        tx: the transaction.
        by: whose task it is.
        task_id: an open task of a stage that judges.
        person: of the bureau; did not submit the case and does not sign here already.
        how: `before`: their opinion comes first; `after`: they are asked next; `beside`: both at once.
        words: why; may be empty.
        more: version and key.
    """
    await require_person(tx, by, person)
    asked = Asked(by, "add-signer", task_id=task_id, to_person=person, words=words, more=how, **more)
    return await act(tx, asked, AddSigner(task_id, person, how, words))


async def remove_signer(tx: Tx, *, by: Reader, case_id: UUID, task_id: UUID, words: str, **more: Any) -> Outcome:
    """Take out a signer who has not signed (减签): who added them, or the administrator. The last one stays.

    Raises:
        IllegalTransitionError: it is the last signer whom the stage needs.
        ForbiddenError: somebody else added them.
    """
    asked = Asked(by, "remove-signer", case_id=case_id, words=words, more=str(task_id), **more)
    return await act(tx, asked, RemoveSigner(task_id, words))


async def require_person(tx: Tx, by: Reader, person_id: UUID) -> None:
    """Refuse a person who is not of the bureau or has left.

    Raises:
        InvalidInputError: with the field `to`.
    """
    if not await is_present(tx, by.bureau_id, person_id):
        raise InvalidInputError([{"field": "to", "message": "There is no such person, or they have left."}])
