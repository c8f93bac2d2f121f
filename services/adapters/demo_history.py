"""What happened in the demonstration before a newcomer sees it, done by the real use cases at their times.

The store's clock is set to each moment first, so every task, mail, number and audit event is one that the service
would have made: chemistry is filed, informatics was returned with a remark, humanities and biology wait for opinions,
mathematics and physics have drafts, and mathematics' budget does not add up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from models.programme import Season
from services.people.access import Reader, reader_for
from services.store.clock import set_clock
from services.store.transaction import Store, Tx
from services.workflow.acts import approve, return_case, submit_plan
from services.workflow.drafts import save_draft
from services.workflow.remarks import add_phrase, pin_remark
from services.workflow.seasons import open_season

SUBMITTED = (("chemistry", 22), ("informatics", 25), ("humanities", 58), ("biology", 60))
"""Which groups have submitted, and how many days after the opening."""
PHRASES = ("同意。", "请补充依据后重新提报。", "经费明细与合计不一致，请核对。")


@dataclass(frozen=True)
class History:
    """The demonstration's past while it is being played. people: login -> person id. zone: the programme's."""

    store: Store
    bureau_id: UUID
    people: Mapping[str, UUID]
    season_id: UUID
    zone: ZoneInfo

    async def play(self) -> None:
        """Open the season on its day and let the groups and offices act."""
        async with self.store.transaction() as tx:
            season = await tx.session.get(Season, self.season_id)
            assert season is not None
            opens, key = season.opens_at.astimezone(self.zone).date(), season.key
        cases = await self._open(opens)
        await self._prepare(cases, key, opens)
        await self._file(cases["chemistry"], opens)
        await self._return(cases["informatics"], opens)
        await self._guide(cases["humanities"], opens)

    async def _at(self, opens: date, days: int, hour: int = 9) -> None:
        moment = datetime.combine(opens + timedelta(days=days), time(hour), self.zone)
        async with self.store.engine.begin() as connection:
            await set_clock(connection, moment, frozen=True)

    async def _reader(self, tx: Tx, login: str) -> Reader:
        return await reader_for(tx, bureau_id=self.bureau_id, person_id=self.people[login])

    async def _open(self, opens: date) -> dict[str, UUID]:
        """Do what the flow's first step does; that step will find nothing missing and go on."""
        await self._at(opens, 0)
        async with self.store.transaction() as tx:
            await open_season(tx, self.season_id, 0)
            rows = await tx.rows(
                "SELECT g.code, c.id FROM cases c JOIN project_group g ON g.id = c.group_id WHERE c.season_id = $1",
                (self.season_id,),
            )
        return {row["code"]: row["id"] for row in rows}

    async def _prepare(self, cases: Mapping[str, UUID], key: str, opens: date) -> None:
        await self._at(opens, 20)
        for group, case_id in cases.items():
            async with self.store.transaction() as tx:
                by = await self._reader(tx, f"{group}-chief")
                await save_draft(tx, by=by, case_id=case_id, data=sample_plan(key, group))
        for group, days in SUBMITTED:
            await self._at(opens, days, 14)
            async with self.store.transaction() as tx:
                by = await self._reader(tx, f"{group}-chief")
                await submit_plan(tx, by=by, task_id=await _task(tx, cases[group], by))

    async def _file(self, case_id: UUID, opens: date) -> None:
        for days, login in enumerate(("research-reviewer", "basic-clerk", "finance-clerk"), start=23):
            await self._at(opens, days, 10)
            async with self.store.transaction() as tx:
                by = await self._reader(tx, login)
                await approve(tx, by=by, task_id=await _task(tx, case_id, by), words=PHRASES[0])

    async def _return(self, case_id: UUID, opens: date) -> None:
        await self._at(opens, 27, 16)
        async with self.store.transaction() as tx:
            by = await self._reader(tx, "equipment-reviewer")
            task = await _task(tx, case_id, by)
            await pin_remark(tx, by=by, task_id=task, path="goals.items.0.target", text="请与上一年度结果对照说明。")
            await return_case(tx, by=by, task_id=task, to="plan", words="目标值缺少依据，请补充。")

    async def _guide(self, case_id: UUID, opens: date) -> None:
        await self._at(opens, 61)
        async with self.store.transaction() as tx:
            by = await self._reader(tx, "research-reviewer")
            await approve(tx, by=by, task_id=await _task(tx, case_id, by), words="方案完整，同意。")
            for phrase in PHRASES:
                await add_phrase(tx, by=by, text=phrase)


async def _task(tx: Tx, case_id: UUID, by: Reader) -> UUID:
    rows = await tx.rows("SELECT id, position_id FROM task WHERE case_id = $1 AND state = 'open'", (case_id,))
    found: UUID = next(row["id"] for row in rows if row["position_id"] in by.position_ids)
    return found


def sample_plan(key: str, group: str) -> dict[str, Any]:
    """Return a plan for the season `key` as it is typed; mathematics' total is 24 yuan too small."""
    sessions = [
        {"title": f"第{number}次集中培训", "mode": "offline", "starts": f"{key}-{month:02d}-06",
         "ends": f"{key}-{month:02d}-07", "hours": "12", "place": "项目基地学校", "teacher": "首席教练员"}
        for number, month in enumerate((3, 4, 5, 7, 9, 10), start=1)
    ]  # fmt: skip
    return {
        "goals": {"items": [
            {"goal": "提高学科竞赛水平", "indicator": "省级一等奖人数", "target": "12", "unit": "人", "by": f"{key}-11-30"},
            {"goal": "培养青年教练员", "indicator": "能独立授课的青年教师", "target": "4", "unit": "人", "by": f"{key}-11-30"},
        ]},
        "trainees": {
            "number": "48", "method": "recommendation", "procedure": "学校推荐，项目组综合考察，首席教练员确定。",
            "conditions": [{"condition": "高一、高二在籍学生，学科成绩突出", "check": "学籍与学业成绩"}],
        },
        "management": {"rules": [{"matter": "考勤", "rule": "一学期缺勤三次以上的，退出培养。", "coach": "教练员"}]},
        "training": {"sessions": sessions},
        "budget": {
            "lines": [
                {"head": "daily", "item": "授课费", "quantity": "40", "price": "500", "amount": "20000"},
                {"head": "daily", "item": "图书资料", "quantity": "48", "price": "125.50", "amount": "6024"},
            ],
            "daily": "26024", "total": "26000" if group == "math" else "26024",
        },
    }  # fmt: skip
