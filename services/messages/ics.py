"""Calendar entries for what is due: one event per task, replaced in the reader's calendar when it comes again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from icalendar import Calendar, Event

from services.i18n import translate
from services.messages.dates import ends_on
from services.messages.facts import Item
from services.messages.keys import calendar_uid
from services.messages.kinds import WITH_CALENDAR
from services.messages.words import Said, one_line


def calendar_file(
    entries: Sequence[tuple[Item, Said]], locale: str, *, now: dt.datetime, public_url: str
) -> bytes | None:
    """Return an iCalendar file with an event for each task that has something to do by a day; None without any.

    A day that ends at local midnight is an all-day event on that day, which shows the same day in every zone; any
    other due time is an instant in the bureau's zone, whose rules come along. The sequence number grows with every
    change of the deadline, so that an older mail opened later does not bring the old day back.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Guantong//Deadlines//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    told: set[object] = set()
    for item, said in entries:
        if item.kind in WITH_CALENDAR and item.due_at is not None and item.task_id not in told:
            told.add(item.task_id)
            calendar.add_component(_event(item, said, locale=locale, now=now, public_url=public_url))
    if not told:
        return None
    calendar.add_missing_timezones()
    content: bytes = calendar.to_ical()
    return content


def _event(item: Item, said: Said, *, locale: str, now: dt.datetime, public_url: str) -> Event:
    assert item.task_id is not None
    assert item.due_at is not None
    event = Event()
    event.add("uid", calendar_uid(item.task_id, public_url))
    event.add("sequence", int(item.row["changes"]))
    event.add("dtstamp", now.astimezone(dt.UTC))
    event.add("summary", one_line(f"{said.stage} · {said.case}"))
    event.add("description", "\n".join(_lines(said, locale)))
    event.add("url", said.link)
    event.add("transp", "TRANSPARENT")
    event.add("status", "CONFIRMED")
    local = item.due_at.astimezone(item.zone)
    if local.time() == dt.time.min:
        day = ends_on(item.due_at, item.zone)
        event.add("dtstart", day)
        event.add("dtend", day + dt.timedelta(days=1))
    else:
        event.add("dtstart", local - dt.timedelta(minutes=30))
        event.add("dtend", local)
    return event


def _lines(said: Said, locale: str) -> list[str]:
    due = said.due
    if due is None:
        return [said.link]
    late = [f"{translate(locale, 'Late submissions until:')} {due.close}"] if due.close else []
    return [said.bureau, f"{translate(locale, 'Due:')} {due.end}", *late, said.link]
