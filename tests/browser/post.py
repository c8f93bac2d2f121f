"""What arrived by mail, said as a person would: to whom, why, about what, with a calendar entry or without."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.browser.house import House, until
from tests.smtp_servers import Received, RecordingServer

ANCHOR = "audit-anchor"


class Letter(NamedTuple):
    """A mail. why: its kinds; about: where its links lead, by name; a digest has several of both."""

    to: str
    why: str
    about: str
    ics: bool = False


def ics(to: str, why: str, about: str) -> Letter:
    """Return a letter that brings a calendar entry."""
    return Letter(to, why, about, ics=True)


WORDS = {
    "task-opened": "待办：",
    "submitted": "已提交：",
    "returned": "被退回：",
    "filed": "已备案（",
    "ended": "已终止：",
    "remind": "到期：",
    "warn": "到期前最后一个工作日：",
    "overdue": "已逾期：",
    "escalate": "逾期升级督办：",
    "close": "已截止，未提交",
    "exception-granted": "准予逾期提交：",
    "season-missing": "尚未提交：",
    "season-summary": "全部办结：",
}
"""What the subject says of each kind."""

NAMES = """
SELECT '/tasks/' || t.id AS path, g.code || ' ' || t.stage || CASE WHEN v.n > 1 THEN ' ' || v.n ELSE '' END AS name
FROM task t JOIN project_group g ON g.id = t.group_id JOIN visit v ON v.id = t.visit_id
UNION ALL SELECT '/cases/' || c.id, g.code FROM cases c JOIN project_group g ON g.id = c.group_id
UNION ALL SELECT '/seasons/' || s.id, 'season' FROM season s
"""
CONFIRM = "/confirm?act=approve"
"""The end of the second link of what asks for an approval: the page that confirms it."""
KINDS = "SELECT 'm.' || n.message_id AS key, n.kind FROM notification n WHERE n.state = 'enclosed'"
LEFT = """
SELECT (SELECT count(*) FROM alarm WHERE next_at <= $1) + (SELECT count(*) FROM notification WHERE state = 'pending')
    + (SELECT count(*) FROM message WHERE state IN ('waiting', 'sending'))
    + (SELECT count(*) FROM season s WHERE s.state = 'planned' AND s.opens_at <= $1)
    + (SELECT count(*) FROM season s WHERE s.state = 'running' AND s.generation > 0 AND NOT EXISTS (
        SELECT FROM season_wait w WHERE w.season_id = s.id AND w.met_at IS NULL AND (
            (w.name = 'due' AND s.due_at > $1)
            OR (w.name = 'all-closed' AND EXISTS (SELECT FROM cases c WHERE c.season_id = s.id AND c.state = 'open')))))
    AS n
"""
"""What the clock still has to do at a moment: alarms to fire, people to tell, mails to send, a season to carry on."""


@dataclass
class Post:
    """The post of one story, read step by step."""

    house: House
    server: RecordingServer
    read: int = 0
    letters: Counter[Letter] = field(default_factory=Counter)
    anchors: list[Letter] = field(default_factory=list)
    mails: list[Received] = field(default_factory=list)

    async def settled(self) -> None:
        """Wait until the clock process has nothing left to do at the business time that stands."""

        async def quiet() -> bool:
            async with self.house.store.transaction() as tx:
                return bool((await tx.rows(LEFT, (tx.now,)))[0]["n"] == 0)

        await until(quiet, what="an idle clock")

    async def fresh(self) -> Counter[Letter]:
        """Return what came since the last look; the auditor's daily anchors are put aside."""
        await self.settled()
        names = {row["path"]: row["name"] for row in await self.house.facts(NAMES)}
        kinds: dict[str, list[str]] = {}
        for row in await self.house.facts(KINDS):
            kinds.setdefault(row["key"], []).append(row["kind"])
        arrived = self.server.received[self.read :]
        self.read += len(arrived)
        self.mails = []
        found: Counter[Letter] = Counter()
        for mail in arrived:
            letter = self._letter(mail, kinds, names)
            if letter.why == ANCHOR:
                self.anchors.append(letter)
                continue
            found[letter] += 1
            self.mails.append(mail)
        self.letters += found
        return found

    def link_for(self, login: str) -> str:
        """Return the link in what this person got at the last look."""
        (mail,) = (mail for mail in self.mails if mail.recipients == [f"{login}@example.test"])
        (link,) = [link for link in self._links(mail) if not link.endswith(CONFIRM)]
        return self.house.url + link

    def _links(self, mail: Received) -> list[str]:
        return re.findall(re.escape(self.house.url) + r"(/\S*)", mail.text)

    def _letter(self, mail: Received, kinds: dict[str, list[str]], names: dict[str, str]) -> Letter:
        (recipient,) = mail.recipients
        why = sorted(kinds[mail.message_id.strip("<>").partition("@")[0]])
        links = self._links(mail)
        assert all(link in mail.html for link in links), "text and HTML lead to the same pages"
        if why != [ANCHOR]:
            subject = str(mail.mail["Subject"])
            assert any(WORDS[kind] in subject for kind in why), subject
        asked = {link.removesuffix(CONFIRM) for link in links if link.endswith(CONFIRM)}
        links = [link for link in links if not link.endswith(CONFIRM)]
        judged = {link for link in links if link.startswith("/tasks/") and " plan" not in names[link]}
        assert asked == judged if why == ["task-opened"] else asked <= judged, "what is to be approved may be confirmed"
        about = sorted(names.get(link, link) for link in links)
        login = recipient.removesuffix("@example.test")
        return Letter(login, " + ".join(why), " + ".join(about), mail.calendar is not None)
