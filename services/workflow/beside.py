"""What happens beside a case's way: acts that do not move it, and the one manner in which all of them are written.

Such an act locks the case, looks at what the lock holds still, and writes its rows, its audit event, the chain's new head
and its notifications in one statement. The case's version stays: whoever has it open may still decide.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast
from uuid import UUID

from services.errors import IllegalTransitionError, InvalidInputError, NotFoundError
from services.i18n import Message
from services.people.access import Reader, case_scope_sql
from services.people.directory import local_day
from services.people.holding import holds
from services.people.positions import COACHES
from services.process.definitions import JudgingStage, ProcessDefinition
from services.process.packs import Pack
from services.process.states import CaseState, TaskState, VisitState
from services.programmes.pinned import pinned_pack
from services.store.transaction import Tx
from services.store.writer import Rows, write
from services.workflow.represented import has
from services.workflow.rows import chain

if TYPE_CHECKING:
    from services.workflow.locking import LockedCase

MOST_WORDS = 2000
Priority = Literal["normal", "high", "urgent"]

LOCK = """
SELECT c.id, c.bureau_id, c.season_id, c.version_id, c.process, c.group_id, c.state_doc::text AS state_doc,
    c.actors::text AS actors, c.priority, c.audit_seq, c.audit_hash
FROM cases c WHERE c.bureau_id = $1 AND c.id = {which} FOR UPDATE OF c
"""
BY_TASK = LOCK.format(which="(SELECT t.case_id FROM task t WHERE t.id = $2 AND t.bureau_id = $1)")
BY_CASE = LOCK.format(which="$2")


@dataclass(frozen=True)
class Beside:
    """A case under its row lock, as far as acts beside its way need it. `state` is as the newest committed act left it."""

    id: UUID
    bureau_id: UUID
    season_id: UUID
    group_id: UUID
    state: CaseState
    pack: Pack
    definition: ProcessDefinition
    actors: Mapping[str, UUID]
    priority: str | None
    audit_seq: int
    audit_hash: str

    def open_task(self, task_id: UUID, *, act: str) -> TaskState:
        """Return an open task of the case.

        Raises:
            IllegalTransitionError: the task is not open.
        """
        visit = self.visit_of(task_id, act=act)
        task = visit.task(task_id)
        assert task is not None  # it is what the visit was found by
        return task

    def visit_of(self, task_id: UUID, *, act: str) -> VisitState:
        """Return the open visit of an open task.

        Raises:
            IllegalTransitionError: the task is not open.
        """
        visit = self.state.visit_of(task_id)
        if visit is None:
            raise IllegalTransitionError(state=self.state.name, act=act)
        return visit

    def is_with(self, reader: Reader, task: TaskState) -> bool:
        """Tell whether the task is the reader's, or of somebody whom they stand in for."""
        holder = task.with_ or task.position
        return has(reader, holder, programme=self.pack.programme, process=self.definition.process)

    def held_by(self, reader: Reader) -> bool:
        """Tell whether an open task of the case is the reader's."""
        return any(self.is_with(reader, task) for task in self.state.tasks)


def actors_of(text: str) -> dict[str, UUID]:
    """Read a case's actors from their JSON: the definition's word -> the position's id."""
    return {actor: UUID(position) for actor, position in json.loads(text).items()}


def submit_positions(definition: ProcessDefinition, actors: Mapping[str, UUID]) -> frozenset[UUID]:
    """Return the positions that submit the case."""
    return frozenset(actors[stage.by] for stage in definition.submit_stages())


def deliberates(reader: Reader, definition: ProcessDefinition, actors: Mapping[str, UUID], *, group_id: UUID) -> bool:
    """Tell whether the reader belongs to those who decide on the case: they may read what is asked about it.

    These are the holders of the positions of its approve stages, the clerks and heads of these positions' offices, and
    the administrator; nobody of the group that submits it.
    """
    if any(held.group_id == group_id and held.role in COACHES for held in reader.positions):
        return False
    approving = {
        actors[actor] for stage in definition.all_stages if isinstance(stage, JudgingStage) for actor in stage.actors
    }
    return reader.is_administrator or not approving.isdisjoint(reader.position_ids | reader.colleagues)


async def lock_beside(tx: Tx, by: Reader, *, case_id: UUID | None = None, task_id: UUID | None = None) -> Beside:
    """Lock the case (or the case of the task) until the transaction ends, if the reader may see it, also by a copy.

    Whether they may is read after the lock: a copy that was revoked while it was waited for shows nothing any more.

    Raises:
        NotFoundError: there is no such case in the reader's bureau, or they may not see it.
    """
    rows = await tx.rows(BY_TASK if task_id is not None else BY_CASE, (by.bureau_id, task_id or case_id))
    if not rows or not await sees(tx, by, rows[0]["id"]):
        raise NotFoundError
    row = rows[0]
    pack = await pinned_pack(tx, row["version_id"])
    return Beside(
        id=row["id"],
        bureau_id=row["bureau_id"],
        season_id=row["season_id"],
        group_id=row["group_id"],
        state=CaseState.model_validate_json(row["state_doc"]),
        pack=pack,
        definition=pack.process(row["process"]),
        actors=actors_of(row["actors"]),
        priority=row["priority"],
        audit_seq=row["audit_seq"],
        audit_hash=row["audit_hash"],
    )


