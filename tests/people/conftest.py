"""A small town: bureaus with a school, two groups, offices, and people who hold positions there."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

import pytest

from models.people import ProjectGroup
from models.programme import Programme, ProgrammeVersion
from services.people.access import Reader, reader_for
from services.people.directory import (
    Titles,
    appoint,
    create_account,
    create_person,
    create_position,
    create_unit,
)
from services.people.passwords import hash_password
from services.people.set_up import set_up_bureau
from services.store.transaction import Store

PASSWORD = "a quiet morning"
UNITS = {
    "institute": ("institute", "bureau"),
    "center": ("institute", "bureau"),
    "basic-office": ("office", "bureau"),
    "finance-office": ("office", "bureau"),
    "school": ("school", "bureau"),
    "branch": ("school", "school"),
    "other-school": ("school", "bureau"),
}
ROLES = {
    "institute": ("reviewer", "clerk"),
    "center": ("reviewer",),
    "basic-office": ("clerk", "head"),
    "finance-office": ("clerk", "head"),
    "school": ("office", "unit-administrator"),
    "other-school": ("office", "unit-administrator"),
}
GROUPS = {"math": ("institute", "school"), "informatics": ("center", "other-school")}
FIRST_DAY = date(2026, 1, 1)


@dataclass
class Town:
    """One bureau, by names. `reader("school/office")` is whoever holds that position."""

    store: Store
    code: str
    bureau_id: UUID
    units: dict[str, UUID] = field(default_factory=dict)
    groups: dict[str, UUID] = field(default_factory=dict)
    positions: dict[str, UUID] = field(default_factory=dict)
    people: dict[str, UUID] = field(default_factory=dict)

    async def reader(self, login: str) -> Reader:
        async with self.store.transaction() as tx:
            return await reader_for(tx, bureau_id=self.bureau_id, person_id=self.people[login])

    async def add_person(self, login: str, *positions: str, unit: str | None = None, name: str = "王小明") -> UUID:
        """Add a person with PASSWORD who holds `positions` since FIRST_DAY."""
        async with self.store.transaction() as tx:
            unit_id = self.units[unit] if unit else None
            person = await create_person(tx, None, bureau_id=self.bureau_id, name=name, unit_id=unit_id)
            await create_account(tx, None, person=person, login=login, password_hash=await _hashed())
            for code in positions:
                await appoint(
                    tx, None, bureau_id=self.bureau_id, position_id=self.positions[code], person_id=person.id,
                    starts_on=FIRST_DAY,
                )  # fmt: skip
        self.people[login] = person.id
        return person.id


_hash: list[str] = []


async def _hashed() -> str:
    if not _hash:
        _hash.append(await hash_password(PASSWORD))
    return _hash[0]


async def build_town(store: Store, code: str) -> Town:
    async with store.transaction() as tx:
        made = await set_up_bureau(
            tx, code, name=f"{code}教育局", admin_name="管维安", admin_login="administrator", password=PASSWORD
        )
        town = Town(store, code, made.bureau.id, people={"administrator": made.administrator.id})
        town.units["bureau"] = made.administrator.unit_id
        for unit, (kind, parent) in UNITS.items():
            row = await create_unit(
                tx, None, bureau_id=town.bureau_id, code=unit, titles=Titles(unit, unit), kind=kind,
                parent_id=town.units[parent],
            )  # fmt: skip
            town.units[unit] = row.id
        await _fill(tx, town)
    return town


async def _fill(tx, town: Town) -> None:
    bureau_id = town.bureau_id
    for unit, roles in ROLES.items():
        for role in roles:
            position = await create_position(
                tx, None, bureau_id=bureau_id, code=f"{unit}/{role}", role=role, titles=Titles(role, role),
                unit_id=town.units[unit],
            )  # fmt: skip
            town.positions[position.code] = position.id
    for group, (guiding, base) in GROUPS.items():
        row = ProjectGroup(
            id=tx.new_id(), bureau_id=bureau_id, programme="camp", code=group, title_zh=group, title_en=group,
            guiding_unit_id=town.units[guiding], base_unit_id=town.units[base],
        )  # fmt: skip
        tx.session.add(row)
        await tx.session.flush()
        town.groups[group] = row.id
        for role in ("chief-coach", "coach"):
            position = await create_position(
                tx, None, bureau_id=bureau_id, code=f"camp:{group}:{role}", role=role, titles=Titles(role, role),
                group_id=row.id,
            )  # fmt: skip
            town.positions[position.code] = position.id
    for row in await tx.rows(
        "SELECT id, code FROM position WHERE bureau_id = $1 AND code LIKE 'bureau/%'", (bureau_id,)
    ):
        town.positions[row["code"]] = row["id"]


@pytest.fixture
async def town(store: Store) -> Town:
    """A bureau `east` with nobody but its administrator."""
    return await build_town(store, "east")


@pytest.fixture
async def neighbour(store: Store, town: Town) -> Town:
    """A second bureau `west` in the same installation."""
    return await build_town(store, "west")


async def load_programme(town: Town) -> None:
    """The programme `camp` with two processes, plan and report, and one seat for a chief coach."""
    entries = [{"process": code, "title": {"zh": code, "en": code}} for code in ("plan", "report")]
    resolved = {"positions": [{"role": "chief-coach", "at": "group", "seats": {"max": 1}}], "processes": entries}
    async with town.store.transaction() as tx:
        version = ProgrammeVersion(
            id=tx.new_id(),
            bureau_id=town.bureau_id,
            programme="camp",
            digest="camp",
            loaded_at=tx.now,
            resolved=resolved,
        )
        tx.session.add(version)
        await tx.session.flush()
        tx.session.add(
            Programme(
                id=tx.new_id(), bureau_id=town.bureau_id, code="camp", title_zh="营", title_en="Camp",
                version_id=version.id,
            )
        )  # fmt: skip
