"""A programme's versions for its bureau's administrator: what differs, and which running cases stand where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models.programme import Programme
from services.errors import NotFoundError
from services.people.access import Reader, may_load_programmes, require
from services.process.pack_diff import difference
from services.process.pack_overlay import Decision
from services.programmes.differing import Section, tell_differences
from services.programmes.load import LoadReport, load_pack
from services.programmes.overlays import programme_of
from services.programmes.pinned import pinned_pack
from services.programmes.planning import LoadPlan, Orders, plan_load
from services.programmes.standing import Standing, running_cases, standings
from services.store.transaction import Tx


@dataclass(frozen=True)
class Version:
    """A stored version. running: how many cases run under it. own: it holds values that the bureau has set for itself."""

    id: UUID
    digest: str
    loaded_at: datetime
    person: str | None
    in_force: bool
    own: bool
    running: int


@dataclass(frozen=True)
class Versions:
    """A programme with its versions, the newest first, and where its running cases stand."""

    programme: Programme
    versions: tuple[Version, ...]
    standing: tuple[Standing, ...]

    def version(self, version_id: UUID) -> Version:
        """Return one of the versions.

        Raises:
            NotFoundError: the programme has no such version.
        """
        found = next((each for each in self.versions if each.id == version_id), None)
        if found is None:
            raise NotFoundError
        return found

    def compared(self, version_id: UUID) -> UUID | None:
        """Return what a version is compared with: the one in force; that one with the next older, if there is any."""
        if version_id != self.programme.version_id:
            return self.programme.version_id
        ids = [each.id for each in self.versions]
        return next(iter(ids[ids.index(version_id) + 1 :]), None)


PROGRAMMES = """
SELECT p.id, p.code, p.title_zh, p.title_en, p.version_id, v.digest, v.loaded_at FROM programme p
JOIN programme_version v ON v.id = p.version_id WHERE p.bureau_id = $1 ORDER BY p.code
"""
VERSIONS = """
SELECT v.id, v.digest, v.loaded_at, p.name AS person, v.id = $3 AS in_force,
    EXISTS (SELECT FROM programme_overlay o WHERE o.bureau_id = v.bureau_id AND o.programme = v.programme
        AND o.version_id = v.id AND o.base_id <> v.id) AS own
FROM programme_version v LEFT JOIN person p ON p.bureau_id = v.bureau_id AND p.id = v.loaded_by
WHERE v.bureau_id = $1 AND v.programme = $2 ORDER BY v.loaded_at DESC, v.id DESC
"""


@dataclass(frozen=True)
class ProgrammeLine:
    """A programme with its version in force."""

    id: UUID
    code: str
    title_zh: str
    title_en: str
    version_id: UUID
    digest: str
    loaded_at: datetime


async def programme_lines(tx: Tx, reader: Reader) -> list[ProgrammeLine]:
    """Return the bureau's programmes by their codes.

    Raises:
        ForbiddenError: the reader is not the bureau's administrator.
    """
    require(may_load_programmes(reader))
    return [ProgrammeLine(**row) for row in await tx.rows(PROGRAMMES, (reader.bureau_id,))]


async def versions_of(tx: Tx, reader: Reader, programme_id: UUID) -> Versions:
    """Return a programme's versions.

    Raises:
        ForbiddenError: the reader is not the bureau's administrator.
        NotFoundError: the bureau has no such programme.
    """
    programme = await programme_of(tx, reader, programme_id)
    running = await running_cases(tx, reader.bureau_id, programme.code)
    rows = await tx.rows(VERSIONS, (reader.bureau_id, programme.code, programme.version_id))
    found = tuple(Version(**row, running=running.get(row["id"], 0)) for row in rows)
    return Versions(programme, found, await standings(tx, reader.bureau_id, programme.code))


async def sections_between(tx: Tx, before_id: UUID, after_id: UUID) -> tuple[Section, ...]:
    """Return in words what differs between two stored versions."""
    before, after = await pinned_pack(tx, before_id), await pinned_pack(tx, after_id)
    one, other = before.resolved(), after.resolved()
    return tell_differences(one, other, difference(one, other))


async def plan_version(
    tx: Tx, reader: Reader, programme_id: UUID, version_id: UUID, decisions: Mapping[str, Decision] | None = None
) -> LoadPlan:
    """Return what putting a stored version in force would do; the bureau's own values are applied to it.

    Raises:
        NotFoundError: the programme has no such version, or it is one that holds the bureau's own values already.
    """
    await _loadable(tx, reader, programme_id, version_id)
    return await plan_load(tx, reader.bureau_id, await pinned_pack(tx, version_id), decisions)


async def load_version(tx: Tx, reader: Reader, programme_id: UUID, version_id: UUID, *, orders: Orders) -> LoadReport:
    """Put a stored version in force, as loading its pack would; raises as `plan_version` and `load_pack`."""
    await _loadable(tx, reader, programme_id, version_id)
    pack = await pinned_pack(tx, version_id)
    return await load_pack(tx, reader.bureau_id, pack, by=reader.person_id, orders=orders)


async def _loadable(tx: Tx, reader: Reader, programme_id: UUID, version_id: UUID) -> None:
    found = await versions_of(tx, reader, programme_id)
    if found.version(version_id).own:
        raise NotFoundError
