"""copies, questions, urging, priority, snoozed tasks and kept opinions"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _opinion()
    _snooze()
    _case_copy()
    _priority_change()
    _question()
    _urge()
    op.add_column("cases", sa.Column("priority", sa.String(), nullable=True))
    op.create_check_constraint(op.f("ck_cases_priority_known"), "cases", "priority IN ('high', 'urgent')")
    op.create_index(
        "ix_cases_priority",
        "cases",
        ["priority", "id"],
        unique=False,
        postgresql_where="priority IS NOT NULL AND state = 'open'",
    )
    op.create_index("ix_remark_submission", "remark", ["submission_id"], unique=False)


def _opinion() -> None:
    op.create_table(
        "opinion",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bureau_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("words", sa.String(length=4000), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opinion")),
        sa.UniqueConstraint("task_id", "person_id", name=op.f("uq_opinion_task_id_person_id")),
    )


def _snooze() -> None:
    op.create_table(
        "snooze",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bureau_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snooze")),
        sa.UniqueConstraint("person_id", "task_id", name=op.f("uq_snooze_person_id_task_id")),
    )


def _case_copy() -> None:
    op.create_table(
        "case_copy",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bureau_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("from_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("question_id", sa.Uuid(), nullable=True),
        sa.Column("words", sa.String(length=2000), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unread", sa.Boolean(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("unread = (read_at IS NULL)", name=op.f("ck_case_copy_unread_is_not_read")),
        sa.ForeignKeyConstraint(
            ["bureau_id", "case_id"], ["cases.bureau_id", "cases.id"], name=op.f("fk_case_copy_bureau_id_case_id")
        ),
        sa.ForeignKeyConstraint(
            ["bureau_id", "from_id"], ["person.bureau_id", "person.id"], name=op.f("fk_case_copy_bureau_id_from_id")
        ),
        sa.ForeignKeyConstraint(
            ["bureau_id", "person_id"], ["person.bureau_id", "person.id"], name=op.f("fk_case_copy_bureau_id_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_copy")),
    )
    op.create_index("ix_case_copy_case", "case_copy", ["case_id", "at"], unique=False)
    op.create_index(
        "ix_case_copy_list",
        "case_copy",
        ["person_id", "unread", "id"],
        unique=False,
        postgresql_where="revoked_at IS NULL AND question_id IS NULL",
    )
    op.create_index(
        "ix_case_copy_sight", "case_copy", ["person_id", "case_id"], unique=False, postgresql_where="revoked_at IS NULL"
    )


def _priority_change() -> None:
    op.create_table(
        "priority_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bureau_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("words", sa.String(length=2000), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("priority IN ('normal', 'high', 'urgent')", name=op.f("ck_priority_change_priority_known")),
        sa.ForeignKeyConstraint(
            ["bureau_id", "case_id"], ["cases.bureau_id", "cases.id"], name=op.f("fk_priority_change_bureau_id_case_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_priority_change")),
    )
    op.create_index("ix_priority_change_case", "priority_change", ["case_id", "at"], unique=False)


def _question() -> None:
    op.create_table(
        "question",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bureau_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("from_id", sa.Uuid(), nullable=False),
        sa.Column("to_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.String(length=4000), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String(length=4000), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name=op.f("ck_question_answer_has_its_time")),
        sa.CheckConstraint(
            "answered_at IS NULL OR withdrawn_at IS NULL", name=op.f("ck_question_answered_or_withdrawn")
        ),
        sa.ForeignKeyConstraint(
            ["bureau_id", "case_id"], ["cases.bureau_id", "cases.id"], name=op.f("fk_question_bureau_id_case_id")
        ),
        sa.ForeignKeyConstraint(
            ["bureau_id", "from_id"], ["person.bureau_id", "person.id"], name=op.f("fk_question_bureau_id_from_id")
        ),
        sa.ForeignKeyConstraint(
            ["bureau_id", "to_id"], ["person.bureau_id", "person.id"], name=op.f("fk_question_bureau_id_to_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_question")),
        sa.UniqueConstraint("bureau_id", "id", name=op.f("uq_question_bureau_id_id")),
    )
    op.create_index("ix_question_case", "question", ["case_id", "at"], unique=False)
    op.create_index(
        "ix_question_open",
        "question",
        ["to_id", "id"],
        unique=False,
        postgresql_where="answered_at IS NULL AND withdrawn_at IS NULL",
    )


def _urge() -> None:
    op.create_table(
        "urge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bureau_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("words", sa.String(length=2000), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["bureau_id", "case_id"], ["cases.bureau_id", "cases.id"], name=op.f("fk_urge_bureau_id_case_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_urge")),
    )
    op.create_index("ix_urge_case", "urge", ["case_id", "at"], unique=False)
    op.create_index("ix_urge_task", "urge", ["task_id", "at"], unique=False)