async def sees(tx: Tx, reader: Reader, case_id: UUID) -> bool:
    """Tell whether the reader may see the case."""
    scope = case_scope_sql(reader, alias="c", first=2)
    return bool(await tx.rows(f"SELECT 1 FROM cases c WHERE c.id = $1 AND {scope.text}", (case_id, *scope.parameters)))  # noqa: S608


@dataclass(frozen=True)
class Told:
    """Whom an act tells, and of what: a copy, a question, a task or the case itself; context: what is said besides."""

    kind: str
    people: Iterable[UUID]
    subject: UUID
    task_id: UUID | None = None
    context: Mapping[str, str] = field(default_factory=dict)


async def write_beside(
    tx: Tx,
    case: Beside,
    rows: Rows,
    *,
    by: Reader,
    kind: str,
    data: Mapping[str, Any],
    words: str = "",
    told: Iterable[Told] = (),
) -> None:
    """Write the act: its rows, its event, the chain's head, and whom it tells. Nobody is told of their own act.

    Args:
        tx: the transaction.
        case: under its lock; one act for each lock, because it holds the chain's head.
        rows: what else the act writes; its `head` may name the case's priority from now on.
        by: who acts.
        kind: of the event.
        data: of the event, JSON values.
        words: kept in the event as a salted digest, and said to whom it concerns.
        told: whom to tell of what.
    """
    for each in told:
        _tell(tx, case, rows, each, by=by, words=words)
    # The chain asks of a case only what this one has.
    locked = cast("LockedCase", case)
    seq, head = chain(tx, locked, rows, kind=kind, person=by.person_id, data=dict(data), personal={"words": words})
    rows.head = {"priority": case.priority, **(rows.head or {}), "id": case.id, "audit_seq": seq, "audit_hash": head}
    await write(tx, rows)


def _tell(tx: Tx, case: Beside, rows: Rows, told: Told, *, by: Reader, words: str) -> None:
    context = {"person": str(by.person_id), **({"reason": words} if words else {}), **told.context}
    for person in dict.fromkeys(told.people):
        if person == by.person_id:
            continue
        rows.add(
            "notification", id=tx.new_id(), bureau_id=case.bureau_id, person_id=person, kind=told.kind,
            subject_id=told.subject, task_id=told.task_id, case_id=case.id, season_id=case.season_id,
            visit_n=case.state.visit.n if case.state.visit else 0, at=tx.now, context=context, state="pending",
            message_id=None, created_at=tx.now,
        )  # fmt: skip


VOID = """
UPDATE notification n SET state = 'void' WHERE n.subject_id = $1 AND (n.state = 'pending' OR (n.state = 'enclosed'
    AND EXISTS (SELECT FROM message m WHERE m.id = n.message_id AND m.state = 'waiting')))
RETURNING n.id
"""


async def untell(tx: Tx, subject: UUID) -> bool:
    """Void what was to be told of a copy or a question and has not left yet; tell whether there was anything."""
    return bool(await tx.rows(VOID, (subject,)))


HOLDERS = (
    f"SELECT DISTINCT a.person_id FROM appointment a WHERE a.position_id = ANY($1::uuid[]) AND {holds('$2', '$3')}"  # noqa: S608
)


async def people_with(tx: Tx, by: Reader, tasks: Iterable[TaskState]) -> list[UUID]:
    """Return whom the tasks are with today: the persons who have them, else whoever holds their positions."""
    given = list(tasks)
    positions = [task.position for task in given if task.with_ is None and task.position is not None]
    rows = await tx.rows(HOLDERS, (positions, local_day(tx.now, by.zone), tx.now))
    named = [task.with_ for task in given if task.with_ is not None]
    return list(dict.fromkeys((*named, *(row["person_id"] for row in rows))))


def worded(text: str, *, limit: int = MOST_WORDS, required: bool = True, name: str = "words") -> str:
    """Return words as they are kept.

    Raises:
        InvalidInputError: they are missing where they are needed, or too long.
    """
    text = text.replace("\x00", "").strip()
    if required and not text:
        raise InvalidInputError([{"field": name, "message": Message("Write something first.")}])
    if len(text) > limit:
        message = Message("This is too long; at most {limit} characters are kept.", {"limit": limit})
        raise InvalidInputError([{"field": name, "message": message}])
    return text
