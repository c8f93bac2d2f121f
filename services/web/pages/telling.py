"""A process drawn and in words: of a case, of a season, and of each version of a programme."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter
from markupsafe import Markup
from sqlmodel import col, select
from starlette.responses import Response

from models.programme import Season
from services.errors import NotFoundError
from services.people.access import may_load_programmes
from services.process.definitions import ProcessDefinition
from services.process.packs import Pack
from services.process.position import Position
from services.programmes.pinned import pinned_pack
from services.programmes.telling import process_lines
from services.programmes.versions import versions_of
from services.web.drawn import drawn
from services.web.edge import Page, PageDep
from services.web.overviews import season_lines
from services.workflow.cases import case_view

router = APIRouter(include_in_schema=False)
INDENT = 2


@dataclass(frozen=True)
class Line:
    """A line of the words, and how deep it stands. stage: whether it begins a stage or a way."""

    depth: int
    text: str
    stage: bool


@dataclass(frozen=True)
class Told:
    """A process as it is shown: its drawing and its words."""

    title: str
    code: str
    drawing: Markup
    lines: tuple[Line, ...]


def told(page: Page, pack: Pack, definition: ProcessDefinition, position: Position | None = None) -> Told:
    """Return the process in the reader's language."""
    found = [line for line in process_lines(pack, definition, locale=page.locale) if line.strip()]
    lines = []
    for line in found[1:]:
        text = line.lstrip()
        spaces = len(line) - len(text)
        lines.append(Line(spaces // INDENT, text, text.partition(" ")[0].rstrip(".")[:1].isdigit()))
    drawing = drawn(pack, definition, position, locale=page.locale)
    return Told(definition.title.in_(page.locale), definition.process, drawing, tuple(lines))


def _render(page: Page, processes: list[Told], *, back: str, back_title: str) -> Response:
    return page.render("telling.html", processes=processes, back=back, back_title=back_title)


@router.get("/cases/{case_id}/process")
async def of_case(page: PageDep, case_id: UUID) -> Response:
    """Tell the process that a case follows, with where it stands."""
    view = await case_view(page.tx, page.reader, case_id)
    title = f"{view.group_title(page.locale)} {view.season_key}"
    found = told(page, view.pack, view.definition, view.position)
    return _render(page, [found], back=f"/cases/{case_id}", back_title=title)


@router.get("/seasons/{season_id}/process")
async def of_season(page: PageDep, season_id: UUID) -> Response:
    """Tell the process of a season."""
    line = (await season_lines(page.tx, page.reader, season_id))[0]
    season = (await page.tx.session.exec(select(Season).where(col(Season.id) == season_id))).one()
    pack = await pinned_pack(page.tx, season.version_id)
    title = f"{line.title.in_(page.locale) if line.title else line.process} {line.key}"
    found = told(page, pack, pack.process(season.process))
    return _render(page, [found], back=f"/seasons/{season_id}", back_title=title)


@router.get("/administration/programmes/{programme_id}/versions/{version_id}/process")
async def of_version(page: PageDep, programme_id: UUID, version_id: UUID) -> Response:
    """Tell every process of a version of a programme."""
    if not may_load_programmes(page.reader):
        raise NotFoundError
    found = await versions_of(page.tx, page.reader, programme_id)
    version = found.version(version_id)
    pack = await pinned_pack(page.tx, version.id)
    title = found.programme.title_zh if page.locale == "zh" else found.programme.title_en
    processes = [told(page, pack, each) for each in pack.processes]
    back = f"/administration/programmes/{programme_id}"
    return _render(page, processes, back=back, back_title=f"{title} {version.digest[:12]}")
