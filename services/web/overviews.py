"""What the case list and the season page read: every statement carries the reader's scope."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.errors import NotFoundError
from services.people.access import Reader, case_scope_sql, may_see_seasons
from services.process.definitions import Localized
from services.programmes.pinned import pinned_pack
from services.store.transaction import Tx
from services.workflow.standing import BACK, ENTERED_BY

MOST = 500
Standing = Literal["filed", "ended", "in-review", "returned", "draft", "overdue", "closed"]


@dataclass(frozen=True)
class CaseLine:
    """A case in a list. due_at and close_at: of its open task. submitted_at: of its first submission."""

    id: UUID
    season_id: UUID
    season_key: str
    version_id: UUID
    process: str
    group_code: str
    group_zh: str
    group_en: str
    unit_zh: str | None
    unit_en: str | None
    state: str
    stage: str | None
    kind: str | None
    entered_by: str | None
    number: str | None
    late: bool
    submissions: int
    submitted_at: datetime | None
    due_at: datetime | None
    close_at: datetime | None
    closed_at: datetime | None
    stage_title: Localized | None = None

    def standing(self, now: datetime) -> Standing:
        """Return in one word how the case stands."""
        if self.state in {"filed", "ended"}:
            return "filed" if self.state == "filed" else "ended"
        if self.kind != "submit":
            return "in-review"
        if self.close_at is not None and now >= self.close_at:
            return "closed"
        if self.due_at is not None and now >= self.due_at:
            return "overdue"
        return "returned" if self.entered_by in BACK else "draft"


@dataclass(frozen=True)
class SeasonLine:
    """A season in a list."""

    id: UUID
    programme_zh: str
    programme_en: str
    process: str
    version_id: UUID
    key: str
    state: str
    opens_at: datetime
    due_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    cases: int
    filed: int
    title: Localized | None = None


CASES = f"""
SELECT c.id, c.season_id, s.key AS season_key, c.version_id, c.process, g.code AS group_code, g.title_zh AS group_zh,
    g.title_en AS group_en, u.title_zh AS unit_zh, u.title_en AS unit_en, c.state, c.stage, t.kind,
    {ENTERED_BY} AS entered_by, c.number, c.late, coalesce((c.state_doc ->> 'submissions')::int, 0) AS submissions,
    (SELECT min(b.at) FROM submission b WHERE b.case_id = c.id) AS submitted_at, t.due_at, t.close_at, c.closed_at
FROM cases c JOIN season s ON s.id = c.season_id JOIN project_group g ON g.id = c.group_id
LEFT JOIN unit u ON u.id = g.base_unit_id
LEFT JOIN LATERAL (SELECT k.kind, k.due_at, l.close_at FROM task k LEFT JOIN deadline l ON l.subject_id = k.id
    WHERE k.case_id = c.id AND k.state = 'open' ORDER BY k.due_sort LIMIT 1) t ON true
WHERE {{scope}} AND ($1::uuid IS NULL OR c.season_id = $1)
ORDER BY s.due_at DESC, g.code, c.id LIMIT {{most}}
"""  # noqa: S608 - constant parts
SEASONS = """
SELECT s.id, p.title_zh AS programme_zh, p.title_en AS programme_en, s.process, s.version_id, s.key, s.state, s.opens_at,
    s.due_at, s.started_at, s.ended_at, count(c.id) AS cases, count(c.id) FILTER (WHERE c.state = 'filed') AS filed
FROM season s JOIN programme p ON p.bureau_id = s.bureau_id AND p.code = s.programme
LEFT JOIN cases c ON c.season_id = s.id AND {scope}
WHERE s.bureau_id = $1 AND ($2::uuid IS NULL OR s.id = $2)
GROUP BY s.id, p.title_zh, p.title_en ORDER BY s.due_at DESC, s.id LIMIT {most}
"""


async def case_lines(tx: Tx, reader: Reader, season_id: UUID | None = None) -> list[CaseLine]:
    """Return the cases that the reader may see, newest season first."""
    scope = case_scope_sql(reader, alias="c", first=2)
    rows = await tx.rows(CASES.format(scope=scope.text, most=MOST), (season_id, *scope.parameters))
    return [await _titled(tx, CaseLine(**row)) for row in rows]


async def _titled(tx: Tx, line: CaseLine) -> CaseLine:
    if line.stage is None:
        return line
    stage = (await pinned_pack(tx, line.version_id)).process(line.process).stage(line.stage)
    return CaseLine(**{**vars(line), "stage_title": stage.title or Localized(zh=line.stage, en=line.stage)})


async def season_lines(tx: Tx, reader: Reader, season_id: UUID | None = None) -> list[SeasonLine]:
    """Return the bureau's seasons, newest first, with counts of the cases that the reader may see.

    Raises:
        NotFoundError: the reader may not see seasons, or there is no such one.
    """
    if not may_see_seasons(reader):
        raise NotFoundError
    scope = case_scope_sql(reader, alias="c", first=3)
    statement = SEASONS.format(scope=scope.text, most=MOST)
    rows = await tx.rows(statement, (reader.bureau_id, season_id, *scope.parameters))
    if season_id is not None and not rows:
        raise NotFoundError
    lines = [SeasonLine(**row) for row in rows]
    return [
        SeasonLine(**{**vars(line), "title": (await pinned_pack(tx, line.version_id)).process(line.process).title})
        for line in lines
    ]
