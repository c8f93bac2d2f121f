"""Cases and what happens to them: visits, tasks, decisions, submissions, drafts, remarks, attachments, filings.

`Case.state_doc` is the state that the pure rules read and write (services/process/states.py). It stands in the row that
every act locks, because a locking SELECT sees the newest version of the locked row only: rows of other tables
would come from the statement's older snapshot. Visit, task and decision rows are what queues and pages read.
"""

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import Json, Moment, Row, document, moment, one_of, same_bureau


class Case(Row, table=True):
    """One subject going through a process. A case that another one's stage started has that case as its parent."""

    __tablename__ = "cases"
    __table_args__ = (
        UniqueConstraint("bureau_id", "id"),
        UniqueConstraint("parent_visit_id"),
        same_bureau("parent_id", "cases"),
        same_bureau("season_id", "season"),
        same_bureau("group_id", "project_group"),
        same_bureau("version_id", "programme_version"),
        one_of("state", "open", "filed", "completed", "rejected", "ended"),
        CheckConstraint("(parent_id IS NULL) = (parent_visit_id IS NULL)", name="parent_whole"),
        Index("ux_cases_subject", "season_id", "group_id", unique=True, postgresql_where="parent_id IS NULL"),
        Index("ix_cases_group", "group_id", "id"),
        one_of("priority", "high", "urgent"),
        Index("ix_cases_priority", "priority", "id", postgresql_where="priority IS NOT NULL AND state = 'open'"),
        Index("ix_cases_parent", "parent_id", postgresql_where="parent_id IS NOT NULL"),
        # Every act changes the row; with room beside it, it stays on its page and needs no new index entries.
        {"postgresql_with": {"fillfactor": 70}},
    )
    season_id: UUID
    version_id: UUID
    process: str = Field(max_length=60)
    group_id: UUID
    state: str
    stage: str | None = Field(default=None, max_length=60)
    version: int = 0
    number: str | None = Field(default=None, max_length=120)
    late: bool = False
    actors: Json = document()
    state_doc: Json = document()
    opened_at: Moment = moment()
    closed_at: Moment | None = moment(nullable=True)
    audit_seq: int = 0
    audit_hash: str = Field(max_length=64)
    parent_id: UUID | None = None
    parent_visit_id: UUID | None = None
    suspended_at: Moment | None = moment(nullable=True)
    priority: str | None = None
    """None is normal."""


class Visit(Row, table=True):
    """A case's stay in a stage; after a return the stage is visited again under the next `n`.

    entered_by: the act that opened it. waits_for: what ends a visit in which nobody acts: a `time`, another `case`, or a
    `process` of its own; ready_at: from when the clock lets the case go on, where that is a time.
    """

    __tablename__ = "visit"
    __table_args__ = (
        UniqueConstraint("case_id", "stage", "n"),
        same_bureau("case_id", "cases"),
        one_of(
            "outcome",
            "submitted",
            "approved",
            "signed",
            "assessed",
            "failed",
            "declined",
            "returned",
            "withdrawn",
            "taken-back",
            "rejected",
            "filed",
            "ended",
            "jumped",
            "passed",
            "upheld",
        ),
        one_of("waits_for", "time", "case", "process"),
        Index("ux_visit_one_open", "case_id", "stage", unique=True, postgresql_where="closed_at IS NULL"),
        Index(
            "ix_visit_waiting", "waits_for", "ready_at", postgresql_where="closed_at IS NULL AND waits_for IS NOT NULL"
        ),
    )
    case_id: UUID
    stage: str = Field(max_length=60)
    n: int
    opened_at: Moment = moment()
    closed_at: Moment | None = moment(nullable=True)
    outcome: str | None = None
    entered_by: str | None = Field(default=None, max_length=30)
    waits_for: str | None = None
    ready_at: Moment | None = moment(nullable=True)


class Task(Row, table=True):
    """What a position or a person is asked to do in a visit.

    position_id: in whose name; person_id: with whom it is now (claimed, transferred, delegated, their own), null while it
    waits for any holder of the position; holder_id: the one or the other, by which work lists find it. `due_sort` is never null, so undated tasks sort last and never vanish.
    """

    __tablename__ = "task"
    __table_args__ = (
        same_bureau("case_id", "cases"),
        one_of("kind", "submit", "approve", "sign", "assess"),
        CheckConstraint("position_id IS NOT NULL OR person_id IS NOT NULL", name="with_somebody"),
        one_of("state", "open", "done", "closed"),
        CheckConstraint("holder_id = coalesce(person_id, position_id)", name="holder"),
        Index(
            "ix_task_stream",
            "holder_id",
            "season_id",
            "process",
            "stage",
            "kind",
            "due_sort",
            "id",
            postgresql_where="state = 'open'",
        ),
        Index("ix_task_case", "case_id"),
    )
    case_id: UUID
    season_id: UUID
    visit_id: UUID
    stage: str = Field(max_length=60)
    process: str = Field(max_length=60)
    kind: str
    group_id: UUID
    position_id: UUID | None = None
    person_id: UUID | None = None
    holder_id: UUID
    actor: str = Field(max_length=120)
    state: str
    opened_at: Moment = moment()
    due_at: Moment | None = moment(nullable=True)
    due_sort: Moment = moment()
    closed_at: Moment | None = moment(nullable=True)
    decision_id: UUID | None = None


