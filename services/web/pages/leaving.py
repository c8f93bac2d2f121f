"""Who leaves or hands over: what they hold, what waits there, who takes it over, and what that will do; accounts in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.errors import ConflictError, ForbiddenError, GuantongError, InvalidInputError, NotFoundError
from services.i18n import N_
from services.people.access import Reader, Subject, may_appoint, may_issue_slip, may_manage_people
from services.people.directory import local_day
from services.people.leaving import come_back, disable_account, enable_account, hand_over_positions, leave
from services.people.lists import Holding, Named, held_by
from services.people.slips import OFFICES
from services.store.transaction import Tx
from services.web import errors
from services.web.arrival import Form
from services.web.edge import Page, PageDep
from services.web.pages.substitutes import colleagues, day_typed, person_typed, problems
from services.workflow.leaving import HandedOver, OwnTask, hand_over_tasks, own_tasks

router = APIRouter(include_in_schema=False)

_PERSON = f"""
SELECT p.id, p.bureau_id, p.name, p.unit_id, p.sort_key = '' AS erased, (p.left_at AT TIME ZONE b.zone - interval '1 day')::date AS last_day,
    a.id IS NOT NULL AS has_account, a.disabled_at, ARRAY({OFFICES}) AS offices
FROM person p JOIN bureau b ON b.id = p.bureau_id
LEFT JOIN account a ON a.bureau_id = p.bureau_id AND a.person_id = p.id WHERE p.bureau_id = $1 AND p.id = $2
"""  # noqa: S608 - constant parts

GROUPS = """
SELECT c.id, g.title_zh, g.title_en FROM cases c JOIN project_group g ON g.id = c.group_id
WHERE c.bureau_id = $1 AND c.id = ANY($2::uuid[])
"""


@dataclass(frozen=True)
class Leaver:
    """The person whom the page is about. last_day: where they have left, or are to leave."""

    id: UUID
    bureau_id: UUID
    name: str
    unit_id: UUID | None
    erased: bool
    last_day: date | None
    has_account: bool
    disabled_at: datetime | None
    offices: list[str]

    @property
    def subject(self) -> Subject:
        """The person as somebody whom one wants to look after."""
        return Subject(self.id, self.bureau_id, self.unit_id, frozenset(self.offices))


@dataclass(frozen=True)
class Typed:
    """What stands in the form. successors: position id -> the name that was typed. heir: who gets the person's own tasks."""

    last_day: str = ""
    what: str = "leave"
    begins: str = "next"
    successors: dict[str, str] = field(default_factory=dict)
    heir: str = ""

    @classmethod
    def of(cls, form: Form) -> Typed:
        """Read what was posted."""
        named = {name[3:]: value[:200] for name, value in form.items if name.startswith("to-") and value.strip()}
        what = "hand-over" if form.get("what") == "hand-over" else "leave"
        begins = "same" if form.get("begins") == "same" else "next"
        return cls(form.get("last_day")[:40], what, begins, named, form.get("heir")[:200])


@dataclass(frozen=True)
class Plan:
    """What is to happen: to whom each position goes, from which day, and whether the person leaves.

    heir: who gets the tasks that are the person's own; None: they stay with the person.
    """

    last_day: date
    first_day: date
    leaves: bool
    successors: dict[UUID, Named]
    heir: Named | None = None


class _TakenBackError(Exception):
    """What was tried is taken back."""


@router.get("/people/{person_id}/leaving")
async def leaving_page(page: PageDep, person_id: UUID) -> Response:
    """Show what a person holds and what waits there, with the ways to hand over, to leave, and to keep an account out."""
    return await _show(page, await _leaver(page, person_id), Typed())


async def _leaver(page: Page, person_id: UUID) -> Leaver:
    rows = await page.tx.rows(_PERSON, (page.reader.bureau_id, person_id, page.tx.now))
    if not rows or not may_manage_people(page.reader, rows[0]["unit_id"]):
        raise NotFoundError
    return Leaver(**rows[0])


async def _show(
    page: Page, person: Leaver, typed: Typed, *, told: list[dict[str, Any]] | None = None, status_code: int = 200
) -> Response:
    return page.render(
        "leaving.html",
        status_code=status_code,
        person=person,
        held=await _held(page, person),
        typed=typed,
        problems=told or [],
        today=local_day(page.tx.now, page.reader.zone),
        may_look_after=may_issue_slip(page.reader, person.subject),
        may_appoint=may_appoint(page.reader),
        colleagues=await colleagues(page, person.unit_id),
        own=await _own(page, person),
    )


async def _own(page: Page, person: Leaver) -> list[OwnTask]:
    """Return the open tasks that are the person's own; only the administrator is shown them, and hands them over."""
    return await own_tasks(page.tx, by=page.reader, person_id=person.id) if page.reader.is_administrator else []


async def _results(page: Page, found: list[HandedOver]) -> list[tuple[HandedOver, str, str]]:
    """Return each case with its group's title, and why its tasks stay; "" where they go."""
    ids = [each.case_id for each in found]
    rows = await page.tx.rows(GROUPS, (page.reader.bureau_id, ids))
    titles = {row["id"]: row["title_zh"] if page.locale == "zh" else row["title_en"] for row in rows}
    return [
        (each, titles.get(each.case_id, ""), errors.words(each.refusal, page.locale) if each.refusal else "")
        for each in found
    ]


