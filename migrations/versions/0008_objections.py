"""objections against what is posted"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "objection",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bureau_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("contact", sa.String(length=300), nullable=False),
        sa.Column("words", sa.String(length=4000), nullable=False),
        sa.Column("entered_by", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.Uuid(), nullable=True),
        sa.Column("upheld", sa.Boolean(), nullable=True),
        sa.Column("answer", sa.String(length=4000), nullable=False),
        sa.CheckConstraint("(settled_at IS NULL) = (upheld IS NULL)", name=op.f("ck_objection_settled_says_how")),
        sa.ForeignKeyConstraint(
            ["bureau_id", "case_id"], ["cases.bureau_id", "cases.id"], name=op.f("fk_objection_bureau_id_case_id")
        ),
        sa.ForeignKeyConstraint(
            ["bureau_id", "entered_by"],
            ["person.bureau_id", "person.id"],
            name=op.f("fk_objection_bureau_id_entered_by"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_objection")),
    )
    op.create_index("ix_objection_case", "objection", ["case_id", "at"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only")
