"""Approving many tasks at once: shown first with their number, then decided each in a savepoint of its own.

What is confirmed is the list that was shown: each task with the version of its case. Whatever has changed in between is
refused by itself; a list that is not the shown one is refused whole. Opinions that a stage asks for in words, and everything
that sends a case back, are never given in bulk.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from services.errors import ConflictError, GuantongError, InvalidInputError
from services.i18n import N_, Message
from services.people.access import Reader, case_scope_sql
from services.process.definitions import ApproveStage, JudgingStage
from services.process.states import CaseState
from services.programmes.pinned import pinned_pack
from services.store.audit import digest
from services.store.transaction import Tx
from services.workflow.acts import approve
from services.workflow.carry_out import Outcome
from services.workflow.possible import Beholder, task_acts

MOST = 200
"""How many tasks one bulk act may have."""


class ListChangedError(ConflictError):
    """What is confirmed is not what was shown."""

    code = "bulk-list-changed"
    default = "This is not the list that was shown ({shown} tasks). Look at the list again; nothing was decided."


@dataclass(frozen=True)
class BulkItem:
    """A task of a bulk act. refusal: why it would not be decided, in words; None where it would."""

    task_id: UUID
    case_id: UUID
    version: int
    group_zh: str
    group_en: str
    stage: str
    refusal: Message | None = None


@dataclass(frozen=True)
class BulkPreview:
    """What a bulk act would do. `digest` stands for exactly these tasks at these versions."""

    items: tuple[BulkItem, ...]

    @property
    def wanted(self) -> tuple[BulkItem, ...]:
        """The tasks that would be decided."""
        return tuple(item for item in self.items if item.refusal is None)

    @property
    def digest(self) -> str:
        """The same for the same tasks at the same versions."""
        return list_digest((item.task_id, item.version) for item in self.wanted)


@dataclass(frozen=True)
class BulkResult:
    """What became of one task: its outcome, or why it was refused."""

    task_id: UUID
    outcome: Outcome | None = None
    refusal: GuantongError | None = None


def list_digest(tasks: Iterable[tuple[UUID, int]]) -> str:
    """Return the digest of a list of tasks with the versions of their cases, in any order."""
    return digest(sorted([str(task), version] for task, version in tasks))


TASKS = """
SELECT t.id AS task_id, t.case_id, t.stage, t.state, c.version, c.version_id, c.process, c.state_doc::text AS state_doc,
    c.actors, g.title_zh AS group_zh, g.title_en AS group_en
FROM task t JOIN cases c ON c.id = t.case_id JOIN project_group g ON g.id = c.group_id
WHERE t.id = ANY($1::uuid[]) AND {scope} ORDER BY t.due_sort, t.id
"""


async def preview(tx: Tx, *, by: Reader, tasks: Sequence[UUID]) -> BulkPreview:
    """Return what approving these tasks would do; nothing is changed.

    Args:
        tx: the transaction.
        by: who would approve.
        tasks: 1 to MOST tasks; those that the person may not see are not in the answer.

    Raises:
        InvalidInputError: none, or too many.
    """
    if not 0 < len(set(tasks)) <= MOST:
        words = Message(N_("Choose between 1 and {most} tasks."), {"most": MOST})
        raise InvalidInputError([{"field": "tasks", "message": words}])
    scope = case_scope_sql(by, alias="c", first=2)
    rows = await tx.rows(TASKS.format(scope=scope.text), (list(set(tasks)), *scope.parameters))
    items = []
    for row in rows:
        pack = await pinned_pack(tx, row["version_id"])
        definition, state = pack.process(row["process"]), CaseState.model_validate_json(row["state_doc"])
        actors = {actor: UUID(each) for actor, each in row["actors"].items()}
        item = BulkItem(row["task_id"], row["case_id"], row["version"], row["group_zh"], row["group_en"], row["stage"])
        refusal = _refusal(Beholder(definition, state, by, actors, tx.now, pack.programme), item.task_id)
        items.append(replace(item, refusal=refusal))
    return BulkPreview(tuple(items))


def _refusal(beholder: Beholder, task_id: UUID) -> Message | None:
    visit = beholder.state.visit_of(task_id)
    task = visit.task(task_id) if visit is not None else None
    if visit is None or task is None:
        return Message(N_("This task is closed: somebody else acted first."))
    stage = beholder.definition.stage(visit.stage)
    if isinstance(stage, JudgingStage) and stage.opinion == "required":
        return Message(N_("This stage asks for an opinion in words; decide it by itself."))
    if not isinstance(stage, ApproveStage) or "approve" not in task_acts(beholder, visit, task):
        return Message(N_("You cannot approve this."))
    if beholder.state.suspended_at is not None:
        return Message(N_("The case is suspended."))
    return None


async def approve_all(
    tx: Tx, *, by: Reader, tasks: Sequence[tuple[UUID, int]], shown: str, words: str = "", key: str | None = None
) -> list[BulkResult]:
    """Approve the tasks that were shown, each in a savepoint of its own.

    Args:
        tx: the transaction.
        by: who approves.
        tasks: each task with the version of its case as it was shown.
        shown: the preview's digest.
        words: one opinion for all; may be empty.
        key: an idempotency key for all, or None.

    Returns:
        What became of each, in the order given.

    Raises:
        ListChangedError: the tasks are not those of the preview; nothing was decided.
    """
    if not 0 < len(tasks) <= MOST or list_digest(tasks) != shown:
        raise ListChangedError(shown=len(tasks))
    now = {item.task_id: item for item in (await preview(tx, by=by, tasks=[task for task, _ in tasks])).items}
    # By case, so that two bulk acts at once take their locks in one order.
    order = sorted(tasks, key=lambda each: str(now[each[0]].case_id) if each[0] in now else "")
    results = {
        task: await _one(tx, by, now.get(task), task, version=version, words=words, key=key) for task, version in order
    }
    return [results[task] for task, _ in tasks]


async def _one(
    tx: Tx, by: Reader, item: BulkItem | None, task: UUID, *, version: int, words: str, key: str | None
) -> BulkResult:
    if item is not None and item.refusal is not None and "opinion in words" in item.refusal:
        return BulkResult(task, refusal=ConflictError(item.refusal))
    try:
        async with tx.savepoint():
            return BulkResult(
                task,
                await approve(
                    tx, by=by, task_id=task, words=words, version=version, key=f"{key}:{task}" if key else None
                ),
            )
    except GuantongError as error:
        return BulkResult(task, refusal=error)
