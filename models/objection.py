"""异议: who objects to what is posted, and how it was settled."""

from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from models.base import Moment, Row, moment, same_bureau


class Objection(Row, table=True):
    """An objection that an office entered. name and contact are personal data of somebody outside: only offices read them."""

    __tablename__ = "objection"
    __table_args__ = (
        same_bureau("case_id", "cases"),
        same_bureau("entered_by", "person"),
        CheckConstraint("(settled_at IS NULL) = (upheld IS NULL)", name="settled_says_how"),
        Index("ix_objection_case", "case_id", "at"),
    )
    case_id: UUID
    visit_id: UUID
    stage: str = Field(max_length=60)
    name: str = Field(max_length=200)
    contact: str = Field(default="", max_length=300)
    words: str = Field(max_length=4000)
    entered_by: UUID
    at: Moment = moment()
    settled_at: Moment | None = moment(nullable=True)
    settled_by: UUID | None = None
    upheld: bool | None = None
    answer: str = Field(default="", max_length=4000)