async def _held(page: Page, person: Leaver) -> list[Holding]:
    reader = page.reader
    since = local_day(page.tx.now, reader.zone)
    return await held_by(page.tx, reader.bureau_id, person_id=person.id, since=since)


@router.post("/people/{person_id}/leaving")
async def hand_over(page: PageDep, person_id: UUID) -> Response:
    """Say what will happen, and once that is confirmed, let it happen."""
    person, form = await _leaver(page, person_id), await page.form()
    if not may_appoint(page.reader):
        raise ForbiddenError
    typed = Typed.of(form)
    try:
        plan = await _plan(page, person, typed)
        if form.get("sure") != "yes":
            foreseen = await _try(page, person, plan)
            return await _confirm(page, person, plan, typed=typed, foreseen=foreseen)
        handed = await _carry_out(page.tx, page.reader, person.id, plan)
    except (InvalidInputError, ConflictError) as error:
        return await _show(page, person, typed, told=problems(page, error), status_code=error.status)
    day = page.dates.day(plan.last_day)
    said = (
        N_("{name} leaves after {day}.")
        if plan.leaves
        else N_("What was chosen is handed over; the last day of {name} in it is {day}.")
    )
    words = page.say(said, name=person.name, day=day)
    if plan.heir is None:
        return page.go(f"/people/{person_id}/leaving", words)
    results = await _results(page, handed)
    return page.render("leaving_done.html", person=person, plan=plan, results=results, said=words)


async def _confirm(page: Page, person: Leaver, plan: Plan, *, typed: Typed, foreseen: list[HandedOver]) -> Response:
    return page.render(
        "leaving_confirm.html",
        person=person,
        plan=plan,
        typed=typed,
        held=await _held(page, person),
        own=await _own(page, person),
        results=await _results(page, foreseen),
    )


async def _plan(page: Page, person: Leaver, typed: Typed) -> Plan:
    last_day = day_typed(page, typed.last_day, field="last_day")
    held = {str(each.position_id): each.position_id for each in await _held(page, person)}
    successors = {
        held[position]: await person_typed(page, name, field=f"to-{position}")
        for position, name in typed.successors.items()
        if position in held
    }
    leaves = typed.what == "leave"
    heir = await person_typed(page, typed.heir, field="heir") if typed.heir else None
    if not leaves and not successors and heir is None:
        said = page.say(N_("Name a successor for what is to be handed over, or say that the person leaves."))
        raise InvalidInputError([{"field": "what", "message": said}])
    first_day = last_day if typed.begins == "same" else last_day + timedelta(days=1)
    return Plan(last_day, first_day, leaves, successors, heir)


async def _try(page: Page, person: Leaver, plan: Plan) -> list[HandedOver]:
    """Refuse a plan as carrying it out would: it is carried out, and taken back. Return what would become of the tasks."""
    found: list[HandedOver] = []
    with suppress(_TakenBackError):
        async with page.tx.savepoint():
            found = await _carry_out(page.tx, page.reader, person.id, plan)
            raise _TakenBackError
    return found


async def _carry_out(tx: Tx, by: Reader, person_id: UUID, plan: Plan) -> list[HandedOver]:
    """Hand over tasks and positions, then let the person leave; all of it, or nothing.

    Only a case whose tasks may not go to the heir keeps them: it is in the answer with its reason.
    """
    going: dict[UUID, list[UUID]] = {}
    for position, successor in plan.successors.items():
        going.setdefault(successor.id, []).append(position)
    async with tx.savepoint():
        handed = await hand_over_tasks(tx, by=by, leaving=person_id, to=plan.heir.id) if plan.heir else []
        for successor_id, positions in going.items():
            await hand_over_positions(
                tx, by, person_id, successor_id, on=plan.last_day, positions=positions, from_day=plan.first_day
            )
        if plan.leaves:
            await leave(tx, by, person_id, last_day=plan.last_day)
    return handed


@router.post("/people/{person_id}/back")
async def back(page: PageDep, person_id: UUID) -> Response:
    """Take back that a person has left."""
    return await _do(page, person_id, come_back, said=N_("{name} is back. Positions are given anew."))


@router.post("/people/{person_id}/disable")
async def disable(page: PageDep, person_id: UUID) -> Response:
    """Let a person in no more until that is taken back; their positions stay."""
    return await _do(page, person_id, disable_account, said=N_("{name} can no longer sign in; the positions stay."))


@router.post("/people/{person_id}/enable")
async def enable(page: PageDep, person_id: UUID) -> Response:
    """Let a person sign in again."""
    return await _do(page, person_id, enable_account, said=N_("{name} can sign in again."))


async def _do(
    page: Page, person_id: UUID, act: Callable[[Tx, Reader, UUID], Awaitable[None]], *, said: str
) -> Response:
    person = await _leaver(page, person_id)
    try:
        await act(page.tx, page.reader, person_id)
    except ConflictError as error:
        return await _refuse(page, person, error)
    return page.go(f"/people/{person_id}/leaving", page.say(said, name=person.name))


async def _refuse(page: Page, person: Leaver, error: GuantongError) -> Response:
    return await _show(page, person, Typed(), told=problems(page, error), status_code=error.status)
