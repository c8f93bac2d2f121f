"""What an act on a case would do: it is carried out, looked at, and taken back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.store.transaction import Tx


@dataclass(frozen=True)
class ForeseenTask:
    """A task that would close or open. actor: the definition's word. person: whom it is with by name, or None."""

    id: UUID
    stage: str
    actor: str
    person: str | None


@dataclass(frozen=True)
class Foreseen:
    """What would become of a case. told: the names of whoever would be told, each once. state: how it would stand then."""

    closes: tuple[ForeseenTask, ...]
    opens: tuple[ForeseenTask, ...]
    told: tuple[str, ...]
    state: str
    stages: tuple[str, ...]


class _TakenBackError(Exception):
    """What was tried is taken back."""


TASKS = """
SELECT t.id, t.stage, t.actor, w.name AS person FROM task t LEFT JOIN person w ON w.id = t.person_id
WHERE t.case_id = $1 AND t.state = 'open' ORDER BY t.opened_at, t.id
"""
TOLD = "SELECT id FROM notification WHERE case_id = $1"
NEWLY_TOLD = """
SELECT DISTINCT p.sort_key, p.name FROM notification n JOIN person p ON p.id = n.person_id
WHERE n.case_id = $1 AND n.state <> 'void' AND NOT n.id = ANY($2::uuid[]) ORDER BY p.sort_key, p.name
"""
STANDS = """
SELECT c.state, ARRAY(SELECT o ->> 'stage' FROM jsonb_array_elements(c.state_doc -> 'open') o) AS stages
FROM cases c WHERE c.id = $1
"""


async def foresee(tx: Tx, case_id: UUID, act: Callable[[], Awaitable[object]]) -> Foreseen:
    """Return what an act would do to a case that the caller may see; nothing is kept.

    Args:
        tx: the transaction.
        case_id: the case.
        act: carries it out. What it raises, this raises.
    """
    tasks = await _tasks(tx, case_id)
    told = [row["id"] for row in await tx.rows(TOLD, (case_id,))]
    found: list[Foreseen] = []
    with suppress(_TakenBackError):
        async with tx.savepoint():
            await act()
            found.append(await _look(tx, case_id, tasks, told))
            raise _TakenBackError
    return found[0]


async def _tasks(tx: Tx, case_id: UUID) -> Mapping[UUID, ForeseenTask]:
    return {row["id"]: ForeseenTask(**row) for row in await tx.rows(TASKS, (case_id,))}


async def _look(tx: Tx, case_id: UUID, tasks: Mapping[UUID, ForeseenTask], told: list[UUID]) -> Foreseen:
    await tx.flush()
    after: Any = await _tasks(tx, case_id)
    names = tuple(row["name"] for row in await tx.rows(NEWLY_TOLD, (case_id, told)))
    (stands,) = await tx.rows(STANDS, (case_id,))
    closes = tuple(each for id_, each in tasks.items() if id_ not in after)
    opens = tuple(each for id_, each in after.items() if id_ not in tasks)
    return Foreseen(closes, opens, names, stands["state"], tuple(stands["stages"]))
