"""The paper route: the code of a printed form, and a decision on paper entered from its scans."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError
from starlette.datastructures import UploadFile

from services.adapters.files import CHUNK, FileStore
from services.errors import InvalidInputError
from services.i18n import N_
from services.web import uploads
from services.web.api.acting import carry_out
from services.web.api.bodies import OutcomeOut
from services.web.api.callers import Reading, reader_of, store_of
from services.web.api.models import Out
from services.web.api.values import NO_NUL, IfMatch, Incoming, Key, Version, Words, seen
from services.web.arrival import MULTIPART, media_type
from services.web.errors import UnreadableRequestError
from services.workflow import paper
from services.workflow.carry_out import Outcome
from services.workflow.cases import case_of_task, case_view
from services.workflow.paper import PaperAct, PrintedForm, Scan

router = APIRouter(prefix="/api/v1", tags=["paper"])
SCANS = frozenset({"application/pdf", "image/png", "image/jpeg"})
TEXT = {"type": "string"}
BODY = {
    "required": True,
    "content": {
        MULTIPART: {
            "schema": {
                "type": "object",
                "required": ["person_id", "decision", "printed", "scans"],
                "properties": {
                    "person_id": TEXT | {"format": "uuid", "description": "Who decided."},
                    "decision": TEXT | {"enum": ["approve", "oppose", "sign", "decline", "return", "reject"]},
                    "printed": TEXT | {"description": "The text of the printed form's QR code."},
                    "words": TEXT,
                    "to": TEXT | {"description": "For a return: the stage."},
                    "version": {"type": "integer"},
                    "scans": {"type": "array", "items": TEXT | {"format": "binary"}, "maxItems": paper.MAX_SCANS},
                },
            }
        }
    },
}


class PaperIn(Incoming):
    """What stands beside the scans."""

    person_id: UUID
    decision: PaperAct
    printed: Annotated[str, Field(max_length=200, pattern=NO_NUL)]
    words: Words = ""
    to: Annotated[str, Field(max_length=60, pattern=r"^([a-z][a-z0-9-]*)?$")] = ""
    version: Version = None


class PrintedOut(Out):
    """What the form printed now carries: `code` is the text of its QR code."""

    case_id: UUID
    version: int
    digest: str
    code: str


@router.get("/cases/{case_id}/printed", operation_id="printed_form")
async def printed(case_id: UUID, caller: Reading) -> PrintedOut:
    """Return the code for a form that is printed now, to be signed on paper. 404 before the first submission."""
    await case_view(caller.tx, caller.reader, case_id)
    return PrintedOut.model_validate(await paper.printed_form(caller.tx, by=caller.reader, case_id=case_id))


@router.post(
    "/tasks/{task_id}/paper",
    operation_id="enter_from_paper",
    response_model=OutcomeOut,
    openapi_extra={"requestBody": BODY},
)
async def enter(request: Request, task_id: UUID, key: Key = None, if_match: IfMatch = None) -> Outcome:
    """Enter what somebody decided on paper, from its scans: PDF, PNG or JPEG, 1 to 10. No transaction is open while they arrive.

    Whoever looks after the position's unit, is clerk or head there, or the administrator; never who signed it.
    """
    store = store_of(request)
    async with store.transaction() as tx:
        reader = await reader_of(tx, request, "write")
        await case_of_task(tx, reader, task_id)
    arrived = await receive_paper(request)
    async with store.transaction() as tx:
        reader = await reader_of(tx, request, "write")
        return await carry_out(
            lambda: paper.enter_from_paper(
                tx, by=reader, task_id=task_id, scans=arrived.scans, printed=PrintedForm.read(arrived.said.printed),
                person_id=arrived.said.person_id, decision=arrived.said.decision, words=arrived.said.words,
                to=arrived.said.to, version=seen(arrived.said, if_match), key=key,
            ),
            if_match=if_match,
        )  # fmt: skip


@dataclass(frozen=True)
class Arrived:
    """A form with scans, which lie in the file store now."""

    said: PaperIn
    scans: tuple[Scan, ...]


async def receive_paper(request: Request) -> Arrived:
    """Read what was sent, keep its scans in the file store, and judge them by what they hold.

    Raises:
        UnreadableRequestError: it is no form with files.
        RequestValidationError: an entry is missing or wrong.
        InvalidInputError: a scan is neither a PDF nor an image.
    """
    if media_type(request.headers.get("content-type", "")) != MULTIPART:
        raise UnreadableRequestError
    async with request.form(max_files=paper.MAX_SCANS, max_fields=20, max_part_size=64 * 1024) as form:
        texts = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        files = [value for name, value in form.multi_items() if isinstance(value, UploadFile) and name == "scans"]
        said = _read(texts)
        return Arrived(said, tuple([await _keep(request.app.state.files, each) for each in files]))


def _read(texts: dict[str, str]) -> PaperIn:
    try:
        return PaperIn.model_validate(texts)
    except ValidationError as error:
        found: list[Any] = [{**each, "loc": ("body", *each["loc"])} for each in error.errors()]
        raise RequestValidationError(found) from error


async def _keep(files: FileStore, file: UploadFile) -> Scan:
    name = uploads.clean_name(file.filename or "")
    kept = await files.receive(_pieces(file))
    kind = await anyio.to_thread.run_sync(uploads.accepted_type, name, files.path(kept.sha256))
    if kind not in SCANS:
        message = N_("A scan is a PDF or an image (PNG, JPEG).")
        raise InvalidInputError([{"field": "scans", "message": message}])
    return Scan(name, kept.sha256, kept.size, kind)


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(CHUNK):
        yield piece
