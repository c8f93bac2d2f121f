"""What the administrator does to a case: suspend and resume it, set it into a stage, open it again."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from services.web.api.acting import carry_out
from services.web.api.acts import Returning
from services.web.api.bodies import Opinion, OutcomeOut, Reason
from services.web.api.callers import Administering
from services.web.api.values import LARGEST, IfMatch, Key, seen
from services.workflow import administering
from services.workflow.carry_out import Outcome

router = APIRouter(prefix="/api/v1", tags=["acts"])


class Into(Returning):
    """Into which stage, and why."""

    to: Annotated[
        str, Field(max_length=60, pattern=r"^[a-z][a-z0-9-]*$", description="A stage in which somebody acts or waits.")
    ]


class Jumping(Into):
    """Into which stage, why, and exactly the version that was seen."""

    version: Annotated[int, Field(ge=0, le=LARGEST, description="The case's version: exactly this one.")]


@router.post("/cases/{case_id}/suspend", operation_id="suspend_case", response_model=OutcomeOut)
async def suspend(
    case_id: UUID, caller: Administering, body: Reason, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """Let a case stand still: nobody acts, nobody is reminded. Resuming moves its due dates on by the days between."""
    more: dict[str, Any] = {"words": body.words, "version": seen(body, if_match), "key": key}
    return await carry_out(
        lambda: administering.suspend(caller.tx, by=caller.reader, case_id=case_id, **more), if_match=if_match
    )


@router.post("/cases/{case_id}/resume", operation_id="resume_case", response_model=OutcomeOut)
async def resume(
    case_id: UUID, caller: Administering, body: Opinion | None = None, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """Let a suspended case go on."""
    more: dict[str, Any] = {"words": body.words if body else "", "version": seen(body, if_match), "key": key}
    return await carry_out(
        lambda: administering.resume(caller.tx, by=caller.reader, case_id=case_id, **more), if_match=if_match
    )


@router.post("/cases/{case_id}/jump", operation_id="jump_case", response_model=OutcomeOut)
async def jump(case_id: UUID, caller: Administering, body: Jumping, key: Key = None) -> Outcome:
    """Set an open case into a stage; every open task is closed."""
    more: dict[str, Any] = {"to": body.to, "words": body.words, "version": body.version, "key": key}
    return await carry_out(lambda: administering.jump(caller.tx, by=caller.reader, case_id=case_id, **more))


@router.post("/cases/{case_id}/reopen", operation_id="reopen_case", response_model=OutcomeOut)
async def reopen(
    case_id: UUID, caller: Administering, body: Into, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """Open a finished case again in a stage. A number that it was given stays its number."""
    more: dict[str, Any] = {"to": body.to, "words": body.words, "version": seen(body, if_match), "key": key}
    return await carry_out(
        lambda: administering.reopen(caller.tx, by=caller.reader, case_id=case_id, **more), if_match=if_match
    )
