"""Days and times as a mail says them: with the weekday, the distance, and a day's end as 24:00 of that day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time

from services.i18n import BABEL_LOCALES, language, ntranslate, translate, translator
from services.process.reasons import REASONS

MOMENT = dt.timedelta(microseconds=1)
DAY_FORMATS = {"zh": "y年M月d日 EEE", "en": "EEEE d MMMM y"}
SHORT_FORMATS = {"zh": "M月d日 EEE", "en": "EEE d MMMM"}


@lru_cache(maxsize=2048)
def day_text(day: dt.date, locale: str) -> str:
    """Return the day with its weekday and year."""
    name = language(locale)
    return format_date(day, DAY_FORMATS[name], locale=BABEL_LOCALES[name])


@lru_cache(maxsize=2048)
def short_day_text(day: dt.date, locale: str) -> str:
    """Return the day with its weekday, without the year."""
    name = language(locale)
    return format_date(day, SHORT_FORMATS[name], locale=BABEL_LOCALES[name])


def ends_on(instant: dt.datetime, zone: ZoneInfo) -> dt.date:
    """Return the last day before the exclusive end `instant`: for midnight the day that it ends."""
    return (instant - MOMENT).astimezone(zone).date()


def end_text(instant: dt.datetime, zone: ZoneInfo, locale: str) -> str:
    """Return a term's end: `Sunday 31 January 2027, 24:00` for the midnight that ends the 31st."""
    local = instant.astimezone(zone)
    if local.time() == dt.time.min:
        return f"{day_text(ends_on(instant, zone), locale)} 24:00"
    return moment_text(instant, zone, locale)


def moment_text(instant: dt.datetime, zone: ZoneInfo, locale: str) -> str:
    """Return an instant as local day and time."""
    local = instant.astimezone(zone)
    clock = format_time(local.time(), "HH:mm", locale=BABEL_LOCALES[language(locale)])
    return f"{day_text(local.date(), locale)} {clock}"


def distance_text(day: dt.date, today: dt.date, locale: str) -> str:
    """Return how far `day` is from `today`: in 9 days, tomorrow, today, 3 days ago."""
    days = (day - today).days
    if days == 0:
        return translate(locale, "today")
    if days == 1:
        return translate(locale, "tomorrow")
    if days > 1:
        return ntranslate(locale, "in {n} day", "in {n} days", days)
    return ntranslate(locale, "{n} day ago", "{n} days ago", -days)


def reason_texts(explained: Mapping[str, Any], locale: str) -> list[str]:
    """Return why a due date is the day that it is, one sentence per step (`DueDate.explained`)."""
    steps: Sequence[Mapping[str, Any]] = explained.get("reasons", ())
    return [_reason(step["code"], step["values"], locale) for step in steps if step["code"] in REASONS]


def _reason(code: str, values: Mapping[str, Any], locale: str) -> str:
    return translate(locale, REASONS[code], **{name: _value(name, value, locale) for name, value in values.items()})


def _value(name: str, value: Any, locale: str) -> Any:
    if name == "date" or name.endswith("_date"):
        return short_day_text(dt.date.fromisoformat(value), locale)
    if name in {"weekday", "name"}:
        return translator(locale).gettext(str(value))
    return value
