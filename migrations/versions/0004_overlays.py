"""a bureau's own values over a programme's pack"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "programme_overlay",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("bureau_id", sa.Uuid(), nullable=False),
        sa.Column("programme", sa.String(length=60), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("base_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.String(length=2000), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("n > 0", name=op.f("ck_programme_overlay_n")),
        sa.ForeignKeyConstraint(
            ["bureau_id", "base_id"],
            ["programme_version.bureau_id", "programme_version.id"],
            name=op.f("fk_programme_overlay_bureau_id_base_id"),
        ),
        sa.ForeignKeyConstraint(
            ["bureau_id", "version_id"],
            ["programme_version.bureau_id", "programme_version.id"],
            name=op.f("fk_programme_overlay_bureau_id_version_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programme_overlay")),
        sa.UniqueConstraint("bureau_id", "programme", "n", name=op.f("uq_programme_overlay_bureau_id_programme_n")),
    )
