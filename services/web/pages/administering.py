"""What the administrator does to a case: each act has a page that says what will happen before it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from sqlmodel import col, select
from starlette.responses import Response

from models.people import Person
from services.errors import ConflictError, InvalidInputError, NotFoundError
from services.i18n import N_
from services.process.definitions import BranchStage, CompleteStage, FileStage, ParallelStage
from services.process.events import HandOver
from services.process.states import TaskState
from services.web import errors
from services.web.arrival import Form
from services.web.drawn import drawn
from services.web.edge import Page, PageDep
from services.web.filters import as_id
from services.web.pages.substitutes import colleagues, person_typed
from services.workflow import administering, handing
from services.workflow.carry_out import Asked, act
from services.workflow.cases import CaseView, case_view
from services.workflow.foreseeing import Foreseen, foresee
from services.workflow.handing import require_person

router = APIRouter(include_in_schema=False)
MOST_WORDS = 4000


@dataclass(frozen=True)
class Kind:
    """An act as its page says it. chooses: what has to be chosen besides a reason. undo: what takes it back."""

    title: str
    button: str
    done: str
    what: tuple[str, ...]
    undo: str
    chooses: str = ""
    reason: bool = True
    grave: bool = False


KINDS = {
    "suspend": Kind(
        N_("Suspend the case"), N_("Suspend"), N_("The case is suspended."),
        (N_("Nobody can act on it, and nobody is reminded, until it is resumed. Its tasks stay where they are."),),
        N_("Resuming it undoes this; due dates move on by the time between."),
    ),
    "resume": Kind(
        N_("Resume the case"), N_("Resume"), N_("The case goes on."),
        (N_("Everybody can act again; due dates move on by the time that it stood still."),),
        N_("It can be suspended again."), reason=False,
    ),
    "jump": Kind(
        N_("Set the case into another stage"), N_("Set into the stage"), N_("The case is set into the stage."),
        (N_("Every open task is closed; what was submitted and every opinion stays in the history."),),
        N_("Setting it back undoes this; opinions that an open stage had already got are asked again."), chooses="stage",
        grave=True,
    ),
    "reopen": Kind(
        N_("Open the case again"), N_("Open again"), N_("The case is open again."),
        (N_("The case goes on in the stage that you choose. A number that it was given stays its number."),),
        N_("It can be ended, or go its way to the end again."), chooses="stage",
    ),
    "end": Kind(
        N_("End the case"), N_("End the case"), N_("The case is ended."),
        (N_("It will not be filed and gets no number. Every open task is closed."),),
        N_("Opening it again, in a stage that you choose, undoes this."), grave=True,
    ),
    "remove-signer": Kind(
        N_("Take out a signer"), N_("Take the signer out"), N_("The signer is taken out."),
        (N_("The signer's task is closed; whoever was added by them goes, too. The last signer whom a stage needs stays."),),
        N_("Whoever has a task of the stage can add the signer again."), chooses="signer",
    ),
    "hand-over": Kind(
        N_("Hand over one person's tasks"), N_("Hand over"), N_("The tasks are handed over."),
        (N_("What is one person's own in this case goes to another. What belongs to a position stays with it."),),
        N_("Handing over in the other direction undoes this."), chooses="persons", reason=False,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Typed:
    """What stands in the form."""

    words: str = ""
    to: str = ""
    task: str = ""
    leaving: str = ""
    person: str = ""
    version: int | None = None
    key: str = ""

    @classmethod
    def of(cls, form: Form) -> Typed:
        """Read what was posted."""
        names = ("to", "task", "leaving", "person")
        given = {name: form.get(name)[:200] for name in names}
        return cls(form.get("words")[:MOST_WORDS], **given, version=form.number("version"), key=form.get("key")[:200])


@dataclass(frozen=True)
class Signer:
    """Somebody who could be taken out, or whose tasks could be handed over."""

    id: UUID
    person_id: UUID | None
    name: str
    actor: str
    stage: str


@router.get("/cases/{case_id}/acts/{act_name}")
async def act_page(page: PageDep, case_id: UUID, act_name: str) -> Response:
    """Show what the act does and ask for what it needs."""
    view = await case_view(page.tx, page.reader, case_id)
    await _allow(page, view, act_name)
    return await _show(page, view, act_name, Typed(version=view.version))


async def _allow(page: Page, view: CaseView, name: str) -> None:
    """Refuse an act that the reader could not do on the case as it stands."""
    going = view.status == "open" and not view.suspended
    allowed = name in KINDS and name in view.may
    if name == "hand-over":
        allowed = page.reader.is_administrator and going
    if name == "remove-signer":
        allowed = going and bool(await _signers(page, view))
    if not allowed:
        raise NotFoundError


async def _signers(page: Page, view: CaseView) -> list[Signer]:
    """Return the signers whom the reader may take out: those whom they added, and any for the administrator."""
    reader = page.reader
    found = [
        (visit.stage, task)
        for visit in view.state.open
        for task in (*visit.tasks, *visit.waiting)
        if reader.is_administrator or (task.added is not None and task.added.by == reader.person_id)
    ]
    judged = {stage for stage, _ in found if view.definition.stage(stage).kind != "submit"}
    return await _named(page, [(stage, task) for stage, task in found if stage in judged])


async def _holders(page: Page, view: CaseView) -> list[Signer]:
    """Return everybody who has something in the case that is their own, each once."""
    found = [(visit.stage, task) for visit in view.state.open for task in (*visit.tasks, *visit.waiting) if task.with_]
    return list({each.person_id: each for each in await _named(page, found)}.values())


async def _named(page: Page, found: list[tuple[str, TaskState]]) -> list[Signer]:
    people = [task.with_ for _, task in found if task.with_ is not None]
    rows = await page.tx.session.exec(select(Person).where(col(Person.id).in_(people)))
    names = {person.id: person.name for person in rows}
    return [
        Signer(task.id, task.with_, names.get(task.with_, "") if task.with_ else "", task.actor, stage)
        for stage, task in found
    ]


async def _show(
    page: Page,
    view: CaseView,
    name: str,
    typed: Typed,
    *,
    foreseen: Foreseen | None = None,
    problems: list[dict[str, Any]] | None = None,
    status_code: int = 200,
) -> Response:
    kind = KINDS[name]
    closed = (FileStage, CompleteStage, BranchStage, ParallelStage)
    return page.render(
        "administering.html",
        status_code=status_code,
        view=view,
        name=name,
        kind=kind,
        typed=typed,
        foreseen=foreseen,
        problems=problems or [],
        stages=[each for each in view.definition.all_stages if not isinstance(each, closed)],
        drawing=drawn(view.pack, view.definition, view.position, locale=page.locale) if kind.chooses == "stage" else "",
        signers=await _signers(page, view) if kind.chooses == "signer" else [],
        holders=await _holders(page, view) if kind.chooses == "persons" else [],
        colleagues=await colleagues(page, None) if kind.chooses == "persons" else [],
        key=typed.key or page.tx.ids.token(),
        most_words=MOST_WORDS,
    )


@router.post("/cases/{case_id}/acts/{act_name}")
async def do_act(page: PageDep, case_id: UUID, act_name: str) -> Response:
    """Say exactly what will happen, and once that is confirmed, let it happen."""
    form = await page.form()
    view = await case_view(page.tx, page.reader, case_id)
    await _allow(page, view, act_name)
    typed = Typed.of(form)
    try:
        carry = await _carry(page, view, act_name, typed)
        if form.get("sure") != "yes":
            foreseen = await foresee(page.tx, case_id, carry)
            return await _show(page, view, act_name, typed, foreseen=foreseen)
        await carry()
    except (ConflictError, InvalidInputError) as error:
        told = errors.problems_of(error, page.locale)
        said = told or [{"message": errors.words(error, page.locale, zone=page.reader.zone)}]
        return await _show(page, view, act_name, typed, problems=said, status_code=error.status)
    return page.go(f"/cases/{case_id}", page.say(KINDS[act_name].done))


async def _carry(page: Page, view: CaseView, name: str, typed: Typed) -> Callable[[], Awaitable[object]]:
    """Return what carries the act out."""
    common: dict[str, Any] = {"by": page.reader, "case_id": view.id, "version": typed.version, "key": typed.key or None}
    simple = {"suspend": administering.suspend, "resume": administering.resume, "end": administering.end_case}
    if name in simple:
        return lambda: simple[name](page.tx, words=typed.words, **common)
    if name == "reopen":
        return lambda: administering.reopen(page.tx, to=typed.to, words=typed.words, **common)
    if name == "jump":
        common["version"] = typed.version if typed.version is not None else -1
        return lambda: administering.jump(page.tx, to=typed.to, words=typed.words, **common)
    if name == "remove-signer":
        task = as_id(typed.task) or UUID(int=0)
        return lambda: handing.remove_signer(page.tx, task_id=task, words=typed.words, **common)
    return await _handing_over(page, view, typed)


async def _handing_over(page: Page, view: CaseView, typed: Typed) -> Callable[[], Awaitable[object]]:
    to = await person_typed(page, typed.person, field="person")
    leaving = as_id(typed.leaving) or UUID(int=0)
    await require_person(page.tx, page.reader, to.id)
    asked = Asked(
        page.reader, "hand-over", case_id=view.id, version=typed.version, key=typed.key or None, words=typed.words,
        to_person=to.id, more=str(leaving),
    )  # fmt: skip
    return lambda: act(page.tx, asked, HandOver(leaving, to.id, typed.words))
