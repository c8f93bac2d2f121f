"""The draft of a case's form: saved as it is typed, right or wrong; and the files attached to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from models.case import Attachment
from services.errors import ConflictError, ForbiddenError, IllegalTransitionError, InvalidInputError, NotFoundError
from services.i18n import Message
from services.people.access import Reader, case_scope_sql
from services.process.definitions import AssessStage, SubmitStage
from services.process.forms import AttachmentsField, FormDefinition, Problem, RowsField, clean, validate
from services.store.transaction import Tx
from services.workflow.locking import LockedCase, lock_case
from services.workflow.submitting import form_context, owner_of
from services.workflow.whose import is_with

MAX_FILES = 50
MAX_FILES_EVER, MAX_LIMITS_EVER = 200, 10
"""What one case may ever take in, with what was removed again: that stays on disk, because submissions may hold it."""


class DraftConflictError(ConflictError):
    """The draft was saved elsewhere in between; what was typed here is not lost, it is just not saved."""

    code, default = "draft-conflict", "This draft was saved in another window at {saved}. Look at that version first."


@dataclass(frozen=True)
class AttachmentView:
    """A file of the draft."""

    id: UUID
    field: str
    name: str
    size: int
    media_type: str
    sha256: str


@dataclass(frozen=True)
class DraftView:
    """The draft as the form shows it. `problems` is what `submit_plan` would refuse now. version 0: nothing saved yet."""

    case_id: UUID
    task_id: UUID
    case_version: int
    form: FormDefinition
    data: Mapping[str, Any]
    version: int
    saved_at: datetime | None
    attachments: tuple[AttachmentView, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Desk:
    """What somebody fills in: the locked case, the task whose form it is, the stage, and whose alone the draft is."""

    case: LockedCase
    task_id: UUID
    stage: SubmitStage | AssessStage
    owner: UUID | None

    @property
    def form(self) -> FormDefinition:
        """The stage's form."""
        return self.case.pack.form(self.stage.form)


async def _editable(tx: Tx, by: Reader, case_id: UUID, task_id: UUID | None = None) -> Desk:
    """Return what the reader may fill in: the named task's form, or the first of theirs."""
    case = await lock_case(tx, by, case_id=case_id)
    found = [
        (task, stage)
        for visit in case.state.open
        if isinstance(stage := case.definition.stage(visit.stage), SubmitStage | AssessStage)
        for task in visit.tasks
        if task_id is None or task.id == task_id
    ]
    if not found:
        raise IllegalTransitionError(state=case.state.name, act="edit")
    mine = [(task, stage) for task, stage in found if is_with(by, case, task)]
    if not mine:
        raise ForbiddenError("Only who submits this form may edit it.")
    task, stage = mine[0]
    return Desk(case, task.id, stage, owner_of(stage, by))


async def _files(tx: Tx, case_id: UUID) -> tuple[AttachmentView, ...]:
    rows = await tx.rows(
        "SELECT id, field, name, size, media_type, sha256 FROM attachment"
        " WHERE case_id = $1 AND removed_at IS NULL ORDER BY at, id",
        (case_id,),
    )
    return tuple(AttachmentView(**row) for row in rows)


async def open_draft(tx: Tx, *, by: Reader, case_id: UUID, task_id: UUID | None = None) -> DraftView:
    """Return the draft of the reader's form in the case, or an empty form where nothing was saved yet.

    Args:
        tx: the transaction.
        by: who fills it in.
        case_id: the case.
        task_id: whose form, where several tasks of the case are the reader's; else the first.

    Raises:
        IllegalTransitionError: the case does not stand in a submit stage.
        ForbiddenError: the reader does not hold the task's position.
    """
    desk = await _editable(tx, by, case_id, task_id)
    rows = await tx.rows(READ, (case_id, desk.stage.code, desk.owner))
    data = clean(desk.form, json.loads(rows[0]["data"]) if rows else {})
    files = await _files(tx, case_id)
    context = form_context(desk.case, frozenset(str(file.id) for file in files))
    return DraftView(
        case_id=case_id,
        task_id=desk.task_id,
        case_version=desk.case.state.version,
        form=desk.form,
        data=data,
        version=rows[0]["version"] if rows else 0,
        saved_at=rows[0]["saved_at"] if rows else None,
        attachments=files,
        problems=tuple(validate(desk.form, data, context=context)),
    )


