"""Deadlines and alarms; the store's own clock for demonstrations and tests."""

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import Json, Moment, Row, document, moment, one_of


class Deadline(Row, table=True):
    """A due date that can explain itself: `explained` keeps rule, raw date, reasons and calendar version."""

    __tablename__ = "deadline"
    __table_args__ = (
        UniqueConstraint("subject_id"),
        one_of("subject", "task", "season", "visit"),
        one_of("state", "open", "met", "void"),
        {"postgresql_with": {"fillfactor": 85}},
    )
    subject: str
    subject_id: UUID
    case_id: UUID | None = None
    due_at: Moment = moment()
    close_at: Moment | None = moment(nullable=True)
    explained: Json = document()
    override_by: UUID | None = None
    override_reason: str | None = Field(default=None, max_length=2000)
    state: str


class Alarm(Row, table=True):
    """A series of times at which somebody is told. It carries only its next time; null when it is over or void.

    The recipient is a position (whoever holds it when it fires) or a person. The task leads the key, so that the key is
    the look-up by task as well: every index less makes acts and sweeps faster. An alarm is deleted with its task's end.
    """

    __tablename__ = "alarm"
    __table_args__ = (
        PrimaryKeyConstraint("task_id", "id"),
        CheckConstraint("(position_id IS NULL) <> (person_id IS NULL)", name="one_recipient"),
        one_of("kind", "remind", "warn", "overdue", "escalate", "close"),
        Index("ix_alarm_next", "next_at", postgresql_where="next_at IS NOT NULL"),
        # A season's alarms come due together: every row of a page gets its next version at once, on the same page.
        {"postgresql_with": {"fillfactor": 50}},
    )
    deadline_id: UUID
    task_id: UUID = Field(primary_key=True)
    case_id: UUID
    visit_n: int
    kind: str
    position_id: UUID | None = None
    person_id: UUID | None = None
    series: Json = document()
    next_at: Moment | None = moment(nullable=True)


class StoreClock(SQLModel, table=True):
    """One row that moves every process's business clock together: business time = real time + `offset_seconds`,
    or exactly `frozen_at` where that is set. A lasting data folder refuses to have it.
    """

    __tablename__ = "store_clock"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)
    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    offset_seconds: float = 0.0
    frozen_at: Moment | None = moment(nullable=True)


class Heartbeat(SQLModel, table=True):
    """The last sign of life of a clock or worker process, by the real clock. Not a fact of any bureau."""

    __tablename__ = "heartbeat"
    name: str = Field(primary_key=True, max_length=100)
    kind: str = Field(max_length=30)
    at: Moment = moment()
    detail: Json = document()
