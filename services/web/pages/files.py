"""Attachments, to whoever may see their case. Uploads are judged by their content."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote, unquote
from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse, JSONResponse, Response

from services.adapters.files import CHUNK
from services.errors import GuantongError, InvalidInputError, NotSignedInError
from services.i18n import N_
from services.web import errors, uploads
from services.web.arrival import read_form, refuse_other_sites
from services.web.edge import Page, PageDep, check_token, page_in
from services.web.errors import StaleFormError
from services.workflow import drafts

router = APIRouter(include_in_schema=False)
SHOWN = "default-src 'none'; img-src 'self'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
"""For what our own pages show in a frame. No `sandbox` for PDF: Chromium's viewer does not start in one."""
SEALED = "default-src 'none'; sandbox; frame-ancestors 'self'"


@router.get("/files/{attachment_id}")
async def read_file(page: PageDep, attachment_id: UUID, download: bool = False) -> Response:  # noqa: FBT001, FBT002
    """Give an attachment: shown only where it is a PDF or an image, downloaded otherwise."""
    found = await drafts.attachment_for_reading(page.tx, by=page.reader, attachment_id=attachment_id)
    shown = found.media_type in uploads.INLINE and not download
    disposition = "inline" if shown else "attachment"
    headers = {
        "Content-Disposition": f"{disposition}; filename*=UTF-8''{quote(found.name, safe='')}",
        "Content-Security-Policy": SHOWN if shown and found.media_type == "application/pdf" else SEALED,
        "X-Frame-Options": "SAMEORIGIN",
        "Cache-Control": "private, no-store",
    }
    media_type = found.media_type if found.media_type in uploads.TYPES.values() else "application/octet-stream"
    return FileResponse(page.files.path(found.sha256), media_type=media_type, headers=headers)


@router.post("/cases/{case_id}/attachments")
async def upload(request: Request, case_id: UUID, field: str = "") -> Response:
    """Attach a file to a field of the draft: sent alone as the body by our script, or as an ordinary form."""
    refuse_other_sites(request)
    async with request.app.state.store.transaction() as tx:
        page = await page_in(tx, request)
    scripted = request.headers.get("X-File-Name") is not None
    try:
        name, field = await _receive(page, case_id, field)
    except (NotSignedInError, StaleFormError):
        raise
    except GuantongError as error:
        if not scripted:
            raise
        problems = errors.problems_of(error, page.locale)
        said = " ".join(str(each["message"]) for each in problems) or errors.words(error, page.locale)
        return JSONResponse({"words": said}, error.status)
    if scripted:
        return JSONResponse({"name": name, "words": page.say(N_("“{name}” is attached."), name=name)})
    return page.go(f"/cases/{case_id}/form#f-{field}", page.say(N_("“{name}” is attached."), name=name))


async def _receive(page: Page, case_id: UUID, field: str) -> tuple[str, str]:
    """Check, receive, attach: no transaction is open while the file arrives, which may take minutes."""
    request, store = page.request, page.request.app.state.store
    async with store.transaction() as tx:
        await drafts.open_draft(tx, by=page.reader, case_id=case_id)
    async with _arriving(request, field) as arriving:
        check_token(arriving.token, page.csrf)
        stored = await page.files.receive(arriving.chunks)
    path = page.files.path(stored.sha256)
    media_type = await anyio.to_thread.run_sync(uploads.accepted_type, arriving.name, path)
    async with store.transaction() as tx:
        await drafts.attach(
            tx,
            by=(await page_in(tx, request)).reader,
            case_id=case_id,
            field=arriving.field,
            name=arriving.name,
            media_type=media_type,
            size=stored.size,
            sha256=stored.sha256,
            file_limit=page.settings.attachment_limit,
        )
    return arriving.name, arriving.field


@dataclass(frozen=True)
class _Arriving:
    """A file on its way: what it is called, for which field, and with which token of our forms it came."""

    name: str
    field: str
    token: str
    chunks: AsyncIterator[bytes]


@asynccontextmanager
async def _arriving(request: Request, field: str) -> AsyncIterator[_Arriving]:
    token, given = request.headers.get("X-CSRF-Token", ""), request.headers.get("X-File-Name")
    if given is not None:
        yield _Arriving(uploads.clean_name(unquote(given)), field, token, request.stream())
        return
    form = await read_form(request, files=True)
    try:
        file = form.files.get("file")
        if file is None:
            raise InvalidInputError([{"field": "file", "message": N_("Choose a file first.")}])
        name = uploads.clean_name(file.filename or "")
        yield _Arriving(name, form.get("field"), token or form.get("csrf"), _pieces(file))
    finally:
        for each in form.files.values():
            await each.close()


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(CHUNK):
        yield piece


@router.post("/cases/{case_id}/attachments/{attachment_id}/remove")
async def remove(page: PageDep, case_id: UUID, attachment_id: UUID) -> Response:
    """Take a file out of the draft."""
    await drafts.remove_attachment(page.tx, by=page.reader, case_id=case_id, attachment_id=attachment_id)
    return page.go(f"/cases/{case_id}/form", page.say(N_("The file is taken out.")))
