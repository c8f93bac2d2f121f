"""What is done with a case without moving it: copies, questions, urging, priority; and what one person keeps for a task."""

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from models.base import Moment, Row, moment, one_of, same_bureau


class CaseCopy(Row, table=True):
    """抄送: a person was shown the case, and may read it until the copy is revoked. The row stays.

    question_id: the question that shows its case to whom it asks; such a copy is not listed under “copied to me”.
    `unread` is kept beside `read_at`, because the list is read in its order.
    """

    __tablename__ = "case_copy"
    __table_args__ = (
        same_bureau("case_id", "cases"),
        same_bureau("person_id", "person"),
        same_bureau("from_id", "person"),
        CheckConstraint("unread = (read_at IS NULL)", name="unread_is_not_read"),
        Index("ix_case_copy_sight", "person_id", "case_id", postgresql_where="revoked_at IS NULL"),
        Index("ix_case_copy_case", "case_id", "at"),
        Index(
            "ix_case_copy_list", "person_id", "unread", "id",
            postgresql_where="revoked_at IS NULL AND question_id IS NULL",
        ),
    )  # fmt: skip
    case_id: UUID
    from_id: UUID
    person_id: UUID
    question_id: UUID | None = None
    words: str = Field(default="", max_length=2000)
    at: Moment = moment()
    unread: bool = True
    read_at: Moment | None = moment(nullable=True)
    revoked_at: Moment | None = moment(nullable=True)


class Question(Row, table=True):
    """沟通: the holder of a task asks somebody, without moving the task. One answer; withdrawn while there is none."""

    __tablename__ = "question"
    __table_args__ = (
        UniqueConstraint("bureau_id", "id"),
        same_bureau("case_id", "cases"),
        same_bureau("from_id", "person"),
        same_bureau("to_id", "person"),
        CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answer_has_its_time"),
        CheckConstraint("answered_at IS NULL OR withdrawn_at IS NULL", name="answered_or_withdrawn"),
        Index("ix_question_case", "case_id", "at"),
        Index("ix_question_open", "to_id", "id", postgresql_where="answered_at IS NULL AND withdrawn_at IS NULL"),
    )
    case_id: UUID
    task_id: UUID
    from_id: UUID
    to_id: UUID
    text: str = Field(max_length=4000)
    at: Moment = moment()
    answer: str | None = Field(default=None, max_length=4000)
    answered_at: Moment | None = moment(nullable=True)
    withdrawn_at: Moment | None = moment(nullable=True)


class Urge(Row, table=True):
    """催办: somebody asked the holders of an open task to hurry. Never changed."""

    __tablename__ = "urge"
    __table_args__ = (
        same_bureau("case_id", "cases"),
        Index("ix_urge_case", "case_id", "at"),
        Index("ix_urge_task", "task_id", "at"),
    )
    case_id: UUID
    task_id: UUID
    person_id: UUID
    words: str = Field(default="", max_length=2000)
    at: Moment = moment()


class PriorityChange(Row, table=True):
    """Who gave a case which priority, and why. The case's own column says which holds. Never changed."""

    __tablename__ = "priority_change"
    __table_args__ = (
        same_bureau("case_id", "cases"),
        one_of("priority", "normal", "high", "urgent"),
        Index("ix_priority_change_case", "case_id", "at"),
    )
    case_id: UUID
    person_id: UUID
    priority: str
    words: str = Field(max_length=2000)
    at: Moment = moment()


class Snooze(Row, table=True):
    """A person does not want to see a task in their list until a moment."""

    __tablename__ = "snooze"
    __table_args__ = (UniqueConstraint("person_id", "task_id"),)
    person_id: UUID
    task_id: UUID
    until: Moment = moment()
    at: Moment = moment()


class Opinion(Row, table=True):
    """暂存: what a person has typed for a task and not yet decided. Goes with the task's end."""

    __tablename__ = "opinion"
    __table_args__ = (UniqueConstraint("task_id", "person_id"),)
    task_id: UUID
    person_id: UUID
    words: str = Field(max_length=4000)
    saved_at: Moment = moment()
