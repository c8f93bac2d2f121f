"""What the API's tests act on: accounts, a dead message, and a call for every operation, in an order that works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from models.message import Message
from models.people import Account
from services.web.api.description import operations
from tests.api.conftest import PDF, Client, Installation, task_of
from tests.world import World, plan


async def give_account(world: World, login: str) -> None:
    """Let a person have a way to sign in."""
    async with world.store.transaction() as tx:
        tx.session.add(
            Account(
                id=tx.new_id(), bureau_id=world.bureau_id, person_id=world.people[login], login=login, created_at=tx.now
            )
        )


async def dead_message(world: World, login: str, *, text: str = "words") -> UUID:
    """Add a message that the mail server refused."""
    async with world.store.transaction() as tx:
        made = Message(
            id=tx.new_id(), bureau_id=world.bureau_id, person_id=world.people[login], address="a@example.test",
            locale="zh", key=f"key-{tx.new_id()}", state="dead", created_at=tx.now, try_at=tx.now, attempts=3,
            answer="550 no such mailbox", subject=text, text=text, html=text,
        )  # fmt: skip
        tx.session.add(made)
    return made.id


@dataclass
class Story:
    """A story as it goes on: who calls, and what was named on the way."""

    installation: Installation
    named: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, list[int]] = field(default_factory=dict)

    @property
    def world(self) -> World:
        return self.installation.world

    async def call(self, step: Step) -> httpx.Response:
        client: Client = await self.installation.client(step.login)
        document = self.installation.app.openapi()
        method, path = next(
            (method, path) for path, method, found in operations(document) if found["operationId"] == step.operation
        )
        await self.look_up(step)
        answer = await client.call(method.upper(), path.format(**self.named, **step.path(self)), **step.more(self))
        self.statuses.setdefault(step.operation, []).append(answer.status_code)
        if step.keep and answer.is_success:
            self.named[step.keep] = answer.json()["id"]
        if step.keep_first and answer.is_success:
            self.named[step.keep_first] = answer.json()[0]["id"]
        return answer

    async def look_up(self, step: Step) -> None:
        if step.task:
            self.named["task_id"] = await task_of(self.world, *step.task)


def nothing(story: Story) -> dict[str, Any]:
    return {}


def of_case(group: str) -> Callable[[Story], dict[str, Any]]:
    return lambda story: {"case_id": story.world.cases[group]}


def body(**values: Any) -> Callable[[Story], dict[str, Any]]:
    return lambda story: {"json": values}


@dataclass(frozen=True)
class Step:
    """One call. task: the (group, actor) whose open task it is about. keep: as what the new id is named; keep_first: the first of a list."""

    operation: str
    login: str
    path: Callable[[Story], dict[str, Any]] = nothing
    more: Callable[[Story], dict[str, Any]] = nothing
    task: tuple[str, ...] = ()
    keep: str = ""
    keep_first: str = ""


def to_outsider(story: Story) -> dict[str, Any]:
    return {"json": {"to": story.named["outsider"], "text": "经费够吗？"}}


CHIEF, REVIEWER = "math-chief", "research-reviewer"
MATH = of_case("math")
UPLOAD = {"params": {"field": "attachments.files", "name": "报价.pdf"}, "content": PDF}
STEPS = (
    Step("me", CHIEF),
    Step("create_token", CHIEF, more=body(name="laptop", scopes=["read"]), keep="token_id"),
    Step("list_tokens", CHIEF),
    Step("revoke_token", CHIEF),
    Step("add_phrase", CHIEF, more=body(text="请补充预算明细"), keep="phrase_id"),
    Step("list_phrases", CHIEF),
    Step("remove_phrase", CHIEF),
    Step("list_units", CHIEF),
    Step("list_cases", CHIEF),
    Step("read_case", CHIEF, MATH),
    Step("list_tasks", CHIEF),
    Step("count_tasks", CHIEF),
    Step("read_task", CHIEF, task=("math",)),
    Step("read_draft", CHIEF, MATH),
    Step("save_draft", CHIEF, MATH, body(data=plan(), version=0)),
    Step("upload_attachment", CHIEF, MATH, lambda story: UPLOAD, keep="attachment_id"),
    Step("download_attachment", CHIEF),
    Step("remove_attachment", CHIEF, MATH),
    Step("submit_plan", CHIEF, task=("math",)),
    Step("withdraw", CHIEF, MATH),
    Step("submit_plan", CHIEF, task=("math",)),
    Step("list_submissions", REVIEWER, MATH),
    Step("pin_remark", REVIEWER, more=body(path="budget.total", text="算不拢"), task=("math",), keep="remark_id"),
    Step("unpin_remark", REVIEWER),
    Step("pin_remark", REVIEWER, more=body(path="budget.total", text="再核对"), task=("math",), keep="remark_id"),
    Step("list_remarks", REVIEWER, MATH),
    Step("find_people", REVIEWER, more=lambda story: {"params": {"q": "sun"}}),
    Step("send_copies", REVIEWER, MATH, lambda story: {"json": {"to": [story.named["outsider"]], "words": "请阅"}}),
    Step("list_copies", REVIEWER, MATH, keep_first="copy_id"),
    Step("copies_to_me", "sports-clerk"),
    Step("read_copy", "sports-clerk"),
    Step("revoke_copy", REVIEWER),
    Step("ask", REVIEWER, more=to_outsider, task=("math",), keep="question_id"),
    Step("questions_to_me", "sports-clerk"),
    Step("answer", "sports-clerk", more=body(text="够。")),
    Step("ask", REVIEWER, more=to_outsider, task=("math",), keep="question_id"),
    Step("withdraw_question", REVIEWER),
    Step("list_questions", REVIEWER, MATH),
    Step("urge", CHIEF, more=body(words="下周开班"), task=("math",)),
    Step("give_priority", "basic-clerk", MATH, body(priority="high", words="局长交办")),
    Step("snooze", REVIEWER, more=body(until="2027-01-26"), task=("math",)),
    Step("wake", REVIEWER, task=("math",)),
    Step("keep_opinion", REVIEWER, more=body(words="预算"), task=("math",)),
    Step("read_opinion", REVIEWER, task=("math",)),
    Step("return_case", REVIEWER, more=body(to="plan", words="请核对预算"), task=("math",)),
    Step("case_timeline", CHIEF, MATH),
    Step("save_draft", CHIEF, MATH, body(data=plan(trainees__number="47"))),
    Step("submit_plan", CHIEF, task=("math",)),
    Step("case_changes", REVIEWER, MATH),
    Step("approve", REVIEWER, more=body(words="同意"), task=("math",)),
    Step("list_seasons", "basic-clerk"),
    Step("season_overview", "basic-clerk", lambda story: {"season_id": story.world.season.id}),
    Step(
        "grant_late_exception",
        "basic-head",
        of_case("physics"),
        body(until="2027-03-01T00:00:00+08:00", words="台风停课"),
    ),
    Step("end_case", "administrator", of_case("physics"), body(words="项目组撤销")),
    Step("list_messages", "administrator"),
    Step("read_message", CHIEF),
    Step("send_again", "administrator"),
    Step("people_of_unit", "school-1-admin", lambda story: {"unit_id": story.named["unit"]}),
    Step("issue_slip", "school-1-admin", more=body(purpose="activate")),
    Step("unlock_person", "school-1-admin"),
    Step(
        "name_substitute",
        CHIEF,
        more=lambda story: {
            "json": {
                "substitute_id": str(story.world.people["chemistry-chief"]),
                "starts_on": "2027-02-01",
                "ends_on": "2027-02-05",
                "reason": "出差",
                "processes": [{"programme": "qingdao-qiangji", "process": "annual-filing"}],
            }
        },
        keep="substitution_id",
    ),
    Step("list_substitutions", CHIEF),
    Step("end_substitution", CHIEF),
    Step("list_programmes", "administrator"),
    Step("list_versions", "administrator"),
    Step("version_differences", "administrator"),
    Step("read_overlay", "administrator"),
    Step("preview_overlay", "administrator", nothing, body(values={"settings/near_days": 9})),
    Step("set_overlay", "administrator", nothing, body(values={"settings/near_days": 9}, reason="地市要求", n=0)),
    Step("version_differences", "administrator"),
    Step("list_audit_events", "auditor"),
    Step("verify_audit", "auditor"),
)


async def begin(installation: Installation) -> Story:
    """Prepare what the steps need: an account to look after, and a dead message."""
    story = Story(installation)
    world = installation.world
    await give_account(world, CHIEF)
    async with world.store.transaction() as tx:
        unit = (await world.reader(tx, CHIEF)).unit_id
    story.named |= {"person_id": str(world.people[CHIEF]), "unit": str(unit)}
    async with world.store.transaction() as tx:
        (row,) = await tx.rows("SELECT id, version_id FROM programme WHERE bureau_id = $1", (world.bureau_id,))
    story.named |= {"programme_id": str(row["id"]), "version_id": str(row["version_id"])}
    story.named["outsider"] = str(world.people["sports-clerk"])
    story.named["message_id"] = str(await dead_message(world, CHIEF))
    return story
