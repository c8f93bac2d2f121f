"""Standing substitutes: naming one with a confirmation that says what will happen, ending one, and the lists."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from sqlmodel import col, select
from starlette.responses import Response

from models.people import Person
from services.errors import ConflictError, GuantongError, InvalidInputError, NotFoundError
from services.i18n import N_
from services.people.access import Reader
from services.people.lists import Named, people_named
from services.people.substitutes import (
    Represented,
    Wish,
    check_substitute,
    end_substitution,
    name_substitute,
    processes_of,
    represented_person,
)
from services.people.substitution_list import Chosen, SubstitutionRow, list_substitutions, one_substitution
from services.process.definitions import Localized
from services.web import errors, workbooks
from services.web.arrival import Form
from services.web.edge import Page, PageDep
from services.web.filters import as_id

router = APIRouter(include_in_schema=False)
STANDINGS = {"now": N_("standing in now"), "to-come": N_("to come"), "over": N_("over"), "ended": N_("ended")}
MOST_COLLEAGUES = 200


@dataclass(frozen=True)
class Typed:
    """What stands in the form. processes: as `programme/process`; none of them means all."""

    substitute: str = ""
    starts_on: str = ""
    ends_on: str = ""
    reason: str = ""
    processes: tuple[str, ...] = ()

    @classmethod
    def of(cls, form: Form) -> Typed:
        """Read what was posted."""
        texts = {name: form.get(name)[:600] for name in ("substitute", "starts_on", "ends_on", "reason")}
        return cls(**texts, processes=tuple(value[:130] for name, value in form.items if name == "process"))

    @property
    def pairs(self) -> list[tuple[str, str]] | None:
        """The chosen processes; None for all."""
        return [(programme, code) for programme, _, code in (each.partition("/") for each in self.processes)] or None


def looks_after_substitutes(reader: Reader) -> bool:
    """Tell whether there is a list of other people's substitutions for the reader."""
    return reader.is_administrator or bool(reader.administered)


async def titles(page: Page) -> dict[tuple[str, str], Localized]:
    """Return the titles of the bureau's processes."""
    return await processes_of(page.tx, page.reader.bureau_id)


@router.get("/substitutes")
async def substitutes_page(page: PageDep, after: str = "") -> Response:
    """List the substitutions of the people whom the reader looks after."""
    _require_list(page)
    found = await list_substitutions(page.tx, page.reader, after=as_id(after))
    return page.render(
        "substitutes.html", rows=found.rows, more=found.next, titles=await titles(page), standings=STANDINGS
    )


@router.get("/substitutes.xlsx")
async def export_substitutes(page: PageDep) -> Response:
    """Give the same list as a workbook."""
    _require_list(page)
    known, rows, after = await titles(page), list[list[Any]](), None
    while True:
        found = await list_substitutions(page.tx, page.reader, after=after, limit=500)
        rows += [_cells(page, row, known) for row in found.rows]
        after = found.next
        if after is None or len(rows) >= workbooks.MOST_ROWS:
            break
    names = (N_("Person"), N_("Substitute"), N_("First day"), N_("Last day"), N_("Processes"), N_("Reason"))
    head = [page.say(name) for name in (*names, N_("Named by"), N_("State"))]
    return await workbooks.response(page.say(N_("Substitutes")), head, rows)


def _require_list(page: Page) -> None:
    if not looks_after_substitutes(page.reader):
        raise NotFoundError


def _cells(page: Page, row: SubstitutionRow, known: dict[tuple[str, str], Localized]) -> list[Any]:
    pairs = row.processes or ()
    named = "、".join(known[pair].in_(page.locale) if pair in known else pair[1] for pair in pairs)
    days = (row.starts_on.isoformat(), row.ends_on.isoformat())
    processes = named or page.say(N_("all"))
    state = page.say(STANDINGS[row.standing])
    return [row.person, row.substitute, *days, processes, row.reason, row.named_by or "", state]


@router.get("/substitutes/new")
async def naming_page(page: PageDep, person: str = "") -> Response:
    """Show the form in which a substitute is named for oneself, or for somebody whom one looks after."""
    represented = await _represented(page, person)
    return await _form(page, represented, Typed())


async def _represented(page: Page, person: str) -> Represented:
    wanted = as_id(person) if person else page.reader.person_id
    if wanted is None:
        raise NotFoundError
    return await represented_person(page.tx, page.reader, wanted)


async def _form(
    page: Page, represented: Represented, typed: Typed, *, problems: list[Any] | None = None, status_code: int = 200
) -> Response:
    return page.render(
        "substitute.html",
        status_code=status_code,
        represented=represented,
        own=represented.id == page.reader.person_id,
        typed=typed,
        problems=problems or [],
        titles=await titles(page),
        colleagues=await colleagues(page, represented.unit_id),
    )


