"""The demo bureau in the middle of a case, where people act for real and mails are sent for real."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from services.messages.dispatch import Dispatcher
from services.messages.sweep import sweep_all
from services.store.transaction import Store
from tests.conftest import START, move_clock
from tests.pack_copies import changed_pack
from tests.smtp_servers import Received, RecordingServer
from tests.world import World, make_world, open_filing

BY_REVIEWER = "    by: guiding-unit/reviewer\n    within: 5wd\n"
MORE = "    may_reject: true\n    extension: {by: basic-education-office/head, at_most: 20wd, times: 3}\n"
RULES = (BY_REVIEWER, BY_REVIEWER + MORE)
EACH = (BY_REVIEWER, BY_REVIEWER.replace("guiding-unit/reviewer", "{each: guiding-unit/reviewer}"))
REVIEWER, HEAD, ADMIN, CHIEF = "research-reviewer", "basic-head", "administrator", "math-chief"
Act = Callable[..., Coroutine[Any, Any, Any]]


def subject(mail: Received) -> str:
    """Return the subject; a long one begins on the header's second line."""
    return str(mail.mail["Subject"]).strip()


@dataclass
class Office:
    """The demo bureau with the plan of the mathematics group submitted, so that it is with the reviewer."""

    world: World
    dispatcher: Dispatcher
    server: RecordingServer

    @property
    def case_id(self) -> UUID:
        return self.world.cases["math"]

    async def rows(self, statement: str, *parameters: object) -> list[dict[str, Any]]:
        async with self.world.store.transaction() as tx:
            return [dict(row) for row in await tx.rows(statement, parameters)]

    async def person(self, login: str, *, like: str | None = None, locale: str = "en", name: str | None = None) -> UUID:
        """Add a person of the bureau; `like`: who holds what that one holds."""
        async with self.world.store.transaction() as tx:
            identity = self.world.people[login] = tx.new_id()
            await tx.rows(
                "INSERT INTO person (id, bureau_id, name, sort_key, email, locale, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                (identity, self.world.bureau_id, name or login.title(), login, f"{login}@example.test", locale, tx.now),
            )
            await tx.rows(
                "INSERT INTO appointment SELECT gen_random_uuid(), bureau_id, position_id, $1, starts_on, ends_on, created_at"
                " FROM appointment WHERE person_id = $2",
                (identity, self.world.people.get(like or "")),
            )
        return identity

    async def do(self, act: Act, login: str, **more: Any) -> Any:
        """Let somebody act, a minute after what was before."""
        await self.later(timedelta(minutes=1))
        async with self.world.store.transaction() as tx:
            return await act(tx, by=await self.world.reader(tx, login), **more)

    async def later(self, span: timedelta) -> None:
        async with self.world.store.transaction() as tx:
            now = tx.now
        await move_clock(self.world.store, now + span)

    async def task(self, actor: str | None = None) -> UUID:
        async with self.world.store.transaction() as tx:
            return await self.world.open_task(tx, "math", actor)

    async def visit(self) -> UUID:
        [row] = await self.rows("SELECT id FROM visit WHERE case_id = $1 AND closed_at IS NULL", self.case_id)
        return row["id"]

    async def mails(self) -> dict[str, list[Received]]:
        """Send all that is due; return what came since the last look, by who got it."""
        before = len(self.server.received)
        await self.dispatcher.tick()
        states = await self.rows("SELECT answer FROM message WHERE state NOT IN ('sent', 'void', 'no-address')")
        assert states == []
        got: dict[str, list[Received]] = {}
        for mail in self.server.received[before:]:
            assert "{" not in mail.text + subject(mail)
            got.setdefault(mail.recipients[0].partition("@")[0], []).append(mail)
        return got

    async def subjects(self) -> dict[str, list[str]]:
        return {who: [subject(mail) for mail in mails] for who, mails in (await self.mails()).items()}

    async def remind(self, at: datetime) -> dict[str, list[str]]:
        """Let the clock come to `at` and sweep; return the subjects of what is sent."""
        await move_clock(self.world.store, at)
        await sweep_all(self.world.store)
        return await self.subjects()


async def opened(store: Store, folder: Path, dispatcher: Dispatcher, server: RecordingServer, *rules: Any) -> Office:
    await move_clock(store, START)
    world = await open_filing(await make_world(store, pack=changed_pack(folder, *rules)), groups=("math",))
    office = Office(world, dispatcher, server)
    await office.rows("UPDATE person SET locale = 'en'")
    await office.mails()
    await office.later(timedelta(minutes=1))
    return office
