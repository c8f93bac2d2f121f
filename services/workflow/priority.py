"""Priority of a case: a word of the offices for each other. Lists still go by due date."""

from __future__ import annotations

from uuid import UUID

from services.errors import ForbiddenError, IllegalTransitionError, InvalidInputError
from services.i18n import Message
from services.people.access import Reader, may_give_priority
from services.store.transaction import Tx
from services.store.writer import Rows
from services.workflow.beside import Priority, Told, lock_beside, people_with, worded, write_beside


async def give_priority(tx: Tx, *, by: Reader, case_id: UUID, priority: Priority, words: str) -> None:
    """Give an open case a priority, with a reason; the holders of its open tasks are told. Given back, it is `normal`.

    Args:
        tx: the transaction.
        by: clerk or head of an office, holding one of the case's positions, or the administrator.
        case_id: the case.
        priority: another one than it has.
        words: why.

    Raises:
        ForbiddenError: the reader is no such person.
        IllegalTransitionError: the case is closed.
        InvalidInputError: there is no reason, or the case has that priority already.
    """
    case = await lock_beside(tx, by, case_id=case_id)
    if not may_give_priority(by, case.actors.values()):
        raise ForbiddenError
    if case.state.visit is None:
        raise IllegalTransitionError(state=case.state.name, act="give-priority")
    words, was = worded(words), case.priority or "normal"
    if was == priority:
        raise InvalidInputError([{"field": "priority", "message": Message("The case has this priority already.")}])
    rows = Rows(now=tx.now, head={"priority": None if priority == "normal" else priority})
    rows.add(
        "priority_change", id=tx.new_id(), bureau_id=case.bureau_id, case_id=case.id, person_id=by.person_id,
        priority=priority, words=words, at=tx.now,
    )  # fmt: skip
    holders = await people_with(tx, by, case.state.tasks)
    told = [Told("priority-given", holders, case.id, context={"priority": priority})]
    data = {"from": was, "to": priority}
    await write_beside(tx, case, rows, by=by, kind="priority-given", data=data, words=words, told=told)
