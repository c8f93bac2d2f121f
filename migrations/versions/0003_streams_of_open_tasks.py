"""open tasks lie in streams: by position, season, stage and kind"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_task_stream",
        "task",
        ["position_id", "season_id", "stage", "kind", "due_sort", "id"],
        unique=False,
        postgresql_where="state = 'open'",
    )
    op.drop_index("ix_task_queue", table_name="task")
