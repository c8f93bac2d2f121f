"""The audit chain: one hash chain per stream, salted digests of personal values, a signed daily anchor."""

from datetime import date
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from models.base import Json, Moment, Row, document, moment


class AuditEvent(Row, table=True):
    """One write, in its stream's chain: `hash` covers `prev` and everything else here. The table refuses UPDATE and DELETE.

    `stream` is `case:<id>`, `season:<id>`, `bureau` or `sign-in`. Personal values stand in `data` only as salted digests;
    the salts lie in AuditSalt, and erasing one makes its digest unreadable while the chain still verifies.
    """

    __tablename__ = "audit_event"
    __table_args__ = (
        UniqueConstraint("stream_id", "seq"),
        Index("ix_audit_event_page", "bureau_id", "at", "id"),
    )
    stream: str = Field(max_length=20)
    stream_id: UUID
    seq: int
    at: Moment = moment()
    person_id: UUID | None = None
    kind: str = Field(max_length=60)
    data: Json = document()
    prev: str = Field(max_length=64)
    hash: str = Field(max_length=64)


class AuditSalt(Row, table=True):
    """The salt of an event's personal digests, and the values' whereabouts. May be erased; then only the digest remains."""

    __tablename__ = "audit_salt"
    __table_args__ = (UniqueConstraint("event_id"),)
    event_id: UUID
    salt: str = Field(max_length=64)


class StreamHead(Row, table=True):
    """The head of a stream that has no row of its own to carry it: `bureau` and `sign-in`."""

    __tablename__ = "stream_head"
    __table_args__ = (UniqueConstraint("bureau_id", "stream"),)
    stream: str = Field(max_length=20)
    seq: int = 0
    hash: str = Field(max_length=64)


class Anchor(Row, table=True):
    """A day's signed digest over all chain heads and counts of a bureau; mailed to its audit administrator."""

    __tablename__ = "anchor"
    __table_args__ = (UniqueConstraint("bureau_id", "day"),)
    day: date
    body: Json = document()
    digest: str = Field(max_length=64)
    signature: str = Field(max_length=200)
    key_id: str = Field(max_length=64)
    created_at: Moment = moment()
