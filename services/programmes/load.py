"""Storing a programme pack: its version, and the units, project groups and positions that it sets up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from sqlmodel import col, select

from models.people import Bureau, Position, ProjectGroup, Unit
from models.programme import Programme, ProgrammeOverlay, ProgrammeVersion
from services.errors import NotFoundError
from services.process.packs import Pack, Place, UnitEntry
from services.programmes.planning import (
    LoadPlan,
    LostStageError,
    Orders,
    UndecidedError,
    find_programme,
    plan_load,
)
from services.store.chain import append_event
from services.store.transaction import Tx


@dataclass(frozen=True)
class LoadChange:
    """One row that a load added or changed."""

    kind: Literal["added", "changed"]
    what: Literal["programme", "unit", "group", "position"]
    code: str


@dataclass(frozen=True)
class LoadReport:
    """What a load did. `new_version` is False where this very pack was stored before. plan: what it was to do."""

    programme: str
    version_id: UUID
    digest: str
    new_version: bool
    changes: tuple[LoadChange, ...]
    plan: LoadPlan


@dataclass
class _Load:
    tx: Tx
    bureau_id: UUID
    pack: Pack
    changes: list[LoadChange] = field(default_factory=list)

    def put(self, row: Any | None, make: type[Any], *, what: Any, code: str, values: dict[str, Any]) -> Any:
        """Add a row with `values`, or bring an existing one to them; note which it was."""
        if row is None:
            row = make(id=self.tx.new_id(), bureau_id=self.bureau_id, **values)
            self.tx.session.add(row)
            self.changes.append(LoadChange("added", what, code))
        elif any(getattr(row, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(row, name, value)
            self.changes.append(LoadChange("changed", what, code))
        return row


async def load_pack(
    tx: Tx, bureau_id: UUID, pack: Pack, *, by: UUID | None = None, orders: Orders | None = None
) -> LoadReport:
    """Store `pack` as the version under which new seasons begin. Running seasons and cases keep theirs.

    The bureau's own values are applied to it again; what is in force, and pinned, is the pack with them. The same pack again
    changes nothing. What an older version set up and this one no longer names stays: tasks and appointments hang on
    it. Loads of one bureau wait for each other.

    Args:
        tx: the transaction; all or nothing of the pack is in it.
        bureau_id: whose programme.
        pack: a checked pack.
        by: the person who loads it; None for the command line.
        orders: what was decided beforehand.

    Returns:
        What was added and changed.

    Raises:
        NotFoundError: there is no such bureau.
        SharedNumberError: a filing of it could get the same number as one of the bureau's other programmes.
        UndecidedError: the bureau's own values conflict with it, and `orders` do not decide.
        LostStageError: running cases stand in a stage that it lacks, and `orders` are not sure.
    """
    orders = orders or Orders()
    await lock_bureau(tx, bureau_id)
    plan = await plan_load(tx, bureau_id, pack, orders.decisions)
    if plan.reapplied.open:
        raise UndecidedError(plan)
    if plan.lost and plan.is_new and not orders.sure:
        raise LostStageError(plan)
    report = await put_in_force(tx, bureau_id, plan, by=by)
    n = await _keep_overlay(tx, bureau_id, plan, report, by=by)
    if report.changes or report.new_version or n:
        await append_event(
            tx, bureau_id, stream="bureau", kind="pack-loaded", person_id=by, data=_facts(report, orders, n)
        )
    return report


async def lock_bureau(tx: Tx, bureau_id: UUID) -> None:
    """Let whatever changes a bureau's programmes wait for each other.

    Raises:
        NotFoundError: there is no such bureau.
    """
    found = await tx.session.exec(select(Bureau).where(col(Bureau.id) == bureau_id).with_for_update())
    if found.first() is None:
        raise NotFoundError


async def put_in_force(tx: Tx, bureau_id: UUID, plan: LoadPlan, *, by: UUID | None) -> LoadReport:
    """Store the plan's pack and what it sets up, and let new seasons begin under it."""
    load = _Load(tx, bureau_id, plan.pack)
    version, is_new = await store_version(tx, bureau_id, plan.pack, by=by)
    units = await _put_units(load)
    groups = await _put_groups(load, units)
    await _put_positions(load, units, groups)
    await _put_programme(load, version)
    await tx.session.flush()
    return LoadReport(plan.pack.programme, version.id, version.digest, is_new, tuple(load.changes), plan)


