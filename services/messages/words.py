"""An item's facts in one language: what the mail templates say."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.i18n import N_, language, translate
from services.messages.dates import day_text, distance_text, end_text, ends_on, moment_text, reason_texts
from services.messages.facts import Item
from services.messages.kinds import SAYS_BY, SAYS_REASON

LABELS = {
    "transferred": N_("Note:"),
    "delegated": N_("Question:"),
    "answered": N_("Answer:"),
    "signer-added": N_("Note:"),
    "extension-granted": N_("Note:"),
    "resumed": N_("Note:"),
    "objected": N_("Objection:"),
}
"""What the words are with which something was done; elsewhere they are its reason."""
SAYS_WORDS = frozenset({"copied", "asked", "question-answered", "urged", "priority-given"})
ASKS_TO_DECIDE = frozenset({"task-opened", "transferred", "signer-added", "put-back", "urged", "remind", "warn"})
"""Told to whoever may decide on the task: of an approval, these lead to the page that asks for it."""
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
class SaidStanding:
    """Who stands in for whom. is_substitute: the reader is who stands in. processes: one line; "" for all."""

    is_substitute: bool
    person: str
    substitute: str
    first: str
    last: str
    processes: str


@dataclass(frozen=True)
class Said:
    """One notification in the reader's language; every value is plain text without surprises.

    decides: the task asks for an opinion on what others submitted. mine: it is with the reader by name. has_task: there is a
    task to act on by now. label: what `reason` is. by: who did it, in which position and for whom. to: the stage that a case
    was set into. upheld: an objection was. missing: who has left with the task. approve: where a page asks whether it is
    approved; "" where there is nothing to approve.
    """

    kind: str
    bureau: str
    process: str
    season: str
    group: str
    case: str
    stage: str
    decides: bool
    mine: bool
    has_task: bool
    position: str
    due: Due | None
    link: str
    approve: str
    number: str
    label: str
    reason: str
    words: str
    by: str
    to: str
    upheld: bool
    missing: str
    until: str
    was: str
    missed: int
    groups: tuple[str, ...]
    figures: Mapping[str, str]
    standing: SaidStanding | None


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
        stage=_stage(item, context.get("stage") or row["task_stage"] or row["case_stage"], locale),
        decides=row["task_kind"] not in (None, "submit"),
        mine=bool(row["mine"]),
        has_task=item.task_id is not None,
        position=_at_unit(row, "position", "unit", locale=locale),
        due=_due(item, locale, now),
        link=public_url.rstrip("/") + item.path,
        approve=_approve(item, public_url),
        number=str(context.get("number") or row["number"] or ""),
        label=translate(locale, LABELS.get(item.kind, N_("Reason:"))),
        reason=printable(str(context.get("reason", ""))) if item.kind in SAYS_REASON else "",
        words=printable(str(context.get("reason", ""))) if item.kind in SAYS_WORDS else "",
        by=printable(row["by_name"] or "") or (_by(row, locale) if item.kind in SAYS_BY else ""),
        to=_stage(item, row["to_stage"], locale),
        upheld=bool(row["upheld"]),
        missing=one_line(row["missing"] or ""),
        until=_instant(context.get("until"), item, locale),
        was=_instant(context.get("was"), item, locale),
        missed=int(context.get("missed", 1)) if isinstance(context.get("missed", 1), int) else 1,
        groups=tuple(_groups(context.get("missing"), locale)),
        figures={name: one_line(str(value)) for name, value in context.items() if isinstance(value, int | str)},
        standing=_standing(item, locale),
    )


def _approve(item: Item, public_url: str) -> str:
    if item.kind not in ASKS_TO_DECIDE or item.task_id is None or item.row["task_kind"] != "approve":
        return ""
    return f"{public_url.rstrip('/')}/tasks/{item.task_id}/confirm?act=approve"


def _standing(item: Item, locale: str) -> SaidStanding | None:
    about = item.standing
    if about is None:
        return None
    titles = [printable(title.in_(locale)) for title in about.processes]
    return SaidStanding(
        is_substitute=item.row["person_id"] == about.substitute_id,
        person=printable(about.person),
        substitute=printable(about.substitute),
        first=day_text(about.starts_on, locale),
        last=day_text(about.ends_on, locale),
        processes=("、" if language(locale) == "zh" else ", ").join(titles),
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


def _by(row: Mapping[str, Any], locale: str) -> str:
    """Return who did it: `Li Na (Basic education office: Clerk) on behalf of Wang Min`; of a paper also who entered it."""
    position = _at_unit(row, "by", "by_unit", locale=locale)
    by = one_line(row["who"] or "") or position
    if row["who"] and position:
        by = translate(locale, "{name} ({position})", name=by, position=position)
    if row["behalf"]:
        by = translate(locale, "{name} on behalf of {other}", name=by, other=one_line(row["behalf"]))
    if row["entered"]:
        by = translate(locale, "{name}, on paper; entered by {other}", name=by, other=one_line(row["entered"]))
    return by


def _stage(item: Item, code: str | None, locale: str) -> str:
    """Return the stage's title; its code where the case's rules do not know it any more."""
    if not code or item.definition is None:
        return ""
    place = item.definition.places.get(code)
    title = place.stage.title if place is not None else None
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
