"""A unit's people for who looks after them: slips, resets, unlocking. No mailbox is needed for any of it."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID

import segno
from fastapi import APIRouter
from markupsafe import Markup
from sqlmodel import col, select
from starlette.responses import Response

from models.people import Person, Position, Unit
from services.errors import ForbiddenError, NotFoundError
from services.i18n import N_
from services.people.access import may_manage_people
from services.people.lists import PersonRow, people_of_unit
from services.people.slips import issue_slip, unlock
from services.web import navigation, workbooks
from services.web.edge import Page, PageDep
from services.web.filters import as_id
from services.web.pages.substitutes import looks_after_substitutes

router = APIRouter(include_in_schema=False)
NO_UNIT = "none"


@router.get("/people")
async def people_page(page: PageDep, unit: str = "", after: str = "") -> Response:
    """List a unit's people with what stands in the way of their signing in."""
    units = await _units(page)
    chosen = _chosen(page, units, unit)
    key, _, person = after.rpartition("|")
    start = (key, identity) if (identity := as_id(person)) else None
    found = await people_of_unit(page.tx, page.reader, chosen, after=start)
    more = f"{found.next[0]}|{found.next[1]}" if found.next else None
    return page.render(
        "people.html",
        units=units,
        chosen=chosen,
        unit=unit,
        rows=found.rows,
        more=more,
        titles=await _titles(page, found.rows),
        looks_after_substitutes=looks_after_substitutes(page.reader),
        everybody=page.reader.is_administrator or page.reader.is_security,
    )


@router.get("/people.xlsx")
async def export_people(page: PageDep, unit: str = "") -> Response:
    """Give the same list as a workbook."""
    chosen = _chosen(page, await _units(page), unit)
    rows: list[list[Any]] = []
    after = None
    while True:
        found = await people_of_unit(page.tx, page.reader, chosen, after=after, limit=500)
        titles = await _titles(page, found.rows)
        rows += [
            [
                row.name,
                row.login or "",
                row.email or "",
                _state(page, row),
                "、".join(titles[code] for code in row.positions),
            ]
            for row in found.rows
        ]
        after = found.next
        if after is None or len(rows) >= workbooks.MOST_ROWS:
            break
    names = (N_("Name"), N_("Sign-in name"), N_("Mail"), N_("Account"), N_("Positions"))
    return await workbooks.response(page.say(N_("People")), [page.say(name) for name in names], rows)


def _state(page: Page, row: PersonRow) -> str:
    if row.login is None:
        return page.say(N_("no account"))
    if row.locked_until is not None:
        return page.say(N_("locked out"))
    return page.say(N_("active")) if row.activated else page.say(N_("not activated yet"))


async def _units(page: Page) -> list[Unit]:
    """Return the units whose people the reader looks after.

    Raises:
        NotFoundError: there is none.
    """
    if not navigation.looks_after_people(page.reader):
        raise NotFoundError
    found = await page.tx.session.exec(
        select(Unit).where(col(Unit.bureau_id) == page.reader.bureau_id).order_by(col(Unit.code))
    )
    return [unit for unit in found if may_manage_people(page.reader, unit.id)]


def _chosen(page: Page, units: list[Unit], wanted: str) -> UUID | None:
    if wanted == NO_UNIT and may_manage_people(page.reader, None):
        return None
    known = {unit.id for unit in units}
    chosen = as_id(wanted)
    if wanted and chosen not in known:
        raise NotFoundError
    own = page.reader.unit_id
    return chosen or (own if own in known else next((unit.id for unit in units), None))


async def _titles(page: Page, rows: tuple[PersonRow, ...]) -> dict[str, str]:
    codes = sorted({code for row in rows for code in row.positions})
    found = await page.tx.session.exec(
        select(Position).where(col(Position.bureau_id) == page.reader.bureau_id, col(Position.code).in_(codes))
    )
    return {each.code: each.title_zh if page.locale == "zh" else each.title_en for each in found}


@router.post("/people/{person_id}/slip")
async def slip(page: PageDep, person_id: UUID) -> Response:
    """Issue a slip and show it once, to be printed: nobody can read its code again."""
    form = await page.form()
    person = await _looked_after(page, person_id)
    try:
        made = await issue_slip(
            page.tx, page.reader, person_id, purpose="reset" if form.get("purpose") == "reset" else "activate"
        )
    except ForbiddenError as error:
        raise _refused(page, person) from error
    public = page.settings.public_url
    return page.render(
        "slip.html", slip=made, address=f"{public}/activate", qr=_qr(made.url(public)), unit=person.unit_id
    )


@router.post("/people/{person_id}/unlock")
async def unlock_person(page: PageDep, person_id: UUID) -> Response:
    """Take away a lock that wrong passwords brought."""
    person = await _looked_after(page, person_id)
    try:
        await unlock(page.tx, page.reader, person_id)
    except ForbiddenError as error:
        raise _refused(page, person) from error
    where = f"/people?unit={person.unit_id}" if person.unit_id else f"/people?unit={NO_UNIT}"
    return page.go(where, page.say(N_("{name} is unlocked."), name=person.name))


async def _looked_after(page: Page, person_id: UUID) -> Person:
    found = await page.tx.session.exec(
        select(Person).where(col(Person.id) == person_id, col(Person.bureau_id) == page.reader.bureau_id)
    )
    person = found.first()
    if person is None:
        raise NotFoundError
    return person


def _refused(page: Page, person: Person) -> Exception:
    """A person whom one does not look after is not there; one of one's own people may be out of bounds."""
    return ForbiddenError() if may_manage_people(page.reader, person.unit_id) else NotFoundError()


def _qr(text: str) -> Markup:
    """Return a QR code as inline SVG without styles."""
    out = io.BytesIO()
    segno.make(text, error="m").save(out, kind="svg", xmldecl=False, svgns=True, omitsize=True, nl=False)
    # The picture holds squares only; the text is encoded in them.
    return Markup(out.getvalue().decode())  # noqa: S704
