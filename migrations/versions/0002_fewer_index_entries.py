"""fewer index entries for an act and a sweep"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The alarm's key is also its look-up by task; alarms of closed tasks go, as acts now delete them; changed rows stay
    on their page, so that they need no new index entries.
    """
    op.execute("DELETE FROM alarm a USING task t WHERE t.id = a.task_id AND t.state <> 'open'")
    op.drop_index("ix_alarm_task", table_name="alarm")
    op.drop_constraint("pk_alarm", "alarm", type_="primary")
    op.create_primary_key("pk_alarm", "alarm", ["task_id", "id"])
    op.execute("ALTER TABLE alarm SET (fillfactor = 50)")
    op.execute("ALTER TABLE cases SET (fillfactor = 70)")
    op.execute("ALTER TABLE deadline SET (fillfactor = 85)")