async def _keep_overlay(tx: Tx, bureau_id: UUID, plan: LoadPlan, report: LoadReport, *, by: UUID | None) -> int | None:
    """Write the overlay as it stands over the new pack, if there is one and anything of it changed; return its number."""
    if plan.overlay is None:
        return None
    base, _ = await store_version(tx, bureau_id, plan.base, by=by)
    return await write_overlay(tx, bureau_id, plan, base_id=base.id, version_id=report.version_id, by=by, reason="")


async def write_overlay(
    tx: Tx, bureau_id: UUID, plan: LoadPlan, *, base_id: UUID, version_id: UUID, by: UUID | None, reason: str
) -> int | None:
    """Add the overlay's next version and return its number; None where it is the one that stands."""
    changes = [each.as_dict() for each in plan.reapplied.kept]
    before = plan.overlay
    if before is not None and (before.base_id, before.version_id, before.changes) == (base_id, version_id, changes):
        return None
    n = (before.n if before else 0) + 1
    tx.session.add(
        ProgrammeOverlay(
            id=tx.new_id(), bureau_id=bureau_id, programme=plan.pack.programme, n=n, base_id=base_id,
            version_id=version_id, changes=changes, reason=reason, person_id=by, at=tx.now,
        )
    )  # fmt: skip
    await tx.session.flush()
    return n


def _facts(report: LoadReport, orders: Orders, n: int | None) -> dict[str, Any]:
    """Return what the audit says of a load; the differences are those of the two versions that it names."""
    plan = report.plan
    facts: dict[str, Any] = {"programme": report.programme, "digest": report.digest, "rows": len(report.changes)}
    if plan.before is not None:
        facts |= {"before": str(plan.before_id), "differences": len(plan.differences)}
    if n is not None:
        decided = {each.change.place: orders.decisions[each.change.place] for each in plan.conflicts}
        facts |= {"overlay": n, "pack": plan.base.digest(), "decisions": decided}
    if plan.lost:
        facts["lost"] = [f"{each.process}/{each.stage}: {each.cases}" for each in plan.lost]
    return facts | ({"reason": orders.reason} if orders.reason else {})


async def propose_pack(tx: Tx, bureau_id: UUID, pack: Pack, *, by: UUID | None = None) -> ProgrammeVersion:
    """Store `pack` without putting it in force: the bureau's administrator looks at the differences and decides on the page.

    Raises:
        NotFoundError: there is no such bureau, or it has no such programme yet.
    """
    await lock_bureau(tx, bureau_id)
    if await find_programme(tx, bureau_id, pack.programme) is None:
        raise NotFoundError("There is no programme “{programme}” yet; load it.", programme=pack.programme)
    version, is_new = await store_version(tx, bureau_id, pack, by=by)
    if is_new:
        data = {"programme": pack.programme, "digest": version.digest}
        await append_event(tx, bureau_id, stream="bureau", kind="pack-proposed", person_id=by, data=data)
    return version


async def bureau_of(tx: Tx, code: str) -> UUID:
    """Return the id of the bureau whose code is `code`.

    Raises:
        NotFoundError: there is no such bureau; `details` names it.
    """
    found = await tx.session.exec(select(Bureau.id).where(col(Bureau.code) == code))
    bureau_id = found.first()
    if bureau_id is None:
        raise NotFoundError("There is no bureau “{bureau}”.", bureau=code)
    return bureau_id


async def load_pack_for(
    tx: Tx, bureau_code: str, pack: Pack, *, by: UUID | None = None, orders: Orders | None = None
) -> LoadReport:
    """Do `load_pack` for the bureau whose code is `bureau_code`.

    Raises:
        NotFoundError: there is no such bureau; `details` names it.
    """
    return await load_pack(tx, await bureau_of(tx, bureau_code), pack, by=by, orders=orders)


