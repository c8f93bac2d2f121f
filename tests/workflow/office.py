"""A bureau with a pack that uses every kind of stage, and its people acting on one case of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from models.people import ProjectGroup
from models.programme import Season
from services.adapters.packs import read_pack, read_roster
from services.people.access import Reader, reader_for
from services.people.directory import create_bureau
from services.people.set_up import load_people
from services.process.packs import Pack
from services.process.states import CaseState, TaskState, VisitState
from services.programmes.load import load_pack
from services.store.transaction import Store, Tx
from services.workflow.acts import submit_plan
from services.workflow.arrivals import let_go_on
from services.workflow.carry_out import Outcome
from services.workflow.drafts import save_draft
from services.workflow.season_plan import plan_season
from services.workflow.seasons import open_season

EVERYTHING = Path(__file__).resolve().parents[1] / "packs" / "everything"
PLAN = {
    "basics": {"name": "Robots", "kind": "camp", "trainees": "20"},
    "budget": {"total": "20000"},
}
MATERIALS = {"more": {"kind": "public", "remarks": "Photographs"}}
MARKS = {"marks": {"score": "88", "reasons": "Clear goals"}}


@dataclass
class Office:
    """A bureau in the store. people: login -> person id; case_id: the case that acts are done on."""

    store: Store
    bureau_id: UUID
    pack: Pack
    people: Mapping[str, UUID]
    seasons: dict[str, UUID] = field(default_factory=dict)
    case_id: UUID = field(default_factory=lambda: UUID(int=0))

    async def reader(self, tx: Tx, login: str) -> Reader:
        return await reader_for(tx, bureau_id=self.bureau_id, person_id=self.people[login])

    async def do(self, act: Callable[..., Awaitable[Any]], login: str, **more: Any) -> Any:
        """Let a person act in a transaction of its own."""
        async with self.store.transaction() as tx:
            return await act(tx, by=await self.reader(tx, login), **more)

    async def open(self, process: str, group: str, *, key: str = "2027") -> UUID:
        """Open the process's season and return the group's case, which acts are done on from now."""
        async with self.store.transaction() as tx:
            season_id = await plan_season(tx, self.bureau_id, programme=self.pack.programme, process=process, key=key)
        self.seasons[process] = season_id
        async with self.store.transaction() as tx:
            season = await tx.session.get_one(Season, season_id)
            if season.state == "planned":
                await open_season(tx, season_id, season.generation)
            rows = await tx.rows(
                "SELECT c.id FROM cases c JOIN project_group g ON g.id = c.group_id"
                " WHERE c.season_id = $1 AND g.code = $2 AND c.parent_id IS NULL",
                (season_id, group),
            )
        self.case_id = rows[0]["id"]
        return self.case_id

    async def state(self, case_id: UUID | None = None) -> CaseState:
        async with self.store.transaction() as tx:
            rows = await tx.rows("SELECT state_doc::text AS doc FROM cases WHERE id = $1", (case_id or self.case_id,))
        return CaseState.model_validate_json(rows[0]["doc"])

    async def visit(self, stage: str) -> VisitState:
        found = (await self.state()).visit_in(stage)
        assert found is not None, f"{stage} is not open"
        return found

    async def task(self, stage: str, actor: str | None = None, *, login: str | None = None) -> TaskState:
        """Return the open task of the stage: of an actor, or with a person."""
        person = self.people[login] if login else None
        found = [
            task
            for task in (await self.visit(stage)).tasks
            if actor in (None, task.actor) and (person is None or task.with_ == person)
        ]
        assert len(found) == 1, (stage, actor, login, found)
        return found[0]

    async def fill_in(self, login: str, stage: str, data: Mapping[str, Any]) -> UUID:
        task = (
            await self.task(stage, login=login) if (await self.visit(stage)).tasks[0].member else await self.task(stage)
        )
        await self.do(save_draft, login, case_id=self.case_id, data=data, task_id=task.id)
        return task.id

    async def submit(self, group: str = "robotics", data: Mapping[str, Any] | None = None) -> Outcome:
        login = f"{group}-chief"
        task = await self.fill_in(login, "plan", data or PLAN)
        return await self.do(submit_plan, login, task_id=task)

    async def pass_time(self) -> int:
        return await let_go_on(self.store)


async def make_office(store: Store, *, code: str = "lab", pack: Pack | None = None) -> Office:
    """Create a bureau with the pack and its demo people."""
    pack = pack or read_pack(EVERYTHING)
    async with store.transaction() as tx:
        bureau = await create_bureau(tx, code=code, name="Office", zone="Asia/Shanghai", locale="en")
        await load_pack(tx, bureau.id, pack)
        roster = read_roster(EVERYTHING / "people" / "demo.yaml", pack)
        people = await load_people(tx, bureau.id, roster, programme=pack.programme)
    return Office(store, bureau.id, pack, people)


async def group_of(office: Office, code: str) -> ProjectGroup:
    async with office.store.transaction() as tx:
        rows = await tx.rows("SELECT id FROM project_group WHERE code = $1", (code,))
        return await tx.session.get_one(ProjectGroup, rows[0]["id"])
