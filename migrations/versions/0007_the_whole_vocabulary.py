"""the whole vocabulary of acts: several open visits, tasks of a person, cases inside of cases"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KNOWN = {
    ("cases", "state"): ("open", "filed", "completed", "rejected", "ended"),
    ("visit", "outcome"): (
        "submitted", "approved", "signed", "assessed", "failed", "declined", "returned", "withdrawn", "taken-back",
        "rejected", "filed", "ended", "jumped", "passed", "upheld",
    ),
    ("visit", "waits_for"): ("time", "case", "process"),
    ("task", "kind"): ("submit", "approve", "sign", "assess"),
    ("decision", "kind"): (
        "submit", "approve", "oppose", "sign", "decline", "assess", "return", "reject", "withdraw", "take-back", "claim",
        "put-back", "transfer", "delegate", "answer", "recall", "hand-over", "add-signer", "remove-signer", "ask-extension",
        "grant-extension", "refuse-extension", "grant-exception", "suspend", "resume", "end", "jump", "reopen", "object",
        "settle",
    ),
    ("deadline", "subject"): ("task", "season", "visit"),
}  # fmt: skip
NEW = ("waits_for",)


def upgrade() -> None:
    _cases()
    _visits()
    _tasks_and_decisions()
    _drafts()
    for (table, column), values in KNOWN.items():
        name = f"ck_{table}_{column}_known"
        if column not in NEW:
            op.drop_constraint(op.f(name), table, type_="check")
        quoted = ", ".join(f"'{value}'" for value in values)
        op.create_check_constraint(op.f(name), table, f"{column} IN ({quoted})")


def _cases() -> None:
    op.add_column("cases", sa.Column("parent_id", sa.Uuid(), nullable=True))
    op.add_column("cases", sa.Column("parent_visit_id", sa.Uuid(), nullable=True))
    op.add_column("cases", sa.Column("suspended_at", MOMENT, nullable=True))
    op.drop_constraint(op.f("uq_cases_season_id_group_id"), "cases", type_="unique")
    op.create_unique_constraint(op.f("uq_cases_parent_visit_id"), "cases", ["parent_visit_id"])
    op.create_foreign_key(
        op.f("fk_cases_bureau_id_parent_id"), "cases", "cases", ["bureau_id", "parent_id"], ["bureau_id", "id"]
    )
    op.create_check_constraint(
        op.f("ck_cases_parent_whole"), "cases", "(parent_id IS NULL) = (parent_visit_id IS NULL)"
    )
    op.create_index(
        "ux_cases_subject", "cases", ["season_id", "group_id"], unique=True, postgresql_where="parent_id IS NULL"
    )
    op.create_index("ix_cases_parent", "cases", ["parent_id"], postgresql_where="parent_id IS NOT NULL")


def _visits() -> None:
    op.add_column("visit", sa.Column("entered_by", sa.String(length=30), nullable=True))
    op.add_column("visit", sa.Column("waits_for", sa.String(), nullable=True))
    op.add_column("visit", sa.Column("ready_at", MOMENT, nullable=True))
    # The act that opened the one visit of a case stood in its state.
    op.execute(
        "UPDATE visit v SET entered_by = c.state_doc ->> 'entered_by' FROM cases c"
        " WHERE c.id = v.case_id AND v.closed_at IS NULL"
    )
    op.drop_index("ux_visit_one_open", table_name="visit")
    op.create_index(
        "ux_visit_one_open", "visit", ["case_id", "stage"], unique=True, postgresql_where="closed_at IS NULL"
    )
    op.create_index(
        "ix_visit_waiting", "visit", ["waits_for", "ready_at"],
        postgresql_where="closed_at IS NULL AND waits_for IS NOT NULL",
    )  # fmt: skip


def _tasks_and_decisions() -> None:
    op.alter_column("task", "position_id", existing_type=sa.Uuid(), nullable=True)
    op.add_column("task", sa.Column("person_id", sa.Uuid(), nullable=True))
    op.add_column("task", sa.Column("holder_id", sa.Uuid(), nullable=True))
    op.execute("UPDATE task SET holder_id = position_id")
    op.alter_column("task", "holder_id", existing_type=sa.Uuid(), nullable=False)
    op.create_check_constraint(
        op.f("ck_task_with_somebody"), "task", "position_id IS NOT NULL OR person_id IS NOT NULL"
    )
    op.create_check_constraint(op.f("ck_task_holder"), "task", "holder_id = coalesce(person_id, position_id)")
    op.drop_index("ix_task_stream", table_name="task")
    op.create_index(
        "ix_task_stream", "task", ["holder_id", "season_id", "process", "stage", "kind", "due_sort", "id"],
        postgresql_where="state = 'open'",
    )  # fmt: skip
    for column in ("on_behalf_id", "entered_by_id", "to_person_id"):
        op.add_column("decision", sa.Column(column, sa.Uuid(), nullable=True))
    op.add_column("decision", sa.Column("paper", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("submission", sa.Column("stage", sa.String(length=60), nullable=True))


def _drafts() -> None:
    op.add_column("draft", sa.Column("stage", sa.String(length=60), nullable=True))
    op.add_column("draft", sa.Column("owner_id", sa.Uuid(), nullable=True))
    # A process had one submit stage, its first.
    op.execute(
        "UPDATE draft d SET stage = p.process -> 'stages' -> 0 ->> 'code' FROM cases c"
        " JOIN programme_version v ON v.id = c.version_id,"
        " jsonb_array_elements(v.resolved -> 'processes') AS p(process)"
        " WHERE c.id = d.case_id AND p.process ->> 'process' = c.process"
    )
    op.alter_column("draft", "stage", existing_type=sa.String(length=60), nullable=False)
    op.drop_constraint(op.f("uq_draft_case_id"), "draft", type_="unique")
    op.create_unique_constraint(
        op.f("uq_draft_case_id_stage_owner_id"), "draft", ["case_id", "stage", "owner_id"],
        postgresql_nulls_not_distinct=True,
    )  # fmt: skip


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only")
