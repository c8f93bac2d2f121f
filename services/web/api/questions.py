"""Questions about a task, and their answers: the task stays where it is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from services.web.api.acting import once
from services.web.api.callers import Reading, Writing
from services.web.api.models import GroupName, Made, Out, SeasonName, group_name, season_name
from services.web.api.values import NO_NUL, After, Incoming, Key, Limit, id_after
from services.workflow import questions
from services.workflow.cases import case_view

router = APIRouter(prefix="/api/v1", tags=["beside"])
Text = Annotated[str, Field(min_length=1, max_length=questions.MOST_TEXT, pattern=NO_NUL)]


class QuestionIn(Incoming):
    """Whom to ask, and what."""

    to: UUID
    text: Text


class AnswerIn(Incoming):
    """The answer."""

    text: Text


class QuestionOut(Out):
    """A question with its answer, if there is one."""

    id: UUID
    case_id: UUID
    task_id: UUID
    from_id: UUID
    asker: str
    to_id: UUID
    asked: str
    text: str
    at: datetime
    answer: str | None
    answered_at: datetime | None
    withdrawn_at: datetime | None


class AskedOut(Out):
    """A question that waits for the caller's answer."""

    id: UUID
    case_id: UUID
    asker: str
    text: str
    at: datetime
    season: SeasonName
    group: GroupName


class AskedPage(Out):
    """Questions that wait for the caller, the oldest first."""

    items: list[AskedOut]
    next: str | None


@router.post("/tasks/{task_id}/questions", operation_id="ask", status_code=201)
async def ask(task_id: UUID, caller: Writing, body: QuestionIn, key: Key = None) -> Made:
    """Ask somebody about an open task; they are shown the case if they do not see it. No date changes."""

    async def make() -> dict[str, str]:
        made = await questions.ask(caller.tx, by=caller.reader, task_id=task_id, to=body.to, text=body.text)
        return {"id": str(made)}

    return Made.model_validate(await once(caller, key, ("ask", str(task_id), str(body.to), body.text), make))


@router.get("/cases/{case_id}/questions", operation_id="list_questions")
async def list_questions(case_id: UUID, caller: Reading) -> list[QuestionOut]:
    """Return the newest 100 questions about a case that the caller may read, newest first."""
    view = await case_view(caller.tx, caller.reader, case_id)
    return [QuestionOut.model_validate(each) for each in view.questions]


@router.get("/me/questions", operation_id="questions_to_me")
async def to_me(caller: Reading, after: After = None, limit: Limit = 50) -> AskedPage:
    """List the questions that wait for the caller's answer."""
    found, following = await questions.questions_to(
        caller.tx, by=caller.reader, after=id_after(after), limit=limit
    )  # fmt: skip
    items = [
        AskedOut(id=row.id, case_id=row.case_id, asker=row.asker, text=row.text, at=row.at, season=season_name(row), group=group_name(row))
        for row in found
    ]  # fmt: skip
    return AskedPage(items=items, next=following.hex if following else None)


@router.post("/questions/{question_id}/answer", operation_id="answer", status_code=204, response_class=Response)
async def answer(question_id: UUID, caller: Writing, body: AnswerIn) -> None:
    """Answer what the caller was asked; the asker is told."""
    await questions.answer(caller.tx, by=caller.reader, question_id=question_id, text=body.text)


@router.delete("/questions/{question_id}", operation_id="withdraw_question", status_code=204, response_class=Response)
async def withdraw(question_id: UUID, caller: Writing) -> None:
    """Take back a question of the caller's that nobody has answered."""
    await questions.withdraw_question(caller.tx, by=caller.reader, question_id=question_id)
