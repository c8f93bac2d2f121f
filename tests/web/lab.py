"""The application on a bureau that uses every kind of stage, and its people signed in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from uuid import UUID

import httpx
from fastapi import FastAPI

from services.workflow.administering import jump
from tests.api.rights import sign_in
from tests.web.conftest import Browser
from tests.workflow.office import Office

FINANCE = "finance-office/clerk"


@dataclass
class Lab:
    """Browsers by login."""

    app: FastAPI
    office: Office
    browsers: dict[str, Browser] = field(default_factory=dict)

    async def sign_in(self, login: str) -> Browser:
        if login not in self.browsers:
            async with self.office.store.transaction() as tx:
                await tx.rows("UPDATE person SET locale = 'en' WHERE id = $1", (self.office.people[login],))
            token, _ = await sign_in(self.office, login)  # type: ignore[arg-type]
            made = self.browsers[login] = Browser(self.app)
            made.http.cookies.set("guantong", token)
            made.http.headers["Accept-Language"] = "en"
            await made.get("/account")
        return self.browsers[login]

    async def reviews(self) -> UUID:
        """Let robotics submit, so that the reviews are open; return the finance office's task."""
        await self.office.open("rich", "robotics")
        await self.office.submit()
        return (await self.office.task("countersign", FINANCE)).id

    async def jumped(self, stage: str) -> None:
        """Set robotics' submitted case into a stage."""
        await self.reviews()
        version = (await self.office.state()).version
        more = {"case_id": self.office.case_id, "to": stage, "words": "x", "version": version}
        await self.office.do(jump, "administrator", **more)

    async def close(self) -> None:
        for each in self.browsers.values():
            await each.http.aclose()


def carried(page: str) -> dict[str, str]:
    """Return what the page's forms carry."""
    return {name: re.search(rf'name="{name}" value="([^"]*)"', page)[1] for name in ("version", "key")}


async def landed(browser: Browser, answer: httpx.Response) -> str:
    """Return the page that an act leads to."""
    assert answer.status_code == 303, answer.text[-3000:]
    return (await browser.get(answer.headers["location"])).text