async def colleagues(page: Page, unit_id: UUID | None) -> list[str]:
    """Return the names of the people of a unit, to choose from while typing."""
    if unit_id is None:
        return []
    query = select(Person.name).where(col(Person.bureau_id) == page.reader.bureau_id, col(Person.unit_id) == unit_id)
    here = query.where((col(Person.left_at).is_(None)) | (col(Person.left_at) > page.tx.now))
    found = await page.tx.session.exec(here.order_by(col(Person.sort_key)).limit(MOST_COLLEAGUES))
    return list(dict.fromkeys(found))


@router.post("/substitutes")
async def name(page: PageDep) -> Response:
    """Say what will happen, and once that is confirmed, let it happen."""
    form = await page.form()
    represented = await _represented(page, form.get("person"))
    typed = Typed.of(form)
    try:
        substitute = await person_typed(page, typed.substitute, field="substitute")
        wish = _wish(page, typed, person_id=represented.id, substitute_id=substitute.id)
        if form.get("sure") != "yes":
            await check_substitute(page.tx, page.reader, wish)
            return await _confirmation(page, represented, substitute, typed=typed, wish=wish)
        await name_substitute(page.tx, page.reader, wish)
    except (InvalidInputError, ConflictError) as error:
        return await _form(page, represented, typed, problems=problems(page, error), status_code=error.status)
    said = page.say(
        N_("{substitute} stands in for {person}; both are told."), substitute=substitute.name, person=represented.name
    )
    return page.go("/account" if represented.id == page.reader.person_id else "/substitutes", said)


def problems(page: Page, error: GuantongError) -> list[dict[str, Any]]:
    """Return a refusal as the problems that a form shows."""
    return errors.problems_of(error, page.locale) or [{"message": errors.words(error, page.locale)}]


async def person_typed(page: Page, text: str, *, field: str) -> Named:
    """Return the person whose whole name or sign-in name was typed.

    Raises:
        InvalidInputError: nobody is called that, or several are.
    """
    found = await people_named(page.tx, page.reader.bureau_id, text[:200])
    if len(found) == 1:
        return found[0]
    message = (
        page.say(N_("Several people are called “{name}”; write the sign-in name."), name=text[:60])
        if found
        else page.say(N_("Nobody here is called “{name}”. Write the whole name, or the sign-in name."), name=text[:60])
    )
    raise InvalidInputError([{"field": field, "message": message}])


def day_typed(page: Page, text: str, *, field: str) -> date:
    """Return the day that was typed.

    Raises:
        InvalidInputError: it is none.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not 2000 <= day.year <= 2200:  # noqa: PLR2004 - what nobody means
        said = page.say(N_("“{typed}” is not a date; write for example 2027-03-15."), typed=text[:40])
        raise InvalidInputError([{"field": field, "message": said}])
    return day


def _wish(page: Page, typed: Typed, *, person_id: UUID, substitute_id: UUID) -> Wish:
    return Wish(
        person_id=person_id,
        substitute_id=substitute_id,
        starts_on=day_typed(page, typed.starts_on, field="starts_on"),
        ends_on=day_typed(page, typed.ends_on, field="ends_on"),
        reason=typed.reason,
        processes=typed.pairs,
    )


async def _confirmation(
    page: Page, represented: Represented, substitute: Named, *, typed: Typed, wish: Wish
) -> Response:
    known = await titles(page)
    return page.render(
        "substitute_confirm.html",
        represented=represented,
        substitute=substitute,
        typed=typed,
        wish=wish,
        named=[known[pair] for pair in wish.processes or ()],
    )


@router.get("/substitutes/{substitution_id}/end")
async def ending_page(page: PageDep, substitution_id: UUID) -> Response:
    """Say what the end of a substitution does."""
    row = await _endable(page, substitution_id)
    return page.render("substitute_end.html", row=row, titles=await titles(page))


async def _endable(page: Page, substitution_id: UUID) -> SubstitutionRow:
    row = await one_substitution(page.tx, page.reader, substitution_id)
    await represented_person(page.tx, page.reader, row.person_id)
    return row


@router.post("/substitutes/{substitution_id}/end")
async def end(page: PageDep, substitution_id: UUID) -> Response:
    """End a substitution at once."""
    row = await _endable(page, substitution_id)
    where = "/account" if row.person_id == page.reader.person_id else "/substitutes"
    try:
        await end_substitution(page.tx, page.reader, substitution_id)
    except ConflictError as error:
        return page.go(where, errors.words(error, page.locale), kind="warning")
    said = page.say(N_("{substitute} no longer stands in for {person}."), substitute=row.substitute, person=row.person)
    return page.go(where, said)


async def own_substitutions(page: Page) -> dict[str, Any]:
    """Return what a person's own page shows: who stands in for them, for whom they stand in, and titles of processes."""
    tx, me = page.tx, page.reader
    mine = await list_substitutions(tx, me, Chosen(person_id=me.person_id, running=True))
    others = await list_substitutions(tx, me, Chosen(substitute_id=me.person_id, running=True))
    limited = any(row.processes for row in (*mine.rows, *others.rows))
    known = await titles(page) if limited else {}
    return {"substitutes": mine.rows, "standing_in": others.rows, "titles": known, "standings": STANDINGS}