class Decision(Row, table=True):
    """意见: who did what to which task, when, in which words and in which position. Never changed.

    on_behalf_id: for whom a substitute did it. entered_by_id, paper: who entered a decision that was made on paper, and the
    scans that show it (as an attachment's name, digest, size and media type). to_person_id: whom the act gave a task to.
    """

    __tablename__ = "decision"
    __table_args__ = (
        same_bureau("case_id", "cases"),
        one_of(
            "kind",
            "submit",
            "approve",
            "oppose",
            "sign",
            "decline",
            "assess",
            "return",
            "reject",
            "withdraw",
            "take-back",
            "claim",
            "put-back",
            "transfer",
            "delegate",
            "answer",
            "recall",
            "hand-over",
            "add-signer",
            "remove-signer",
            "ask-extension",
            "grant-extension",
            "refuse-extension",
            "grant-exception",
            "suspend",
            "resume",
            "end",
            "jump",
            "reopen",
            "object",
            "settle",
        ),
        Index("ix_decision_case", "case_id", "at"),
    )
    case_id: UUID
    visit_id: UUID | None = None
    task_id: UUID | None = None
    stage: str | None = Field(default=None, max_length=60)
    kind: str
    to_stage: str | None = Field(default=None, max_length=60)
    person_id: UUID
    position_id: UUID | None = None
    on_behalf_id: UUID | None = None
    entered_by_id: UUID | None = None
    to_person_id: UUID | None = None
    paper: list[Json] | None = document(nullable=True)
    submission_id: UUID | None = None
    words: str = Field(default="", max_length=4000)
    late: bool = False
    at: Moment = moment()


class Submission(Row, table=True):
    """What was submitted, as it was submitted. The case's `n`th; never changed."""

    __tablename__ = "submission"
    __table_args__ = (UniqueConstraint("case_id", "n"), same_bureau("case_id", "cases"))
    case_id: UUID
    n: int
    form: str = Field(max_length=60)
    data: Json = document()
    digest: str = Field(max_length=64)
    attachments: list[Json] = document()
    person_id: UUID
    late: bool = False
    at: Moment = moment()
    stage: str | None = Field(default=None, max_length=60)


class Draft(Row, table=True):
    """The autosaved draft of a form: what was typed, right or wrong. owner_id: whose alone it is, as an assessment is."""

    __tablename__ = "draft"
    __table_args__ = (
        UniqueConstraint("case_id", "stage", "owner_id", postgresql_nulls_not_distinct=True),
        same_bureau("case_id", "cases"),
    )
    case_id: UUID
    stage: str = Field(max_length=60)
    owner_id: UUID | None = None
    form: str = Field(max_length=60)
    data: Json = document()
    version: int = 0
    person_id: UUID
    saved_at: Moment = moment()


class Remark(Row, table=True):
    """A remark pinned to a field of a submission. Shown to the submitter once its decision returns the case."""

    __tablename__ = "remark"
    __table_args__ = (
        same_bureau("case_id", "cases"),
        Index("ix_remark_case", "case_id", "at"),
        Index("ix_remark_submission", "submission_id"),
    )
    case_id: UUID
    submission_id: UUID
    task_id: UUID
    decision_id: UUID | None = None
    path: str = Field(max_length=300)
    text: str = Field(max_length=4000)
    person_id: UUID
    at: Moment = moment()


class StoredFile(SQLModel, table=True):
    """A file by its content, per bureau; the bytes lie under their SHA-256 in the file store."""

    __tablename__ = "stored_file"
    bureau_id: UUID = Field(primary_key=True)
    sha256: str = Field(primary_key=True, max_length=64)
    size: int
    media_type: str = Field(max_length=100)
    created_at: Moment = moment()


class Attachment(Row, table=True):
    """A file attached to a case's draft under a name; submissions keep their own list of what they held."""

    __tablename__ = "attachment"
    __table_args__ = (same_bureau("case_id", "cases"), Index("ix_attachment_case", "case_id"))
    case_id: UUID
    field: str = Field(max_length=100)
    name: str = Field(max_length=255)
    sha256: str = Field(max_length=64)
    size: int
    media_type: str = Field(max_length=100)
    person_id: UUID
    at: Moment = moment()
    removed_at: Moment | None = moment(nullable=True)


class Filing(Row, table=True):
    """备案: the case's number. A void one keeps its row, so numbers have no gaps and are not used twice."""

    __tablename__ = "filing"
    __table_args__ = (
        UniqueConstraint("season_id", "stage", "serial"),
        UniqueConstraint("bureau_id", "number"),
        same_bureau("case_id", "cases"),
        same_bureau("season_id", "season"),
        CheckConstraint("serial > 0", name="serial"),
    )
    season_id: UUID
    case_id: UUID
    stage: str = Field(max_length=60)
    serial: int
    number: str = Field(max_length=120)
    at: Moment = moment()
    void_at: Moment | None = moment(nullable=True)


class LateException(Row, table=True):
    """A named person let one case submit after the hard close, with a reason, until a moment."""

    __tablename__ = "late_exception"
    __table_args__ = (same_bureau("case_id", "cases"), Index("ix_late_exception_case", "case_id"))
    case_id: UUID
    granted_by: UUID
    reason: str = Field(max_length=2000)
    until: Moment = moment()
    at: Moment = moment()
    used_at: Moment | None = moment(nullable=True)


class Command(Row, table=True):
    """A command that was carried out under an idempotency key: a second identical one gets the first one's result."""

    __tablename__ = "command"
    __table_args__ = (UniqueConstraint("bureau_id", "person_id", "key"), Index("ix_command_at", "at"))
    person_id: UUID
    key: str = Field(max_length=200)
    fingerprint: str = Field(max_length=64)
    result: Json = document()
    at: Moment = moment()
