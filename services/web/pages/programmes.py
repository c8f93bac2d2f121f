"""A programme for its bureau's administrator: versions and their differences, running cases, and the bureau's own values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.errors import ConflictError, InvalidInputError, NotFoundError
from services.i18n import N_
from services.people.access import may_load_programmes
from services.process.pack_overlay import Decision
from services.process.packs import BASE_SCHOOL, GUIDING_UNIT, Pack
from services.programmes.differing import Teller, tell_differences
from services.programmes.overlays import OverlayView, overlay_view, preview_overlay, set_overlay
from services.programmes.pinned import pinned_pack
from services.programmes.planning import LoadPlan, LostStageError, Orders, UndecidedError
from services.programmes.reporting import conflict_sentence, lost_sentences
from services.programmes.standing import running_cases, stage_title
from services.programmes.versions import load_version, plan_version, sections_between, versions_of
from services.web import errors
from services.web.arrival import Form
from services.web.edge import Page, PageDep
from services.web.values import ValueGroup, ValueSheet, own_values

router = APIRouter(include_in_schema=False)
HOME = "/administration/programmes"
DECIDE = "d:"


def _require(page: Page) -> None:
    if not may_load_programmes(page.reader):
        raise NotFoundError


@router.get("/administration/programmes/{programme_id}")
async def programme_page(page: PageDep, programme_id: UUID) -> Response:
    """Show a programme's versions, where its running cases stand, and the bureau's own values."""
    _require(page)
    found = await versions_of(page.tx, page.reader, programme_id)
    view = await overlay_view(page.tx, page.reader, programme_id)
    titles = [
        (each, stage_title((await pinned_pack(page.tx, each.version_id)).resolved(), each)) for each in found.standing
    ]
    return page.render("programme.html", found=found, view=view, own=own_values(view), standing=titles)


# --- versions -----------------------------------------------------------------------------------------------------------


@router.get("/administration/programmes/{programme_id}/versions/{version_id}")
async def version_page(page: PageDep, programme_id: UUID, version_id: UUID) -> Response:
    """Show what differs from the version in force; of that one, from the version before it."""
    _require(page)
    return await _version(page, programme_id, version_id)


async def _version(
    page: Page, programme_id: UUID, version_id: UUID, *, problems: list[dict[str, Any]] | None = None, status: int = 200,
    decisions: Mapping[str, Decision] | None = None,
) -> Response:  # fmt: skip
    found = await versions_of(page.tx, page.reader, programme_id)
    version = found.version(version_id)
    plan = None
    if not version.in_force and not version.own:
        planned = await plan_version(page.tx, page.reader, programme_id, version_id, decisions)
        # What is in force without the bureau's values would become the same with them.
        plan = planned if planned.is_new else None
    before = found.compared(version_id)
    sections = tell_differences(*plan.documents, plan.differences) if plan else ()
    if plan is None and before is not None:
        sections = await sections_between(page.tx, before, version_id)
    return page.render(
        "programme_version.html", status_code=status, found=found, version=version, sections=sections, plan=plan,
        before=before, conflicts=_conflicts(plan), lost=list(lost_sentences(plan)) if plan else [],
        decisions=decisions or {}, problems=problems or [], decide=DECIDE,
    )  # fmt: skip


def _conflicts(plan: LoadPlan | None) -> list[tuple[Any, Any]]:
    if plan is None:
        return []
    teller = Teller(*reversed(plan.documents))
    return [(each, conflict_sentence(teller, each)) for each in plan.conflicts]


@router.post("/administration/programmes/{programme_id}/versions/{version_id}")
async def put_in_force(page: PageDep, programme_id: UUID, version_id: UUID) -> Response:
    """Put a version in force, with whose values count where the bureau's own conflict."""
    _require(page)
    form = await page.form()
    decisions = _decisions(form)
    orders = Orders(sure=form.get("sure") == "yes", decisions=decisions, reason=form.get("reason")[:2000])
    try:
        report = await load_version(page.tx, page.reader, programme_id, version_id, orders=orders)
    except (UndecidedError, LostStageError) as error:
        problems = [{"message": errors.words(error, page.locale)}]
        return await _version(
            page, programme_id, version_id, problems=problems, status=error.status, decisions=decisions
        )
    said = page.say(N_("Version {digest} is in force: new cases run by it."), digest=report.digest[:12])
    return page.go(f"{HOME}/{programme_id}", said)


def _decisions(form: Form) -> dict[str, Decision]:
    words: dict[str, Literal["ours", "theirs"]] = {"ours": "ours", "theirs": "theirs"}
    sent = {name.removeprefix(DECIDE): text for name, text in form.items if name.startswith(DECIDE)}
    return {place: words[text] for place, text in sent.items() if text in words}


# --- the bureau's own values --------------------------------------------------------------------------------------------


