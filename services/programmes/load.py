"""Storing a programme pack: its version, and the units, project groups and positions that it sets up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal
from uuid import UUID

from sqlmodel import col, select

from models.people import Bureau, Position, ProjectGroup, Unit
from models.programme import Programme, ProgrammeVersion
from services.errors import ConflictError, NotFoundError
from services.process.definitions import FileStage
from services.process.numbers import may_coincide
from services.process.packs import Pack, Place, UnitEntry
from services.programmes.pinned import pinned_pack
from services.store.chain import append_event
from services.store.transaction import Tx


class SharedNumberError(ConflictError):
    """Two programmes of a bureau would number alike, and the second one's filings would all fail."""

    code = "shared-number"
    default = "“{number}” could write the same number as “{other}” of the programme “{programme}”; begin it with other letters."


@dataclass(frozen=True)
class LoadChange:
    """One row that a load added or changed."""

    kind: Literal["added", "changed"]
    what: Literal["programme", "unit", "group", "position"]
    code: str


@dataclass(frozen=True)
class LoadReport:
    """What a load did. `new_version` is False where this very pack was stored before."""

    programme: str
    version_id: UUID
    digest: str
    new_version: bool
    changes: tuple[LoadChange, ...]


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


async def load_pack(tx: Tx, bureau_id: UUID, pack: Pack, *, by: UUID | None = None) -> LoadReport:
    """Store `pack` as the version under which new seasons begin. Running seasons keep theirs.

    The same pack again changes nothing. What an older version set up and this one no longer names stays: tasks and
    appointments hang on it. Loads of one bureau wait for each other.

    Args:
        tx: the transaction; all or nothing of the pack is in it.
        bureau_id: whose programme.
        pack: a checked pack.
        by: the person who loads it; None for the command line.

    Returns:
        What was added and changed.

    Raises:
        NotFoundError: there is no such bureau.
        SharedNumberError: a filing of it could get the same number as one of the bureau's other programmes.
    """
    found = await tx.session.exec(select(Bureau).where(col(Bureau.id) == bureau_id).with_for_update())
    if found.first() is None:
        raise NotFoundError
    await _refuse_shared_numbers(tx, bureau_id, pack)
    load = _Load(tx, bureau_id, pack)
    version, is_new = await _version(load, by)
    units = await _put_units(load)
    groups = await _put_groups(load, units)
    await _put_positions(load, units, groups)
    await _put_programme(load, version)
    await tx.session.flush()
    if load.changes or is_new:
        data = {"programme": pack.programme, "digest": version.digest, "rows": len(load.changes)}
        await append_event(tx, bureau_id, stream="bureau", kind="pack-loaded", person_id=by, data=data)
    return LoadReport(pack.programme, version.id, version.digest, is_new, tuple(load.changes))


async def load_pack_for(tx: Tx, bureau_code: str, pack: Pack, *, by: UUID | None = None) -> LoadReport:
    """Do the same for the bureau whose code is `bureau_code`.

    Raises:
        NotFoundError: there is no such bureau; `details` names it.
    """
    found = await tx.session.exec(select(Bureau.id).where(col(Bureau.code) == bureau_code))
    bureau_id = found.first()
    if bureau_id is None:
        raise NotFoundError("There is no bureau “{bureau}”.", bureau=bureau_code)
    return await load_pack(tx, bureau_id, pack, by=by)


async def _refuse_shared_numbers(tx: Tx, bureau_id: UUID, pack: Pack) -> None:
    """Compare with what is in force of the other programmes: a number stands once in a bureau (备案编号)."""
    query = select(Programme).where(col(Programme.bureau_id) == bureau_id, col(Programme.code) != pack.programme)
    for programme in (await tx.session.exec(query.order_by(Programme.code))).all():
        other = await pinned_pack(tx, programme.version_id)
        for ours, theirs in product(_numbers(pack), _numbers(other)):
            if may_coincide(ours, theirs, groups=_group_codes(pack), others=_group_codes(other)):
                raise SharedNumberError(number=ours, programme=programme.code, other=theirs)


def _numbers(pack: Pack) -> list[str]:
    stages = (stage for process in pack.processes for stage in process.all_stages)
    return [stage.number for stage in stages if isinstance(stage, FileStage)]


def _group_codes(pack: Pack) -> list[str]:
    return [group.code for group in pack.groups]


async def _version(load: _Load, by: UUID | None) -> tuple[ProgrammeVersion, bool]:
    digest = load.pack.digest()
    query = select(ProgrammeVersion).where(
        col(ProgrammeVersion.bureau_id) == load.bureau_id,
        col(ProgrammeVersion.programme) == load.pack.programme,
        col(ProgrammeVersion.digest) == digest,
    )
    stored = (await load.tx.session.exec(query)).first()
    if stored is not None:
        return stored, False
    version = ProgrammeVersion(
        id=load.tx.new_id(),
        bureau_id=load.bureau_id,
        programme=load.pack.programme,
        digest=digest,
        resolved=load.pack.resolved(),
        loaded_at=load.tx.now,
        loaded_by=by,
    )
    load.tx.session.add(version)
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
    query = select(Programme).where(
        col(Programme.bureau_id) == load.bureau_id, col(Programme.code) == load.pack.programme
    )
    row = (await load.tx.session.exec(query)).first()
    values = {
        "code": load.pack.programme,
        "title_zh": load.pack.title.zh,
        "title_en": load.pack.title.en,
        "version_id": version.id,
    }
    load.put(row, Programme, what="programme", code=load.pack.programme, values=values)
