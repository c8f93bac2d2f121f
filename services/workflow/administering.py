"""What the administrator does to a case: suspend and resume it, end it, open it again, set it into a stage."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.errors import ConflictError, ForbiddenError
from services.people.access import Reader, may_run_seasons
from services.process.events import End, Jump, Reopen, Resume, Suspend
from services.store.transaction import Tx
from services.workflow.carry_out import Asked, Outcome, act, carry_out, decide, lock


async def end_case(tx: Tx, *, by: Reader, case_id: UUID, words: str, **more: Any) -> Outcome:
    """End a case that will not be filed; only the bureau's administrator, with a reason. `reopen` undoes it.

    Args:
        tx: the transaction.
        by: the bureau's administrator.
        case_id: the case.
        words: the reason; not empty.
        more: version and key, as of `services.workflow.acts.approve`.

    Raises:
        ForbiddenError: the person is not the administrator.
        InvalidInputError: no reason was given.
    """
    _require(by)
    return await act(tx, Asked(by, "end", case_id=case_id, words=words, **more), End(words))


async def suspend(tx: Tx, *, by: Reader, case_id: UUID, words: str, **more: Any) -> Outcome:
    """Let a case stand still: nobody acts, nobody is reminded. `resume` undoes it; due dates move on by the days between.

    Raises:
        IllegalTransitionError: it is closed or stands still already.
    """
    return await act(tx, Asked(by, "suspend", case_id=case_id, words=words, **more), Suspend(words))


async def resume(tx: Tx, *, by: Reader, case_id: UUID, words: str = "", **more: Any) -> Outcome:
    """Let a suspended case go on."""
    return await act(tx, Asked(by, "resume", case_id=case_id, words=words, **more), Resume(words))


async def reopen(tx: Tx, *, by: Reader, case_id: UUID, to: str, words: str, **more: Any) -> Outcome:
    """Open a finished case again in a stage (唤醒). A number that it was given stays its number.

    Raises:
        IllegalTransitionError: the case is open, or the stage is none that a case can be set into.
    """
    return await act(tx, Asked(by, "reopen", case_id=case_id, to_stage=to, words=words, **more), Reopen(to, words))


async def jump(
    tx: Tx, *, by: Reader, case_id: UUID, to: str, words: str, version: int, key: str | None = None
) -> Outcome:
    """Set an open case into a stage; every open task is closed.

    Args:
        tx: the transaction.
        by: the bureau's administrator.
        case_id: the case.
        to: a stage in which somebody acts or something is waited for.
        words: the reason; not empty.
        version: the case's version as the administrator saw it: exactly this one, so that two who move it at once do
            not move it twice.
        key: an idempotency key, or None.

    Raises:
        ConflictError: the case has changed since.
    """
    asked = Asked(by, "jump", case_id=case_id, to_stage=to, words=words, version=version, key=key)
    case, before = await lock(tx, asked)
    if before is not None:
        return before
    if case.state.version != version:
        raise ConflictError
    return await carry_out(tx, case, asked, await decide(tx, case, asked, Jump(to, words)))


def _require(by: Reader) -> None:
    if not may_run_seasons(by):
        raise ForbiddenError
