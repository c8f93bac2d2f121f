"""Moving running cases to another version of their pack: in bulk, each by itself, with a dry run and a way back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from models.people import ProjectGroup
from services.errors import GuantongError, NotFoundError
from services.i18n import N_, Message
from services.process.definitions import ProcessDefinition
from services.process.migration import Renames, move_state, obstacles
from services.programmes.pinned import pinned_pack
from services.store.transaction import Tx
from services.store.writer import Rows, write
from services.workflow.locking import LockedCase, lock_for_clock
from services.workflow.rows import chain
from services.workflow.start import resolve_actors


@dataclass(frozen=True)
class CaseMove:
    """What became, or would become, of one case. obstacles: why it stays; () where it moves."""

    case_id: UUID
    group: str
    stage: str
    from_version: UUID
    to_version: UUID
    obstacles: tuple[Message, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether it moves."""
        return not self.obstacles


@dataclass(frozen=True)
class Migration:
    """Which cases go where. to_version: None: back to where each came from. renames: stages that are called otherwise there."""

    bureau_id: UUID
    programme: str
    process: str
    to_version: UUID | None
    renames: Renames = field(default_factory=dict)
    by: UUID | None = None
    only: Sequence[UUID] | None = None


CASES = """
SELECT c.id, c.version_id, g.code, b.zone, last.data ->> 'from_version' AS came_from, last.data -> 'renames' AS renames
FROM cases c JOIN season s ON s.id = c.season_id JOIN project_group g ON g.id = c.group_id JOIN bureau b ON b.id = c.bureau_id
LEFT JOIN LATERAL (SELECT e.data FROM audit_event e WHERE e.stream_id = c.id AND e.kind = 'migrate'
    ORDER BY e.seq DESC LIMIT 1) last ON true
WHERE c.bureau_id = $1 AND s.programme = $2 AND c.process = $3 AND c.state = 'open' AND ($4::uuid[] IS NULL OR c.id = ANY($4))
ORDER BY g.code, c.id
"""
VERSION = "SELECT id FROM programme_version WHERE bureau_id = $1 AND programme = $2 AND digest LIKE $3 || '%'"
CURRENT = "SELECT version_id FROM programme WHERE bureau_id = $1 AND code = $2"


async def find_version(tx: Tx, bureau_id: UUID, programme: str, digest: str | None) -> UUID:
    """Return the version whose digest begins so; the one in force for None.

    Raises:
        NotFoundError: there is none, or several begin so.
    """
    if digest is None:
        rows = await tx.rows(CURRENT, (bureau_id, programme))
    else:
        rows = await tx.rows(VERSION, (bureau_id, programme, digest.replace("%", "").replace("_", "")))
    if len(rows) != 1:
        raise NotFoundError(
            "There is no version of “{programme}” that begins with {digest}.", programme=programme, digest=digest or "-"
        )
    found: UUID = next(iter(rows[0].values()))
    return found


async def migrate_cases(tx: Tx, migration: Migration, *, dry_run: bool) -> list[CaseMove]:
    """Move the running cases of a process, each in a savepoint of its own; what cannot move says why and stays.

    Args:
        tx: the transaction.
        migration: which cases go where.
        dry_run: only say what would become of each.

    Returns:
        What became of each case that is not where it is to go already.
    """
    found = []
    wanted = (migration.bureau_id, migration.programme, migration.process, migration.only and list(migration.only))
    for row in await tx.rows(CASES, wanted):
        target, renames = migration.to_version, migration.renames
        if target is None:
            target = UUID(row["came_from"]) if row["came_from"] else None
            renames = {
                new: old
                for old, new in (
                    json.loads(row["renames"]) if isinstance(row["renames"], str) else row["renames"] or {}
                ).items()
            }
        if target is None or target == row["version_id"]:
            continue
        found.append(await _one(tx, migration, row, target=target, renames=renames, dry_run=dry_run))
    return found


async def _one(
    tx: Tx, migration: Migration, row: Mapping[str, Any], *, target: UUID, renames: Renames, dry_run: bool
) -> CaseMove:
    try:
        async with tx.savepoint():
            case = await lock_for_clock(tx, migration.bureau_id, row["id"], zone=row["zone"])
            if case is None:
                raise NotFoundError
            return await _move(tx, migration, case, target=target, renames=renames, dry_run=dry_run)
    except GuantongError as error:
        why = Message(error.template, error.details)
        return CaseMove(row["id"], row["code"], "", row["version_id"], target, (why,))


async def _move(
    tx: Tx, migration: Migration, case: LockedCase, *, target: UUID, renames: Renames, dry_run: bool
) -> CaseMove:
    new = {each.process: each for each in (await pinned_pack(tx, target)).processes}.get(case.definition.process)
    where = (case.id, case.group_code, case.state.name, case.version_id, target)
    if new is None:
        return CaseMove(*where, (Message(N_("The other version does not have this process.")),))
    why = obstacles(case.definition, new, case.state, renames)
    group = await tx.session.get_one(ProjectGroup, case.group_id)
    actors = await resolve_actors(tx, group, new.actors())
    if not why and not dry_run:
        await _write(tx, migration, case, new=new, target=target, actors=actors, renames=renames)
    return CaseMove(*where, tuple(why))


async def _write(
    tx: Tx,
    migration: Migration,
    case: LockedCase,
    *,
    new: ProcessDefinition,
    target: UUID,
    actors: Mapping[str, UUID],
    renames: Renames,
) -> None:
    state = move_state(new, case.state, renames)
    rows = Rows(now=tx.now)
    data = {
        "from_version": str(case.version_id), "to_version": str(target), "renames": dict(renames),
        "from": case.state.name, "to": state.name, "version": state.version,
    }  # fmt: skip
    seq, head = chain(tx, case, rows, kind="migrate", person=migration.by, data=data)
    rows.case = {
        "id": case.id, "state": state.status, "stage": state.visit.stage if state.visit else None,
        "version": state.version, "number": state.number, "late": case.late, "state_doc": state.model_dump(mode="json"),
        "closed_at": None, "audit_seq": seq, "audit_hash": head, "suspended_at": state.suspended_at,
    }  # fmt: skip
    await write(tx, rows)
    text = json.dumps({actor: str(position) for actor, position in actors.items()})
    await tx.rows("UPDATE cases SET version_id = $2, actors = $3::jsonb WHERE id = $1", (case.id, target, text))
    for before, after in renames.items():
        for table in ("visit", "task"):
            await tx.rows(f"UPDATE {table} SET stage = $3 WHERE case_id = $1 AND stage = $2", (case.id, before, after))  # noqa: S608
