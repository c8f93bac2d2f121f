"""The administrator's first page: what is wrong or missing, in words, with where it is mended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from services.errors import NotFoundError
from services.messages.outbox import alarm_lateness, message_lateness, outbox_page, server_problem
from services.people.holding import holds
from services.programmes.pinned import calendar_of, pinned_pack
from services.web.dates import local
from services.web.edge import Page, PageDep
from services.workflow.for_me import for_me

router = APIRouter(include_in_schema=False)
LATE_SECONDS = 300
AHEAD = timedelta(days=400)

UNHELD = f"""
SELECT p.id, p.title_zh, p.title_en, coalesce(g.title_zh, u.title_zh) AS place_zh, coalesce(g.title_en, u.title_en) AS place_en,
    EXISTS (SELECT FROM task t WHERE t.position_id = p.id AND t.state = 'open') AS waits
FROM position p LEFT JOIN unit u ON u.id = p.unit_id LEFT JOIN project_group g ON g.id = p.group_id
WHERE p.bureau_id = $1 AND NOT EXISTS (SELECT FROM appointment a WHERE a.position_id = p.id AND {holds("$2", "$3")})
ORDER BY waits DESC, p.code LIMIT 200
"""  # noqa: S608 - constant parts
PROGRAMMES = """
SELECT p.id, p.code, p.title_zh, p.title_en, p.version_id, v.digest, v.loaded_at FROM programme p
JOIN programme_version v ON v.id = p.version_id WHERE p.bureau_id = $1 ORDER BY p.code
"""


@dataclass(frozen=True)
class State:
    """What the page tells: problems of the installation, of the appointments and of the calendar."""

    server: str | None
    unheld: list[Any]
    years: list[int]
    programmes: list[Any]
    counts: Any
    late_alarms: float
    late_messages: float


@router.get("/administration")
async def administration(page: PageDep) -> Response:
    """Show what needs the administrator."""
    if not page.reader.is_administrator:
        raise NotFoundError
    besides = await for_me(page.tx, page.reader)
    return page.render("administration.html", state=await _state(page), for_me=besides, late=LATE_SECONDS)


async def _state(page: Page) -> State:
    tx, reader = page.tx, page.reader
    today = local(tx.now, reader.zone).date()
    programmes = await tx.rows(PROGRAMMES, (reader.bureau_id,))
    return State(
        server=server_problem(page.settings),
        unheld=await tx.rows(UNHELD, (reader.bureau_id, today, tx.now)),
        years=await _provisional(page, programmes),
        programmes=programmes,
        counts=(await outbox_page(tx, reader, limit=1)).counts,
        late_alarms=(await alarm_lateness(tx, reader.bureau_id)).oldest,
        late_messages=(await message_lateness(tx, reader.bureau_id)).oldest,
    )


async def _provisional(page: Page, programmes: list[Any]) -> list[int]:
    """Return the years that deadlines already touch and whose holidays are not known."""
    today = local(page.tx.now, page.reader.zone).date()
    years: set[int] = set()
    for programme in programmes:
        pack = await pinned_pack(page.tx, programme["version_id"])
        calendar = await calendar_of(page.tx, page.reader.bureau_id, pack)
        years |= set(calendar.provisional_years(today, today + AHEAD))
    return sorted(years)
