"""The audit page: events of the chains, whether the chains hold, and the signed anchors."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter
from sqlmodel import col, select
from starlette.responses import Response

from models.audit import Anchor
from models.people import Person
from services.adapters.keys import load_keys
from services.errors import NotFoundError, SetupError
from services.i18n import N_
from services.people.access import may_see_audit
from services.people.audit_list import EventRow, events_page, verify
from services.store.chain import Broken
from services.web import workbooks
from services.web.edge import Page, PageDep
from services.web.pages.mail import read_place, write_place
from services.workflow.for_me import for_me

router = APIRouter(include_in_schema=False)
STREAMS = ("case", "season", "bureau", "sign-in")
ANCHORS_SHOWN = 31


@router.get("/audit")
async def audit_page(page: PageDep, stream: str = "", after: str = "", check: bool = False) -> Response:  # noqa: FBT001, FBT002
    """Show events, newest first, and the anchors; with `check` all chains are computed anew."""
    _require(page)
    chosen = stream if stream in STREAMS else ""
    found = await events_page(page.tx, page.reader, stream=chosen or None, after=read_place(after))
    broken, keyless = await _check(page) if check else (None, False)
    anchors = await page.tx.session.exec(
        select(Anchor)
        .where(col(Anchor.bureau_id) == page.reader.bureau_id)
        .order_by(col(Anchor.day).desc())
        .limit(ANCHORS_SHOWN)
    )
    return page.render(
        "audit.html",
        rows=found.rows,
        names=await _names(page, found.rows),
        more=write_place(found.next),
        stream=chosen,
        streams=STREAMS,
        checked=check,
        broken=broken,
        keyless=keyless,
        anchors=list(anchors),
        for_me=await for_me(page.tx, page.reader),
    )


def _require(page: Page) -> None:
    if not may_see_audit(page.reader):
        raise NotFoundError


async def _check(page: Page) -> tuple[list[Broken], bool]:
    """Return what is broken, and whether this process has no key to judge the anchors by."""
    try:
        keys = [load_keys(page.settings.key_folder).anchor.public_key()]
    except (SetupError, OSError):
        keys = []
    return await verify(page.tx, page.reader, keys=keys), not keys


async def _names(page: Page, rows: tuple[EventRow, ...]) -> dict[Any, str]:
    people = {row.person_id for row in rows if row.person_id}
    found = await page.tx.session.exec(
        select(Person.id, Person.name).where(
            col(Person.bureau_id) == page.reader.bureau_id, col(Person.id).in_(sorted(people))
        )
    )
    return dict(found.all())


@router.get("/audit.xlsx")
async def export_audit(page: PageDep, stream: str = "") -> Response:
    """Give the events as a workbook."""
    _require(page)
    chosen = stream if stream in STREAMS else None
    rows: list[list[Any]] = []
    after = None
    while True:
        found = await events_page(page.tx, page.reader, stream=chosen, after=after, limit=500)
        names = await _names(page, found.rows)
        rows += [_cells(row, names) for row in found.rows]
        after = found.next
        if after is None or len(rows) >= workbooks.MOST_ROWS:
            break
    heads = (N_("Time"), N_("Stream"), N_("Number"), N_("Event"), N_("Person"), N_("Data"), N_("Digest"))
    return await workbooks.response(page.say(N_("Audit")), [page.say(name) for name in heads], rows)


def _cells(row: EventRow, names: dict[Any, str]) -> list[Any]:
    data = json.dumps(row.data, ensure_ascii=False)
    stream = f"{row.stream}:{row.stream_id}"
    return [
        row.at.isoformat(timespec="seconds"),
        stream,
        row.seq,
        row.kind,
        names.get(row.person_id, ""),
        data,
        row.hash,
    ]