READ = """
SELECT data::text AS data, version, saved_at FROM draft
WHERE case_id = $1 AND stage = $2 AND owner_id IS NOT DISTINCT FROM $3::uuid
"""
SAVE = """
INSERT INTO draft (id, bureau_id, case_id, stage, owner_id, form, data, version, person_id, saved_at)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, 1, $8, $9)
ON CONFLICT (case_id, stage, owner_id) DO UPDATE SET data = excluded.data, form = excluded.form, version = draft.version + 1,
    person_id = excluded.person_id, saved_at = excluded.saved_at
RETURNING version
"""


async def save_draft(
    tx: Tx,
    *,
    by: Reader,
    case_id: UUID,
    data: Mapping[str, Any],
    version: int | None = None,
    task_id: UUID | None = None,
) -> int:
    """Save what was typed; return the draft's new version.

    Args:
        tx: the transaction.
        by: who types; holds the task's position.
        case_id: the case.
        data: the form's data, as typed or as held; it is cleaned, not judged.
        version: the draft's version that was being edited (0: none yet), or None to save over anything.
        task_id: whose form, where several tasks of the case are the person's; else the first.

    Raises:
        DraftConflictError: somebody saved another version in between.
        InvalidInputError: what cannot be kept at all (unknown names, NUL, beyond all bounds).
    """
    desk = await _editable(tx, by, case_id, task_id)
    rows = await tx.rows(READ, (case_id, desk.stage.code, desk.owner))
    found = rows[0]["version"] if rows else 0
    if version is not None and version != found:
        raise DraftConflictError(saved=rows[0]["saved_at"].isoformat() if rows else "-", version=found)
    text = json.dumps(clean(desk.form, data), ensure_ascii=False)
    place = (tx.new_id(), desk.case.bureau_id, case_id, desk.stage.code, desk.owner, desk.form.form)
    values = (*place, text, by.person_id, tx.now)
    saved: int = (await tx.rows(SAVE, values))[0]["version"]
    return saved


def _attachment_fields(form: FormDefinition) -> set[str]:
    fields = set()
    for part, each in form.walk():
        if isinstance(each, AttachmentsField):
            fields.add(f"{part.part}.{each.field}")
        elif isinstance(each, RowsField):
            fields |= (
                {f"{part.part}.{each.field}"} if any(isinstance(c, AttachmentsField) for c in each.columns) else set()
            )
    return fields


KEEP_FILE = """
INSERT INTO stored_file (bureau_id, sha256, size, media_type, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
"""


