"""substitutions: who stands in for whom, and when"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "substitution",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bureau_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("substitute_id", sa.Uuid(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("processes", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("named_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_substitution_period")),
        sa.CheckConstraint("substitute_id <> person_id", name=op.f("ck_substitution_somebody_else")),
        sa.CheckConstraint(
            "processes IS NULL OR jsonb_array_length(processes) > 0", name=op.f("ck_substitution_processes_named")
        ),
        sa.ForeignKeyConstraint(
            ["bureau_id", "person_id"],
            ["person.bureau_id", "person.id"],
            name=op.f("fk_substitution_bureau_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["bureau_id", "substitute_id"],
            ["person.bureau_id", "person.id"],
            name=op.f("fk_substitution_bureau_id_substitute_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_substitution")),
        sa.UniqueConstraint("bureau_id", "id", name=op.f("uq_substitution_bureau_id_id")),
    )
    op.create_index("ix_substitution_person", "substitution", ["person_id", "id"], unique=False)
    op.create_index(
        "ix_substitution_substitute",
        "substitution",
        ["substitute_id", "ends_on", "starts_on"],
        unique=False,
        postgresql_where="ended_at IS NULL",
    )
