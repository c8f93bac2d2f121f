"""Approving many from the queue: what was chosen is shown with what would happen, then decided item by item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.errors import InvalidInputError
from services.i18n import Localizable
from services.process.definitions import Localized
from services.programmes.pinned import pinned_pack
from services.web import errors
from services.web.arrival import Form
from services.web.edge import Page, PageDep
from services.web.filters import Filter, as_id
from services.web.numbers import whole
from services.workflow import bulk
from services.workflow.bulk import BulkItem, BulkPreview, BulkResult, ListChangedError
from services.workflow.opinions import MOST_WORDS

router = APIRouter(include_in_schema=False)
STAGES = """
SELECT t.id, c.version_id, c.process FROM task t JOIN cases c ON c.id = t.case_id
WHERE t.bureau_id = $1 AND t.id = ANY($2::uuid[])
"""


@dataclass(frozen=True)
class Row:
    """A task of the list: its stage's title, and once it was decided what became of it."""

    item: BulkItem
    stage: Localized
    result: BulkResult | None = None
    refused: str = ""

    def group(self, locale: str) -> str:
        """Return the group's title."""
        return self.item.group_zh if locale == "zh" else self.item.group_en


@router.post("/queue/bulk")
async def preview_page(page: PageDep) -> Response:
    """Show which of the chosen tasks would be approved, and why others would not; nothing is changed."""
    form = await page.form()
    chosen = Filter.read(form.get("filter"))
    tasks = [task for name, value in form.items if name == "task" and (task := as_id(value)) is not None]
    try:
        found = await bulk.preview(page.tx, by=page.reader, tasks=tasks)
    except InvalidInputError as error:
        said = errors.problems_of(error, page.locale)[0]["message"]
        return page.go(chosen.behind("/queue"), _words(page, said), kind="warning")
    return await _preview(page, found, chosen)


async def _preview(
    page: Page,
    found: BulkPreview,
    chosen: Filter,
    *,
    problems: list[dict[str, Any]] | None = None,
    words: str = "",
    status_code: int = 200,
) -> Response:
    return page.render(
        "bulk.html",
        status_code=status_code,
        found=found,
        rows=await _rows(page, found.items),
        chosen=chosen,
        problems=problems or [],
        words=words,
        most_words=MOST_WORDS,
        key=page.tx.ids.token(),
    )


async def _rows(page: Page, items: tuple[BulkItem, ...]) -> list[Row]:
    """Return the items with what people call their stages."""
    stages = await page.tx.rows(STAGES, (page.reader.bureau_id, [each.task_id for each in items]))
    where = {row["id"]: row for row in stages}
    rows = []
    for each in items:
        row = where[each.task_id]
        stage = (await pinned_pack(page.tx, row["version_id"])).process(row["process"]).stage(each.stage)
        rows.append(Row(each, stage.title or Localized(zh=each.stage, en=each.stage)))
    return rows


def _words(page: Page, said: object) -> str:
    return said.in_(page.locale) if isinstance(said, Localizable) else str(said)


@router.post("/queue/bulk/confirm")
async def decide(page: PageDep) -> Response:
    """Approve the list that was shown, each item by itself; a list that is another decides nothing."""
    form = await page.form()
    chosen, tasks = Filter.read(form.get("filter")), _confirmed(form)
    words, key = form.get("words")[:MOST_WORDS], form.get("key")[:200] or None
    try:
        before = await bulk.preview(page.tx, by=page.reader, tasks=[task for task, _ in tasks])
        results = await bulk.approve_all(
            page.tx, by=page.reader, tasks=tasks, shown=form.get("shown"), words=words, key=key
        )
    except ListChangedError as error:
        problems = [{"message": errors.words(error, page.locale)}]
        return await _preview(page, before, chosen, problems=problems, words=words, status_code=error.status)
    except InvalidInputError as error:
        said = errors.problems_of(error, page.locale)[0]["message"]
        return page.go(chosen.behind("/queue"), _words(page, said), kind="warning")
    rows = await _results(page, before, results)
    return page.render("bulk_done.html", rows=rows, lost=len(results) - len(rows), chosen=chosen)


def _confirmed(form: Form) -> list[tuple[UUID, int]]:
    """Return each task with the version that was shown; what is no such pair is left out, so that the digest tells."""
    found = []
    for name, value in form.items:
        task, _, version = value.partition(":")
        if name == "item" and (known := as_id(task)) is not None and (seen := whole(version)) is not None:
            found.append((known, seen))
    return found


async def _results(page: Page, before: BulkPreview, results: list[BulkResult]) -> list[Row]:
    known = {result.task_id: result for result in results}
    zone = page.reader.zone
    rows = []
    for row in await _rows(page, before.items):
        result = known[row.item.task_id]
        refused = errors.words(result.refusal, page.locale, zone=zone) if result.refusal is not None else ""
        rows.append(Row(row.item, row.stage, result, refused))
    return rows
