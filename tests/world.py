"""A bureau with the Qingdao programme and its demo people, and plans that may be filed: what most tests begin with."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from sqlmodel import col, select

from models.people import Appointment, Bureau, Person, Position, ProjectGroup
from models.programme import Programme, Season
from services.adapters.packs import read_pack
from services.people.access import Reader, reader_for
from services.process.deadlines import season_dates
from services.process.packs import Pack
from services.programmes.load import load_pack
from services.programmes.pinned import calendar_of
from services.store.audit import GENESIS
from services.store.transaction import Store, Tx
from services.workflow.drafts import save_draft
from services.workflow.start import start_case

PACK = Path(__file__).resolve().parents[1] / "programmes" / "qingdao-qiangji"
GROUPS = ("math", "physics", "chemistry", "biology", "informatics", "humanities")

PLAN: dict[str, Any] = {
    "goals": {
        "items": [
            {
                "goal": "More first prizes",
                "indicator": "Provincial first prizes",
                "target": "12",
                "unit": "prizes",
                "by": "2027-11-30",
            }
        ]
    },
    "trainees": {
        "number": "48",
        "method": "recommendation",
        "procedure": "Schools recommend, the group examines, the chief coach decides.",
        "conditions": [{"condition": "Second year of senior school", "check": "School register"}],
    },
    "management": {"rules": [{"matter": "Attendance", "rule": "Three absences end the training.", "coach": "孟星河"}]},
    "training": {
        "sessions": [
            {
                "title": "Number theory",
                "mode": "offline",
                "starts": "2027-03-06",
                "ends": "2027-03-07",
                "hours": "12",
                "place": "Base school",
                "teacher": "周明远",
            }
        ]
    },
    "budget": {
        "lines": [
            {"head": "daily", "item": "Teachers", "quantity": "40", "price": "500", "amount": "20000"},
            {"head": "daily", "item": "Books", "quantity": "48", "price": "125.50", "amount": "6024"},
        ],
        "daily": "26024",
        "total": "26024",
    },
}
"""A plan as it is typed, without a mistake, for the season 2027."""


def plan(**changes: Any) -> dict[str, Any]:
    """Return PLAN with single entries changed: `plan(budget__total="1")`."""
    data = copy.deepcopy(PLAN)
    for path, value in changes.items():
        part, _, name = path.partition("__")
        data[part][name] = value
    return data


@dataclass
class World:
    """A bureau in the store. people: login -> person id; groups: code -> row."""

    store: Store
    bureau_id: UUID
    pack: Pack
    people: dict[str, UUID] = field(default_factory=dict)
    groups: dict[str, ProjectGroup] = field(default_factory=dict)
    season: Season | None = None
    cases: dict[str, UUID] = field(default_factory=dict)

    async def reader(self, tx: Tx, login: str) -> Reader:
        return await reader_for(tx, bureau_id=self.bureau_id, person_id=self.people[login])

    async def open_task(self, tx: Tx, group: str, actor: str | None = None) -> UUID:
        """Return the id of the group's open task (of `actor` where several are open)."""
        rows = await tx.rows("SELECT id, actor FROM task WHERE case_id = $1 AND state = 'open'", (self.cases[group],))
        (task,) = [row["id"] for row in rows if actor is None or row["actor"] == actor]
        return task

    async def fill_in(self, group: str, data: Mapping[str, Any] | None = None, *, login: str | None = None) -> None:
        """Save a draft as the group's chief coach."""
        async with self.store.transaction() as tx:
            by = await self.reader(tx, login or f"{group}-chief")
            await save_draft(tx, by=by, case_id=self.cases[group], data=data or plan())


@cache
def qingdao() -> Pack:
    return read_pack(PACK)


async def make_world(store: Store, *, code: str = "qd", pack: Pack | None = None) -> World:
    """Create a bureau, load the pack (Qingdao's) and its demo people."""
    pack = pack or qingdao()
    async with store.transaction() as tx:
        bureau = Bureau(
            id=tx.new_id(),
            code=code,
            name=f"Bureau {code}",
            zone="Asia/Shanghai",
            locale="zh",
            settings={},
            created_at=tx.now,
        )
        tx.session.add(bureau)
        await tx.session.flush()
        await load_pack(tx, bureau.id, pack)
        world = World(store, bureau.id, pack)
        found = await tx.session.exec(select(ProjectGroup).where(col(ProjectGroup.bureau_id) == bureau.id))
        world.groups = {group.code: group for group in found}
        await _add_people(tx, world)
    return world


async def _add_people(tx: Tx, world: World) -> None:
    positions = {
        position.code: position
        for position in await tx.session.exec(select(Position).where(col(Position.bureau_id) == world.bureau_id))
    }
    rows = await tx.rows("SELECT id, code FROM unit WHERE bureau_id = $1", (world.bureau_id,))
    units = {row["code"]: row["id"] for row in rows}
    for entry in yaml.safe_load((PACK / "people" / "demo.yaml").read_text(encoding="utf-8"))["people"]:
        person = Person(
            id=tx.new_id(), bureau_id=world.bureau_id, name=entry["name"], sort_key=entry["login"],
            email=entry.get("email"), locale=entry.get("locale", "zh"), unit_id=units[entry["unit"]], created_at=tx.now,
        )  # fmt: skip
        tx.session.add(person)
        await tx.session.flush()
        world.people[entry["login"]] = person.id
        for held in entry["holds"]:
            group = held.get("group")
            code = f"{world.pack.programme}:{group}:{held['position']}" if group else held["position"]
            tx.session.add(
                Appointment(
                    id=tx.new_id(),
                    bureau_id=world.bureau_id,
                    position_id=positions[code].id,
                    person_id=person.id,
                    starts_on=date(2026, 1, 1),
                    ends_on=None,
                    created_at=tx.now,
                )
            )


async def open_filing(world: World, *, key: str = "2027", groups: tuple[str, ...] = GROUPS) -> World:
    """Open the annual filing and a case for each of `groups`, as the season's flow does."""
    async with world.store.transaction() as tx:
        programme = (await tx.session.exec(select(Programme).where(col(Programme.bureau_id) == world.bureau_id))).one()
        calendar = await calendar_of(tx, world.bureau_id, world.pack)
        dates = season_dates(world.pack.process("annual-filing").season, key, calendar)
        world.season = Season(
            id=tx.new_id(), bureau_id=world.bureau_id, programme=programme.code, process="annual-filing", key=key,
            version_id=programme.version_id, state="running", opens_at=dates.opens_at, due_at=dates.due_at,
            due={"due_on": dates.due_on.isoformat(), "opens_on": dates.opens_on.isoformat()}, started_at=tx.now,
            audit_hash=GENESIS,
        )  # fmt: skip
        tx.session.add(world.season)
        await tx.session.flush()
        for code in groups:
            case_id = await start_case(tx, season=world.season, group=world.groups[code])
            assert case_id is not None
            world.cases[code] = case_id
    return world


async def told(store: Store, *, kind: str | None = None) -> list[tuple[str, UUID]]:
    """Return (kind, person) of every notification that stands, oldest first."""
    async with store.transaction() as tx:
        rows = await tx.rows("SELECT kind, person_id FROM notification WHERE state <> 'void' ORDER BY created_at, id")
    return [(row["kind"], row["person_id"]) for row in rows if kind is None or row["kind"] == kind]


def local(year: int, month: int, day: int, hour: int = 9, minute: int = 0) -> datetime:
    """Return a time of day in Shanghai."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo("Asia/Shanghai"))
