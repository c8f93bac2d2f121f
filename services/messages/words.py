"""An item's facts in one language: what the mail templates say."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.i18n import language, translate
from services.messages.dates import day_text, distance_text, end_text, ends_on, moment_text, reason_texts
from services.messages.facts import Item

SAYS_REASON = frozenset({"returned", "returned-after-approval", "ended", "exception-granted", "due-changed"})
SAYS_WORDS = frozenset({"copied", "asked", "answered", "urged", "priority-given"})
UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]"
)
"""Control characters, and marks that turn the direction of the text around them; line feed and tab are kept."""


def printable(text: str) -> str:
    """Return the text without characters that would garble a mail or disguise what it says."""
    return UNPRINTABLE.sub("", text.replace("\r\n", "\n").encode("utf-8", "ignore").decode())


def one_line(text: str, limit: int = 300) -> str:
    """Return the text as one line for a header."""
    line = " ".join(printable(text.replace("\r", "\n")).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


@dataclass(frozen=True)
class Due:
    """When something is due: the day, its end, its distance from today, the close, and why it is that day."""

    day: str
    end: str
    distance: str
    days_over: int
    close: str | None
    closed: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Said:
    """One notification in the reader's language; every value is plain text without surprises.

    decides: the task asks for an opinion on what others submitted.
    """

    kind: str
    bureau: str
    process: str
    season: str
    group: str
    case: str
    stage: str
    decides: bool
    position: str
    due: Due | None
    link: str
    number: str
    reason: str
    words: str
    by: str
    until: str
    was: str
    missed: int
    groups: tuple[str, ...]
    figures: Mapping[str, str]


def said(item: Item, *, locale: str, now: dt.datetime, public_url: str) -> Said:
    """Return what there is to say about the item at `now`."""
    row, context = item.row, item.context
    process = item.definition.title.in_(locale) if item.definition else ""
    group = _title(row, "group", locale)
    named = {"group": group, "process": process, "season": row["season_key"] or ""}
    return Said(
        kind=item.kind,
        bureau=printable(row["bureau"]),
        process=process,
        season=named["season"],
        group=group,
        case=_case(locale, named),
        stage=_stage(item, locale),
        decides=item.row["task_kind"] == "approve",
        position=_at_unit(row, "position", "unit", locale=locale),
        due=_due(item, locale, now),
        link=public_url.rstrip("/") + item.path,
        number=str(context.get("number") or row["number"] or ""),
        reason=printable(str(context.get("reason", ""))) if item.kind in SAYS_REASON else "",
        words=printable(str(context.get("reason", ""))) if item.kind in SAYS_WORDS else "",
        by=printable(row["by_name"] or "") or _at_unit(row, "by", "by_unit", locale=locale),
        until=_instant(context.get("until"), item, locale),
        was=_instant(context.get("was"), item, locale),
        missed=int(context.get("missed", 1)) if isinstance(context.get("missed", 1), int) else 1,
        groups=tuple(_groups(context.get("missing"), locale)),
        figures={name: one_line(str(value)) for name, value in context.items() if isinstance(value, int | str)},
    )


def _case(locale: str, named: Mapping[str, str]) -> str:
    if named["group"]:
        return translate(locale, "{group}: {process} {season}", **named)
    return translate(locale, "{process} {season}", **named).strip()


def _title(row: Mapping[str, Any], name: str, locale: str) -> str:
    return printable(row[f"{name}_{language(locale)}"] or "")


def _at_unit(row: Mapping[str, Any], position: str, unit: str, *, locale: str) -> str:
    """Return the position with its unit: `Basic education office: Clerk`."""
    names = [_title(row, unit, locale), _title(row, position, locale)]
    return translate(locale, ": ").join(name for name in names if name)


def _stage(item: Item, locale: str) -> str:
    code = item.row["task_stage"] or item.row["case_stage"]
    if code is None or item.definition is None:
        return ""
    title = item.definition.stage(code).title
    return title.in_(locale) if title else str(code)


def _due(item: Item, locale: str, now: dt.datetime) -> Due | None:
    if item.due_at is None:
        return None
    day, today = ends_on(item.due_at, item.zone), now.astimezone(item.zone).date()
    close = item.close_at
    return Due(
        day=day_text(day, locale),
        end=end_text(item.due_at, item.zone, locale),
        distance=distance_text(day, today, locale),
        days_over=max(0, (today - day).days),
        close=end_text(close, item.zone, locale) if close else None,
        closed=close is not None and now >= close,
        reasons=tuple(printable(text) for text in reason_texts(item.explained, locale)),
    )


def _instant(value: Any, item: Item, locale: str) -> str:
    """Return an ISO instant or day of a context as text; midnight is the end of the day before."""
    if not isinstance(value, str) or not value:
        return ""
    if len(value) == len("2027-01-31"):
        return day_text(dt.date.fromisoformat(value), locale)
    instant = dt.datetime.fromisoformat(value)
    if instant.tzinfo is None:
        return value
    ended = instant.astimezone(item.zone).time() == dt.time.min
    return (end_text if ended else moment_text)(instant, item.zone, locale)


def _groups(missing: Any, locale: str) -> Iterable[str]:
    """Yield the groups of a season's list with the school that hosts them."""
    for group in missing if isinstance(missing, list) else ():
        name, unit = (group.get(f"{key}_{language(locale)}") for key in ("title", "unit"))
        yield printable(f"{name} ({unit})" if unit else str(name or group.get("code", "")))


def calendar_key(item: Item) -> UUID | None:
    """Return the task that a calendar entry would stand for; None where there is nothing to do by a day."""
    return item.task_id if item.due_at is not None else None
