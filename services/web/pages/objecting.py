"""公示: the period of what is posted, its objections, entering one, and settling it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.errors import ConflictError, InvalidInputError, NotFoundError
from services.i18n import N_
from services.process.definitions import PublishStage
from services.web import errors
from services.web.edge import Page, PageDep
from services.workflow import objecting
from services.workflow.cases import CaseView, case_view
from services.workflow.objecting import ObjectionView, objections_of, postings, raise_objection, settle_objection

router = APIRouter(include_in_schema=False)
VERDICTS = {"yes": True, "no": False}


@router.get("/cases/{case_id}/objections")
async def objections_page(page: PageDep, case_id: UUID) -> Response:
    """Show what is posted, the objections against it, and what may be done with them."""
    return await _show(page, await _posted(page, case_id))


async def _posted(page: Page, case_id: UUID) -> CaseView:
    view = await case_view(page.tx, page.reader, case_id)
    if not any(isinstance(each, PublishStage) for each in view.definition.all_stages):
        raise NotFoundError
    return view


async def _show(
    page: Page,
    view: CaseView,
    *,
    problems: list[dict[str, Any]] | None = None,
    typed: dict[str, str] | None = None,
    status_code: int = 200,
) -> Response:
    return page.render(
        "objections.html",
        status_code=status_code,
        view=view,
        postings=postings(page.reader, view),
        objections=await objections_of(page.tx, by=page.reader, view=view),
        problems=problems or [],
        typed=typed or {},
        limits=objecting,
        key=page.tx.ids.token(),
    )


async def _refused(
    page: Page, case_id: UUID, error: ConflictError | InvalidInputError, typed: dict[str, str]
) -> Response:
    told = errors.problems_of(error, page.locale)
    said = told or [{"message": errors.words(error, page.locale, zone=page.reader.zone)}]
    return await _show(page, await _posted(page, case_id), problems=said, typed=typed, status_code=error.status)


@router.post("/cases/{case_id}/objections")
async def register(page: PageDep, case_id: UUID) -> Response:
    """Enter an objection that somebody raised with the office."""
    form = await page.form()
    view = await _posted(page, case_id)
    typed = {name: form.get(name)[: objecting.MOST_WORDS] for name in ("name", "contact", "words")}
    visit = next(
        (each.visit.id for each in postings(page.reader, view) if str(each.visit.id) == form.get("visit")), None
    )
    try:
        await raise_objection(
            page.tx, by=page.reader, case_id=case_id, visit_id=visit or UUID(int=0), **typed,
            version=form.number("version"), key=form.get("key")[:200] or None,
        )  # fmt: skip
    except (ConflictError, InvalidInputError) as error:
        return await _refused(page, case_id, error, typed)
    return page.go(
        f"/cases/{case_id}/objections", page.say(N_("The objection is registered; whoever settles it is told."))
    )


@router.post("/cases/{case_id}/objections/{objection_id}")
async def settle(page: PageDep, case_id: UUID, objection_id: UUID) -> Response:
    """Settle an objection: upheld or not, with words."""
    form = await page.form()
    view = await _posted(page, case_id)
    found = await _one(page, view, objection_id)
    typed = {"answer": form.get("words")[: objecting.MOST_WORDS]}
    try:
        upheld = _verdict(page, form.get("upheld"))
        await settle_objection(
            page.tx, by=page.reader, case_id=case_id, visit_id=found.visit_id, objection_id=objection_id, upheld=upheld,
            words=typed["answer"], version=form.number("version"), key=form.get("key")[:200] or None,
        )  # fmt: skip
    except (ConflictError, InvalidInputError) as error:
        return await _refused(page, case_id, error, typed)
    said = (
        N_("The objection is upheld; the case has left the posting.") if upheld else N_("The objection is not upheld.")
    )
    return page.go(f"/cases/{case_id}/objections", page.say(said))


def _verdict(page: Page, chosen: str) -> bool:
    if chosen not in VERDICTS:
        said = page.say(N_("Say whether the objection is upheld."))
        raise InvalidInputError([{"field": "upheld", "message": said}])
    return VERDICTS[chosen]


async def _one(page: Page, view: CaseView, objection_id: UUID) -> ObjectionView:
    found = await objections_of(page.tx, by=page.reader, view=view)
    one = next((each for each in found if each.id == objection_id), None)
    if one is None:
        raise NotFoundError
    return one
