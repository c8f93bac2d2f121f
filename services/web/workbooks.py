"""Every table as an .xlsx file."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from starlette.responses import Response

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 20_000
_WIDEST, _NARROWEST = 60, 10
NARROW = "\u2e80"
"""From here on characters are twice as wide."""
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f￾￿]|[\ud800-\udfff]")


async def response(title: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """Return a workbook of one sheet as a download; it is built beside the event loop, so that others are not kept."""
    name = quote(f"{title}.xlsx")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    content = await asyncio.to_thread(workbook, title, head, list(rows))
    return Response(content, media_type=MEDIA_TYPE, headers=headers)


def workbook(title: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return the file: a bold, frozen head row, columns as wide as their texts; texts are never formulas."""
    lines = [[_plain(value) for value in row] for row in rows]
    book = Workbook(write_only=True)
    sheet = book.create_sheet(re.sub(r"[\[\]:*?/\\]", " ", title)[:31])
    sheet.freeze_panes = "A2"
    for place, name in enumerate(head, start=1):
        widest = max([_width(name), *(_width(row[place - 1]) for row in lines)])
        sheet.column_dimensions[get_column_letter(place)].width = min(_WIDEST, max(_NARROWEST, widest + 2))
    sheet.append([_cell(sheet, name, bold=True) for name in head])
    for row in lines:
        sheet.append([_cell(sheet, value) for value in row])
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, int | float) or value is None:
        return value
    return _UNPRINTABLE.sub("", str(value))[:32_000]


def _cell(sheet: Any, value: Any, *, bold: bool = False) -> Any:
    cell = WriteOnlyCell(sheet, value=value)
    if isinstance(value, str):
        # A group called “=1+1” is a name, not a formula that somebody's spreadsheet runs.
        cell.data_type = "s"
    if bold:
        cell.font = Font(bold=True)
    return cell


def _width(value: Any) -> int:
    return sum(2 if character > NARROW else 1 for character in str(value or ""))
