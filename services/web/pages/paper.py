"""The paper route: a form that is printed for signing, what was signed entered from its scan, and the scans to look at."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote
from uuid import UUID

import anyio.to_thread
import segno
from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse, Response

from services.adapters.files import CHUNK
from services.errors import ConflictError, InvalidInputError, NotFoundError
from services.i18n import N_
from services.process.definitions import ApproveStage, JudgingStage, SignStage
from services.store.transaction import Tx
from services.web import errors, uploads
from services.web.arrival import Form, read_form, refuse_other_sites
from services.web.edge import Page, PageDep, check_token, page_in
from services.web.filters import Filter, as_id
from services.web.pages.files import SEALED, SHOWN
from services.web.uploads import clean_name
from services.workflow.cases import CaseView, OpenTask, case_view
from services.workflow.paper import (
    MAX_SCANS,
    PaperAct,
    PaperTask,
    PrintedForm,
    Scan,
    enter_from_paper,
    paper_task,
    printed_form,
    scan_for_reading,
)

router = APIRouter(include_in_schema=False)
MOST_WORDS = 4000
DECISIONS: dict[str, str] = {
    "approve": N_("Approve"),
    "oppose": N_("Vote against"),
    "sign": N_("Sign"),
    "decline": N_("Do not sign"),
    "return": N_("Return"),
    "reject": N_("Reject"),
}
SIGNABLE = frozenset({"approve", "sign"})


@router.get("/cases/{case_id}/paper")
async def printed_page(page: PageDep, case_id: UUID) -> Response:
    """Show the last submission as a form for signing: its code, version and digest stand on it."""
    view = await case_view(page.tx, page.reader, case_id)
    submission = view.last_submission
    if submission is None:
        raise NotFoundError
    form = await printed_form(page.tx, by=page.reader, case_id=case_id)
    waiting = [task for task in view.tasks if task.kind in SIGNABLE]
    return page.render(
        "paper.html",
        view=view,
        submission=submission,
        form=submission.form,
        printed=form,
        qr=_qr(form.code),
        waiting=waiting,
        choices={task.id: _decisions(view, task) for task in waiting},
        decisions=DECISIONS,
        enterable=[task.id for task in waiting if await _may_enter(page, task.id)],
        changed=set(),
        remarks={},
        may_decide=False,
        task=None,
        chosen=Filter(),
    )


async def _may_enter(page: Page, task_id: UUID) -> bool:
    try:
        await paper_task(page.tx, by=page.reader, task_id=task_id)
    except NotFoundError:
        return False
    return True


def _qr(text: str) -> Markup:
    out = io.BytesIO()
    segno.make(text, error="m").save(out, kind="svg", xmldecl=False, svgns=True, omitsize=True, nl=False)
    return Markup(out.getvalue().decode())  # noqa: S704 - segno writes paths, not text


def _decisions(view: CaseView, task: OpenTask) -> list[str]:
    """Return what may be decided on paper in the task's stage."""
    stage = view.definition.stage(task.stage)
    found = (
        ["approve"] if isinstance(stage, ApproveStage) else ["sign", "decline"] if isinstance(stage, SignStage) else []
    )
    if isinstance(stage, JudgingStage):
        found += ["oppose"] if stage.votes and isinstance(stage, ApproveStage) else []
        found += ["return"] if stage.return_to else []
        found += ["reject"] if stage.may_reject else []
    return found


# --- entering what was signed ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Typed:
    """What stands in the form."""

    person: str = ""
    decision: str = ""
    words: str = ""
    to: str = ""
    code: str = ""
    key: str = ""

    @classmethod
    def of(cls, form: Form) -> Typed:
        """Read what was posted."""
        names = ("person", "decision", "to", "code", "key")
        return cls(words=form.get("words")[:MOST_WORDS], **{name: form.get(name)[:200] for name in names})


@router.get("/tasks/{task_id}/paper")
async def entering_page(page: PageDep, task_id: UUID) -> Response:
    """Ask who signed what, with the code of the form and its scans."""
    return await _entering(page, task_id, Typed())


async def _entering(
    page: Page,
    task_id: UUID,
    typed: Typed,
    *,
    problems: list[dict[str, Any]] | None = None,
    status_code: int = 200,
) -> Response:
    found = await paper_task(page.tx, by=page.reader, task_id=task_id)
    view, task = await _seen(page, found)
    stage = view.definition.stage(task.stage)
    returns = stage.return_to if isinstance(stage, JudgingStage) else ()
    return page.render(
        "paper_enter.html",
        status_code=status_code,
        view=view,
        task=task,
        signers=[each for each in found.signers if each[0] != page.reader.person_id],
        typed=typed,
        choices=_decisions(view, task),
        decisions=DECISIONS,
        returns=[(code, view.definition.stage(code).title or code) for code in returns],
        problems=problems or [],
        most_scans=min(5, MAX_SCANS),
        most_words=MOST_WORDS,
        limit=page.settings.attachment_limit_mb,
        key=typed.key or page.tx.ids.token(),
    )