async def store_version(
    tx: Tx, bureau_id: UUID, pack: Pack, *, by: UUID | None = None
) -> tuple[ProgrammeVersion, bool]:
    """Return the stored version of a resolved pack, and whether it is new."""
    digest = pack.digest()
    query = select(ProgrammeVersion).where(
        col(ProgrammeVersion.bureau_id) == bureau_id,
        col(ProgrammeVersion.programme) == pack.programme,
        col(ProgrammeVersion.digest) == digest,
    )
    stored = (await tx.session.exec(query)).first()
    if stored is not None:
        return stored, False
    version = ProgrammeVersion(
        id=tx.new_id(), bureau_id=bureau_id, programme=pack.programme, digest=digest, resolved=pack.resolved(),
        loaded_at=tx.now, loaded_by=by,
    )  # fmt: skip
    tx.session.add(version)
    await tx.session.flush()
    return version, True


async def _put_units(load: _Load) -> dict[str, UUID]:
    stored = await load.tx.session.exec(select(Unit).where(col(Unit.bureau_id) == load.bureau_id))
    rows = {unit.code: unit for unit in stored}
    ids = {code: unit.id for code, unit in rows.items()}
    for entry in _parents_first(load.pack.units):
        values = {
            "code": entry.code,
            "title_zh": entry.title.zh,
            "title_en": entry.title.en,
            "kind": entry.kind,
            "parent_id": ids[entry.parent] if entry.parent else None,
        }
        ids[entry.code] = load.put(rows.get(entry.code), Unit, what="unit", code=entry.code, values=values).id
        # Table classes know of no relationship, so a child could be written before its parent.
        await load.tx.session.flush()
    return ids


def _parents_first(units: tuple[UnitEntry, ...]) -> Iterator[UnitEntry]:
    done: set[str | None] = {None}
    waiting = list(units)
    while waiting:
        ready = [unit for unit in waiting if unit.parent in done]
        yield from ready
        done |= {unit.code for unit in ready}
        waiting = [unit for unit in waiting if unit.code not in done]


async def _put_groups(load: _Load, units: dict[str, UUID]) -> dict[str, UUID]:
    query = select(ProjectGroup).where(
        col(ProjectGroup.bureau_id) == load.bureau_id, col(ProjectGroup.programme) == load.pack.programme
    )
    rows = {group.code: group for group in await load.tx.session.exec(query)}
    ids: dict[str, UUID] = {}
    for entry in load.pack.groups:
        values = {
            "programme": load.pack.programme,
            "code": entry.code,
            "title_zh": entry.title.zh,
            "title_en": entry.title.en,
            "guiding_unit_id": units[entry.guiding_unit],
            "base_unit_id": units[entry.base_unit],
        }
        ids[entry.code] = load.put(rows.get(entry.code), ProjectGroup, what="group", code=entry.code, values=values).id
    await load.tx.session.flush()
    return ids


async def _put_positions(load: _Load, units: dict[str, UUID], groups: dict[str, UUID]) -> None:
    stored = await load.tx.session.exec(select(Position).where(col(Position.bureau_id) == load.bureau_id))
    rows = {position.code: position for position in stored}
    for place in load.pack.places():
        code = position_code(load.pack.programme, place)
        values = {
            "code": code,
            "role": place.role,
            "title_zh": place.title.zh,
            "title_en": place.title.en,
            "unit_id": units[place.unit] if place.unit else None,
            "group_id": groups[place.group] if place.group else None,
        }
        load.put(rows.get(code), Position, what="position", code=code, values=values)


def position_code(programme: str, place: Place) -> str:
    """Return the code under which a position is stored: `unit/role`, or `programme:group:role`."""
    return f"{place.unit}/{place.role}" if place.unit else f"{programme}:{place.group}:{place.role}"


async def _put_programme(load: _Load, version: ProgrammeVersion) -> None:
    row = await find_programme(load.tx, load.bureau_id, load.pack.programme)
    values = {
        "code": load.pack.programme,
        "title_zh": load.pack.title.zh,
        "title_en": load.pack.title.en,
        "version_id": version.id,
    }
    load.put(row, Programme, what="programme", code=load.pack.programme, values=values)