@router.get("/administration/programmes/{programme_id}/values")
async def values_page(page: PageDep, programme_id: UUID, of: str = "") -> Response:
    """List the values that the bureau may set; with `of`, let those of one stage or part be changed."""
    _require(page)
    view = await overlay_view(page.tx, page.reader, programme_id)
    sheet = ValueSheet(view)
    if not of:
        return page.render("values.html", view=view, groups=sheet.groups())
    group = sheet.group(of)
    if group is None:
        raise NotFoundError
    return _edit(page, view, group)


def _edit(
    page: Page, view: OverlayView, group: ValueGroup, *, problems: list[dict[str, Any]] | None = None, status: int = 200
) -> Response:
    actors = sorted(_actors(Pack.model_validate(view.base)))
    return page.render(
        "values_edit.html", status_code=status, view=view, group=group, problems=problems or [],
        actors=[(actor, Teller(view.base).actor(actor)) for actor in actors],
    )  # fmt: skip


def _actors(pack: Pack) -> set[str]:
    """Return every actor that a stage may name: roles of the group, positions at units, and at the group's own units."""
    found = {place.role if place.group else f"{place.unit}/{place.role}" for place in pack.places()}
    for stand_in in (GUIDING_UNIT, BASE_SCHOOL):
        units = [unit.code for unit in pack.units_of(stand_in)]
        roles = {position.role for position in pack.positions if position.at == "unit"}
        found |= {f"{stand_in}/{role}" for role in roles if units and all(f"{unit}/{role}" in found for unit in units)}
    return found


@router.post("/administration/programmes/{programme_id}/values/preview")
async def preview(page: PageDep, programme_id: UUID) -> Response:
    """Say what setting the values would do, or what is wrong with them."""
    _require(page)
    form = await page.form()
    view = await overlay_view(page.tx, page.reader, programme_id)
    sheet, of = ValueSheet(view), form.get("of")
    texts = sheet.texts(form, of)
    group = sheet.group(of, texts)
    if group is None:
        raise NotFoundError
    if form.get("again"):
        return _edit(page, view, group)
    try:
        plan = await preview_overlay(page.tx, page.reader, programme_id, sheet.values(texts))
    except (InvalidInputError, ConflictError) as error:
        return _wrong(page, view, of, texts=texts, error=error)
    if not plan.differences:
        said = page.say(N_("Nothing is different from what is in force."))
        return _edit(page, view, group, problems=[{"message": said}], status=422)
    return await _confirm(page, view, group, plan=plan)


def _wrong(
    page: Page, view: OverlayView, of: str, *, texts: dict[str, str], error: InvalidInputError | ConflictError
) -> Response:
    """Show the form with what is wrong beside each field; what belongs to no field of it stands above."""
    told = errors.problems_of(error, page.locale)
    group = ValueSheet(view).group(of, texts, {each["field"]: each["message"] for each in told})
    if group is None:
        raise NotFoundError
    own = {each.place for each in group.fields}
    others = [each for each in told if each["field"] not in own]
    if not told:
        others = [{"message": errors.words(error, page.locale)}]
    return _edit(page, view, group, problems=others, status=error.status)


async def _confirm(
    page: Page, view: OverlayView, group: ValueGroup, *, plan: LoadPlan, problems: list[dict[str, Any]] | None = None,
    reason: str = "", status: int = 200,
) -> Response:  # fmt: skip
    running = sum((await running_cases(page.tx, page.reader.bureau_id, view.programme.code)).values())
    sections = tell_differences(*plan.documents, plan.differences)
    return page.render(
        "values_confirm.html", status_code=status, view=view, group=group, sections=sections, running=running,
        problems=problems or [], reason=reason,
    )  # fmt: skip


@router.post("/administration/programmes/{programme_id}/values")
async def set_values(page: PageDep, programme_id: UUID) -> Response:
    """Set the bureau's own values: new cases run by them, running ones stay under their version."""
    _require(page)
    form = await page.form()
    view = await overlay_view(page.tx, page.reader, programme_id)
    sheet, of, reason = ValueSheet(view), form.get("of"), form.get("reason")
    texts = sheet.texts(form, of)
    group = sheet.group(of, texts)
    if group is None:
        raise NotFoundError
    values = sheet.values(texts)
    try:
        plan = await preview_overlay(page.tx, page.reader, programme_id, values)
    except (InvalidInputError, ConflictError) as error:
        return _wrong(page, view, of, texts=texts, error=error)
    try:
        made = await set_overlay(page.tx, page.reader, programme_id, values, reason=reason, seen=form.number("seen"))
    except (InvalidInputError, ConflictError) as error:
        told = errors.problems_of(error, page.locale) or [{"message": errors.words(error, page.locale)}]
        return await _confirm(page, view, group, plan=plan, problems=told, reason=reason, status=error.status)
    said = page.say(
        N_("The values are set: version {digest} is in force, new cases run by it."), digest=made.digest[:12]
    )
    return page.go(f"{HOME}/{programme_id}", said)