async def _seen(page: Page, found: PaperTask) -> tuple[CaseView, OpenTask]:
    view = await case_view(page.tx, page.reader, found.case_id)
    task = next((each for each in view.tasks if each.id == found.task_id and each.kind in SIGNABLE), None)
    if task is None:
        raise NotFoundError
    return view, task


@router.post("/tasks/{task_id}/paper")
async def enter(request: Request, task_id: UUID) -> Response:
    """Record what was decided on paper: no transaction is open while the scans arrive, which may take minutes."""
    refuse_other_sites(request)
    store = request.app.state.store
    async with store.transaction() as tx:
        page = await page_in(tx, request)
        await _seen(page, await paper_task(tx, by=page.reader, task_id=task_id))
    form = await read_form(request, files=True)
    try:
        check_token(request.headers.get("X-CSRF-Token") or form.get("csrf"), page.csrf)
        return await _entered(page, task_id, form)
    finally:
        for file in form.files.values():
            await file.close()


async def _entered(page: Page, task_id: UUID, form: Form) -> Response:
    """Keep the scans, then record the decision in a transaction of its own; refused, the form stands there again."""
    store, typed = page.request.app.state.store, Typed.of(form)
    try:
        scans = await _receive(page, form)
        async with store.transaction() as tx:
            return await _record(await page_in(tx, page.request), task_id, typed, scans)
    except (ConflictError, InvalidInputError) as error:
        told = errors.problems_of(error, page.locale)
        said = told or [{"message": errors.words(error, page.locale, zone=page.reader.zone)}]
        async with store.transaction() as tx:
            again = await page_in(tx, page.request)
            return await _entering(again, task_id, typed, problems=said, status_code=error.status)


async def _receive(page: Page, form: Form) -> list[Scan]:
    """Put the scans into the file store; only pictures and PDF are scans."""
    scans = []
    for name, file in form.files.items():
        if not name.startswith("scan") or not file.filename:
            continue
        stored = await page.files.receive(_pieces(file))
        called = clean_name(file.filename)
        media_type = await anyio.to_thread.run_sync(uploads.accepted_type, called, page.files.path(stored.sha256))
        if media_type not in uploads.INLINE:
            said = page.say(N_("“{name}” is no scan: add PDF, PNG or JPEG."), name=called)
            raise InvalidInputError([{"field": "scans", "message": said}])
        scans.append(Scan(called, stored.sha256, stored.size, media_type))
    return scans


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(CHUNK):
        yield piece


async def _record(page: Page, task_id: UUID, typed: Typed, scans: list[Scan]) -> Response:
    view, task = await _seen(page, await paper_task(page.tx, by=page.reader, task_id=task_id))
    person = as_id(typed.person)
    if person is None or typed.decision not in _decisions(view, task):
        said = page.say(N_("Say who signed, and what was decided."))
        raise InvalidInputError([{"field": "person", "message": said}])
    await _enter(page.tx, page, task_id, person=person, typed=typed, scans=scans)
    return page.go(f"/cases/{view.id}", page.say(N_("Entered from paper. The scans stand in the history.")))


async def _enter(tx: Tx, page: Page, task_id: UUID, *, person: UUID, typed: Typed, scans: list[Scan]) -> None:
    await enter_from_paper(
        tx, by=page.reader, task_id=task_id, person_id=person, decision=cast("PaperAct", typed.decision), scans=scans,
        printed=PrintedForm.read(typed.code), words=typed.words, to=typed.to if typed.decision == "return" else "",
        key=typed.key or None,
    )  # fmt: skip


@router.get("/cases/{case_id}/decisions/{decision_id}/scans/{n}")
async def scan(page: PageDep, case_id: UUID, decision_id: UUID, n: int) -> Response:
    """Give the `n`th scan of a decision that was made on paper."""
    if not 1 <= n <= MAX_SCANS:
        raise NotFoundError
    found = await scan_for_reading(page.tx, by=page.reader, case_id=case_id, decision_id=decision_id, n=n)
    headers = {
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(found.name, safe='')}",
        "Content-Security-Policy": SHOWN if found.media_type == "application/pdf" else SEALED,
        "X-Frame-Options": "SAMEORIGIN",
        "Cache-Control": "private, no-store",
    }
    return FileResponse(page.files.path(found.sha256), media_type=found.media_type, headers=headers)
