"""Files of a draft: sent as the request's body and written to disk as they arrive."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, Query, Request
from starlette.responses import FileResponse, Response

from services.adapters.files import FileStore
from services.errors import InvalidInputError
from services.i18n import Message
from services.web import uploads
from services.web.api.callers import Reading, Writing, reader_of, store_of
from services.web.api.models import AttachmentOut
from services.workflow.drafts import attach, attachment_for_reading, open_draft, remove_attachment

router = APIRouter(prefix="/api/v1", tags=["attachments"])
BODY = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}, "required": True}
Field = Annotated[str, Query(max_length=100, pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$", description="`part.field`")]
Name = Annotated[str, Query(min_length=1, max_length=255, description="The file's name.")]


@router.post(
    "/cases/{case_id}/attachments",
    operation_id="upload_attachment",
    status_code=201,
    openapi_extra={"requestBody": BODY},
)
async def upload(request: Request, case_id: UUID, field: Field, name: Name) -> AttachmentOut:
    """Attach a file to a field of the draft. No transaction is open while it arrives."""
    _refuse_name(name)
    store = store_of(request)
    async with store.transaction() as tx:
        reader = await reader_of(tx, request, "write")
        await open_draft(tx, by=reader, case_id=case_id)
    files: FileStore = request.app.state.files
    kept = await files.receive(request.stream())
    kind = await anyio.to_thread.run_sync(uploads.accepted_type, name, files.path(kept.sha256))
    async with store.transaction() as tx:
        made = await attach(
            tx, by=reader, case_id=case_id, field=field, name=name, media_type=kind, size=kept.size, sha256=kept.sha256,
            file_limit=request.app.state.settings.attachment_limit,
        )  # fmt: skip
    return AttachmentOut(id=made, field=field, name=name, size=kept.size, media_type=kind, sha256=kept.sha256)


def _refuse_name(name: str) -> None:
    if not name.isprintable() or "/" in name or "\\" in name:
        words = Message("A file's name holds no slashes and no characters that cannot be shown.")
        raise InvalidInputError([{"field": "name", "message": words}])


@router.get(
    "/attachments/{attachment_id}",
    operation_id="download_attachment",
    response_class=FileResponse,
    responses={200: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def download(attachment_id: UUID, caller: Reading) -> FileResponse:
    """Return a file of a case that the caller may see."""
    file = await attachment_for_reading(caller.tx, by=caller.reader, attachment_id=attachment_id)
    headers = {"Content-Security-Policy": "sandbox", "ETag": f'"{file.sha256}"'}
    return FileResponse(caller.files.path(file.sha256), media_type=file.media_type, filename=file.name, headers=headers)


@router.delete(
    "/cases/{case_id}/attachments/{attachment_id}",
    operation_id="remove_attachment",
    status_code=204,
    response_class=Response,
)
async def remove(case_id: UUID, attachment_id: UUID, caller: Writing) -> None:
    """Take a file out of the draft; submissions that held it keep it."""
    await remove_attachment(caller.tx, by=caller.reader, case_id=case_id, attachment_id=attachment_id)
