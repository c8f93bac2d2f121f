"""Seasons and cases: lists, and a case from all sides."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from models.programme import Season
from services.errors import NotFoundError
from services.web.api.callers import Caller, Reading
from services.web.api.models import CaseOut, CaseWhole, DecisionOut, Out, SubmissionOut
from services.web.api.values import After, Code, Limit, etag, id_after
from services.workflow import case_list
from services.workflow.case_list import CaseFilter, cases_page
from services.workflow.cases import CaseView, case_view
from services.workflow.queue import Cursor
from services.workflow.submissions import changes_between, newest_submissions
from services.workflow.timeline import timeline_page

router = APIRouter(prefix="/api/v1")
WHOLE = 200
"""A season has a case per project group; an overview shows so many of them."""


class SeasonOut(Out):
    """One run of a process."""

    id: UUID
    programme: str
    process: str
    key: str
    state: Literal["planned", "running", "completed", "cancelled"]
    opens_at: datetime
    due_at: datetime
    due: dict[str, Any]
    started_at: datetime | None
    ended_at: datetime | None


class SeasonPage(Out):
    """Seasons, newest first."""

    items: list[SeasonOut]
    next: str | None


class SeasonOverview(Out):
    """A season with its cases, as far as the caller may see them. missing: nothing of theirs stands submitted."""

    season: SeasonOut
    counts: dict[str, int]
    cases: list[CaseOut]
    summary: dict[str, Any] | None


class CasePage(Out):
    """Cases, newest first."""

    items: list[CaseOut]
    next: str | None


class ChangeOut(Out):
    """One difference between two submissions."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any
    after: Any


@router.get("/seasons", operation_id="list_seasons", tags=["seasons"])
async def seasons(caller: Reading, after: After = None, limit: Limit = 50) -> SeasonPage:
    """List the bureau's seasons."""
    found = await case_list.seasons_of(caller.tx, caller.reader, after=id_after(after), limit=limit + 1)
    items = [SeasonOut.model_validate(season) for season in found[:limit]]
    return SeasonPage(items=items, next=items[-1].id.hex if len(found) > limit else None)


@router.get("/seasons/{season_id}", operation_id="season_overview", tags=["seasons"])
async def season_overview(season_id: UUID, caller: Reading) -> SeasonOverview:
    """Show who has filed, who is late, who is missing."""
    season = await case_list.season_of(caller.tx, caller.reader, season_id)
    page = await cases_page(caller.tx, caller.reader, CaseFilter(season_id=season_id), limit=WHOLE)
    cases = [CaseOut.of(row) for row in page.rows]
    return SeasonOverview(
        season=SeasonOut.model_validate(season), cases=cases, counts=_counts(cases), summary=_summary(caller, season)
    )


def _counts(cases: list[CaseOut]) -> dict[str, int]:
    states = [case.state for case in cases]
    counted = {state: states.count(state) for state in ("open", "filed", "ended")}
    return {
        "cases": len(cases),
        **counted,
        "late": sum(case.late for case in cases),
        "missing": sum(case.missing for case in cases),
    }


def _summary(caller: Caller, season: Season) -> dict[str, Any] | None:
    """Return the summary of all groups to who may see all of them."""
    return season.summary if caller.reader.is_administrator else None


@router.get("/cases", operation_id="list_cases", tags=["cases"])
async def cases(
    caller: Reading,
    *,
    season_id: UUID | None = None,
    group_id: UUID | None = None,
    state: Literal["open", "filed", "ended"] | None = None,
    stage: Code = None,
    after: After = None,
    limit: Limit = 50,
) -> CasePage:
    """List the cases that the caller may see."""
    chosen = CaseFilter(season_id=season_id, group_id=group_id, state=state, stage=stage)
    page = await cases_page(caller.tx, caller.reader, chosen, after=id_after(after), limit=limit)
    return CasePage(items=[CaseOut.of(row) for row in page.rows], next=page.next.hex if page.next else None)


async def _view(caller: Caller, case_id: UUID, response: Response | None = None) -> CaseView:
    view = await case_view(caller.tx, caller.reader, case_id)
    if response is not None:
        response.headers["ETag"] = etag(view.version)
    return view


@router.get("/cases/{case_id}", operation_id="read_case", tags=["cases"])
async def case(case_id: UUID, caller: Reading, response: Response) -> CaseWhole:
    """Show where a case stands and what the caller may do with it. The ETag is its version."""
    return CaseWhole.of(await _view(caller, case_id, response))


class TimelineOut(Out):
    """A page of a case's history, newest first."""

    items: list[DecisionOut]
    next: str | None


class SubmissionPage(Out):
    """A page of what was submitted, newest first."""

    items: list[SubmissionOut]
    next: str | None


@router.get("/cases/{case_id}/timeline", operation_id="case_timeline", tags=["cases"])
async def timeline(case_id: UUID, caller: Reading, after: After = None, limit: Limit = 50) -> TimelineOut:
    """Tell what happened, newest first."""
    page = await timeline_page(caller.tx, caller.reader, case_id, after=Cursor.decode(after), limit=limit)
    entries = [DecisionOut.of(entry) for entry in page.entries]
    return TimelineOut(items=entries, next=page.next.encode() if page.next else None)


@router.get("/cases/{case_id}/submissions", operation_id="list_submissions", tags=["cases"])
async def submissions(
    case_id: UUID,
    caller: Reading,
    after: Annotated[int | None, Query(ge=1, le=10_000_000, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=50, description="Rows of a page.")] = 10,
) -> SubmissionPage:
    """Return what was submitted, newest first."""
    view = await _view(caller, case_id)
    up_to = after - 1 if after is not None else None
    found = await newest_submissions(caller.tx, view.pack, case_id, up_to=up_to, limit=limit + 1)
    items = [SubmissionOut.of(each) for each in reversed(found)][:limit]
    return SubmissionPage(items=items, next=str(items[-1].n) if len(found) > limit else None)


@router.get("/cases/{case_id}/changes", operation_id="case_changes", tags=["cases"])
async def changes(
    case_id: UUID, caller: Reading, n: Annotated[int | None, Query(ge=1, le=10_000)] = None
) -> list[ChangeOut]:
    """Tell what the `n`th submission (the last) changed against the one before it."""
    view = await _view(caller, case_id)
    found = await newest_submissions(caller.tx, view.pack, case_id, up_to=n)
    if not found or n not in (None, found[-1].n):
        raise NotFoundError
    return [ChangeOut.model_validate(each) for each in changes_between(found)]
