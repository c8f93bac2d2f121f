"""A season as it is told in a test: moments, what people do, and the letters that follow."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta

from services.workflow.acts import approve, submit_plan
from tests.browser.conftest import SitDown
from tests.browser.house import House
from tests.browser.post import Letter, Post, ics
from tests.smtp_servers import RecordingServer
from tests.world import local


def submitted(group: str, n: str = "", *, mailbox: bool = True) -> list[Letter]:
    told = [ics("research-reviewer", "task-opened", f"{group} guidance{n}")]
    return told + ([Letter(f"{group}-chief", "submitted", group)] if mailbox else [])


def guided(group: str) -> list[Letter]:
    return [ics(login, "task-opened", f"{group} bureau") for login in ("basic-clerk", "finance-clerk")]


def filed(group: str, school: int, *, mailbox: bool = True) -> list[Letter]:
    return [Letter(f"school-{school}-office", "filed", group)] + (
        [Letter(f"{group}-chief", "filed", group)] if mailbox else []
    )


class Story:
    """The story as it is told: moments, what people do, and the letters that follow."""

    def __init__(self, house: House, sit_down: SitDown, mail: RecordingServer) -> None:
        self.house, self.sit_down, self.world = house, sit_down, house.world
        self.post = Post(house, mail)
        self.told: Counter[Letter] = Counter()

    async def at(self, moment: datetime) -> None:
        self.moment = moment
        await self.house.move(moment)

    async def hears(self, *letters: Letter) -> None:
        """These letters arrived since the last look, and no other."""
        heard, expected = await self.post.fresh(), Counter(letters)
        missing, unexpected = dict(expected - heard), dict(heard - expected)
        assert heard == expected, f"{self.moment:%m-%d %H:%M}: missing {missing}, unexpected {unexpected}"
        self.told += Counter(letters)

    async def is_anchored(self) -> bool:
        """Tell whether the auditor got one mail for each day that the chains were anchored; nobody else got any."""
        await self.hears()
        anchored = await self.house.facts("SELECT DISTINCT day FROM anchor")
        return len(self.post.anchors) == len(anchored) > 0

    async def every_morning(self, first: date, last: date, letters: dict[date, list[Letter]]) -> None:
        """Let each day reach nine: a minute before it nothing is said, at nine what is listed for the day."""
        day = first
        while day <= last:
            for hour, minute, expected in ((8, 59, []), (9, 0, letters.get(day, []))):
                await self.at(local(day.year, day.month, day.day, hour, minute))
                await self.hears(*expected)
            day += timedelta(days=1)

    async def submit(self, group: str) -> None:
        await self.world.fill_in(group)
        async with self.house.store.transaction() as tx:
            by = await self.world.reader(tx, f"{group}-chief")
            await submit_plan(tx, by=by, task_id=await self.world.open_task(tx, group))

    async def approve(self, group: str, login: str, actor: str | None = None) -> None:
        async with self.house.store.transaction() as tx:
            by = await self.world.reader(tx, login)
            await approve(tx, by=by, task_id=await self.world.open_task(tx, group, actor))

    async def files(self, group: str, school: int, *, mailbox: bool = True) -> None:
        """Take a group's plan from the desk of the guiding unit to its number, letter by letter."""
        await self.submit(group)
        await self.hears(*submitted(group, mailbox=mailbox))
        await self.is_decided(group, school, mailbox=mailbox)

    async def is_decided(self, group: str, school: int, *, mailbox: bool = True) -> None:
        await self.approve(group, "research-reviewer")
        await self.hears(*guided(group))
        await self.approve(group, "basic-clerk", "basic-education-office/clerk")
        await self.hears()
        await self.approve(group, "finance-clerk", "planning-finance-office/clerk")