async def attach(  # noqa: PLR0913 - the facts of one file
    tx: Tx,
    *,
    by: Reader,
    case_id: UUID,
    field: str,
    name: str,
    media_type: str,
    size: int,
    sha256: str,
    file_limit: int,
) -> UUID:
    """Attach a file that already lies in the file store to a field of the draft, and name it in the draft's data.

    Args:
        tx: the transaction.
        by: who attaches.
        case_id: the case.
        field: the path of an attachments field, for example `budget.attachments`.
        name: the file's name as the person knows it.
        media_type: as sniffed from the content.
        size: bytes; more than 0.
        sha256: of the content, hex.
        file_limit: how many bytes one file may have; all files of the case ever, MAX_LIMITS_EVER times as many.

    Raises:
        InvalidInputError: no such field, an empty file, or too many files.
    """
    desk = await _editable(tx, by, case_id)
    case = desk.case
    if field not in _attachment_fields(desk.form):
        raise InvalidInputError([{"field": field, "message": "This form takes no files here."}])
    if size <= 0:
        raise InvalidInputError([{"field": field, "message": "The file is empty; choose another one."}])
    if len(await _files(tx, case_id)) >= MAX_FILES:
        raise InvalidInputError([{"field": field, "message": "There are too many files already; remove one first."}])
    await _refuse_beyond_quota(tx, case, field, size=size, file_limit=file_limit)
    await tx.rows(KEEP_FILE, (case.bureau_id, sha256, size, media_type, tx.now))
    attachment = Attachment(
        id=tx.new_id(), bureau_id=case.bureau_id, case_id=case.id, field=field, name=name[:255], sha256=sha256,
        size=size, media_type=media_type, person_id=by.person_id, at=tx.now,
    )  # fmt: skip
    tx.session.add(attachment)
    await tx.session.flush()
    await _name_in_draft(tx, by, case, field=field, add=str(attachment.id))
    return attachment.id


EVER = "SELECT count(*) AS files, COALESCE(sum(size), 0)::bigint AS bytes FROM attachment WHERE case_id = $1"


async def _refuse_beyond_quota(tx: Tx, case: LockedCase, field: str, *, size: int, file_limit: int) -> None:
    """Refuse what would be too much for one case, counting removed files: by adding and removing nobody fills the disk."""
    ever, most = (await tx.rows(EVER, (case.id,)))[0], MAX_LIMITS_EVER * file_limit
    if ever["files"] >= MAX_FILES_EVER:
        message = Message(
            "{limit} files have been attached to this case in all, with those that were removed. More are not taken.",
            {"limit": MAX_FILES_EVER},
        )
    elif ever["bytes"] + size > most:
        message = Message(
            "The files of this case come to more than {limit} MB in all, with those that were removed. More are not taken.",
            {"limit": most // (1024 * 1024)},
        )
    else:
        return
    raise InvalidInputError([{"field": field, "message": message}])


async def _name_in_draft(
    tx: Tx, by: Reader, case: LockedCase, *, field: str, add: str | None = None, remove: str | None = None
) -> None:
    view = await open_draft(tx, by=by, case_id=case.id)
    part, name = field.split(".", 1)
    data = {key: dict(value) for key, value in view.data.items()}
    held = [each for each in data.get(part, {}).get(name) or [] if each != remove]
    data.setdefault(part, {})[name] = [*held, add] if add else held
    await save_draft(tx, by=by, case_id=case.id, data=data)


async def remove_attachment(tx: Tx, *, by: Reader, case_id: UUID, attachment_id: UUID) -> None:
    """Take a file out of the draft. Submissions that held it keep it.

    Raises:
        NotFoundError: the draft has no such file.
    """
    case = (await _editable(tx, by, case_id)).case
    rows = await tx.rows(
        "UPDATE attachment SET removed_at = $1 WHERE id = $2 AND case_id = $3 AND removed_at IS NULL RETURNING field",
        (tx.now, attachment_id, case.id),
    )
    if not rows:
        raise NotFoundError
    await _name_in_draft(tx, by, case, field=rows[0]["field"], remove=str(attachment_id))


READABLE = """
SELECT a.id, a.field, a.name, a.size, a.media_type, a.sha256 FROM attachment a JOIN cases c ON c.id = a.case_id
WHERE a.id = $1
"""


async def attachment_for_reading(tx: Tx, *, by: Reader, attachment_id: UUID) -> AttachmentView:
    """Return a file's facts to whoever may see its case.

    Raises:
        NotFoundError: there is none, or the reader may not see its case.
    """
    scope = case_scope_sql(by, alias="c", first=2)
    statement = f"{READABLE} AND {scope.text}"
    rows = await tx.rows(statement, (attachment_id, *scope.parameters))
    if not rows:
        raise NotFoundError
    return AttachmentView(**rows[0])
