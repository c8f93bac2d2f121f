"""Everything that the store has of a history's cases, read at once as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from services.process.states import CaseState

Fact = Mapping[str, Any]
TABLES = (
    "cases", "visit", "task", "decision", "deadline", "alarm", "notification", "submission", "draft", "filing",
    "number_series", "late_exception", "command", "audit_event", "season", "remark", "opinion", "message", "case_copy",
)  # fmt: skip
COUNTED = (
    "bureau", "unit", "project_group", "programme", "programme_version", "position", "audit_salt", "season_step",
    "season_wait", "question", "urge", "priority_change", "snooze", "attachment", "account", "sign_in",
)  # fmt: skip
"""Of these only how many there are and which was written last."""
LOOK = "SELECT jsonb_build_object({parts})::text AS facts".format(
    parts=", ".join([
        *(f"'{t}', (SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY r.id), '[]') FROM {t} r)" for t in TABLES),
        *(f"'#{t}', (SELECT jsonb_build_array(count(*), max(xmin::text::bigint)) FROM {t})" for t in COUNTED),
    ])
)  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """The rows of each table, and how many there are of others."""

    rows: Mapping[str, list[dict[str, Any]]]

    def of(self, table: str, case_id: UUID | str, column: str = "case_id") -> list[dict[str, Any]]:
        return [row for row in self.rows[table] if row[column] == str(case_id)]

    def by_id(self, table: str, case_id: UUID | str) -> dict[str, dict[str, Any]]:
        return {row["id"]: row for row in self.of(table, case_id)}

    def case(self, case_id: UUID | str) -> dict[str, Any]:
        return self.of("cases", case_id, "id")[0]

    def state(self, case_id: UUID | str) -> CaseState:
        return CaseState.model_validate_json(orjson.dumps(self.case(case_id)["state_doc"]))


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None


def said(value: UUID | None) -> str | None:
    return str(value) if value is not None else None
