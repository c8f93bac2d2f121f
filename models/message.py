"""Notifications (the fact that a person is to be told) and messages (the envelope that carries one or many)."""

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from models.base import Json, Moment, Row, document, moment, one_of, same_bureau


class Notification(Row, table=True):
    """That a person is told something once. `subject_id` is the task where there is one, else the case or season.

    Look-ups by task go over `subject_id`, with which the unique key begins: every index less makes a sweep faster.
    """

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("subject_id", "visit_n", "kind", "at", "person_id", name="uq_notification_once"),
        one_of("state", "pending", "enclosed", "void"),
        CheckConstraint("state <> 'enclosed' OR message_id IS NOT NULL", name="enclosed_has_message"),
        CheckConstraint("task_id IS NULL OR task_id = subject_id", name="task_is_subject"),
        Index("ix_notification_pending", "person_id", postgresql_where="state = 'pending'"),
        Index("ix_notification_message", "message_id", postgresql_where="message_id IS NOT NULL"),
    )
    person_id: UUID
    kind: str = Field(max_length=40)
    subject_id: UUID
    task_id: UUID | None = None
    case_id: UUID | None = None
    season_id: UUID | None = None
    visit_n: int = 0
    at: Moment = moment()
    context: Json = document()
    state: str
    message_id: UUID | None = None
    created_at: Moment = moment()


class Message(Row, table=True):
    """An envelope to one person. `key` makes its Message-ID, so a double is recognisable. Leases use the real clock.

    `subject`, `text` and `html` are what was last handed over; they are rendered anew for each attempt.
    """

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("bureau_id", "id"),
        UniqueConstraint("key"),
        same_bureau("person_id", "person"),
        one_of("state", "waiting", "sending", "sent", "dead", "void", "no-address"),
        Index("ix_message_due", "try_at", postgresql_where="state IN ('waiting', 'sending')"),
        Index("ix_message_page", "bureau_id", "created_at", "id"),
        Index("ix_message_state", "bureau_id", "state", "created_at", "id", postgresql_where="state <> 'sent'"),
        Index("ix_message_own", "person_id", "created_at", "id"),
    )
    person_id: UUID
    address: str | None = Field(default=None, max_length=254)
    locale: str = Field(max_length=10)
    key: str = Field(max_length=120)
    state: str
    created_at: Moment = moment()
    try_at: Moment = moment()
    lease_until: Moment | None = moment(nullable=True)
    attempts: int = 0
    answer: str | None = Field(default=None, max_length=2000)
    sent_at: Moment | None = moment(nullable=True)
    subject: str | None = Field(default=None, max_length=500)
    text: str | None = None
    html: str | None = None
    enclosed: Json | None = document(nullable=True)
