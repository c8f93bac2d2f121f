"""How days and moments are said: weekday, distance, and why a day is the day. Pure but for the translations."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date

from services.i18n import BABEL_LOCALES, N_, ntranslate, translate
from services.messages.dates import reason_texts
from services.process.lights import Light, light
from services.workflow.queue import NEAR_DAYS

_PATTERNS = {"zh": ("M月d日 EEE", "y年M月d日 EEE"), "en": ("EEE d MMM", "EEE d MMM y")}
_INSTANT = dt.timedelta(microseconds=1)


class Dates:
    """What templates call; one per language."""

    def __init__(self, locale: str) -> None:
        self.locale = locale

    def day(self, day: dt.date, today: dt.date | None = None) -> str:
        """Return `1月31日 周日`; with the year where it is not this year's."""
        short, long = _PATTERNS[self.locale]
        pattern = short if today is not None and day.year == today.year else long
        return _day_text(day, pattern, BABEL_LOCALES[self.locale])

    def distance(self, day: dt.date, today: dt.date) -> str:
        """Return how far off a day is: `还有 9 天`, `今天`, `已过 3 天`."""
        days = (day - today).days
        near = {0: N_("today"), 1: N_("tomorrow"), -1: N_("yesterday")}
        if days in near:
            return translate(self.locale, near[days])
        if days > 0:
            return ntranslate(self.locale, "{n} day left", "{n} days left", days)
        return ntranslate(self.locale, "{n} day ago", "{n} days ago", -days)

    def due(self, due_at: dt.datetime, now: dt.datetime, zone: str) -> str:
        """Return the due day with its weekday and distance; `due_at` is the instant at which it has ended."""
        day, today = last_day(due_at, zone), local(now, zone).date()
        return f"{self.day(day, today)} · {self.distance(day, today)}"

    def due_day(self, due_at: dt.datetime, now: dt.datetime, zone: str) -> str:
        """Return the due day with its weekday alone."""
        return self.day(last_day(due_at, zone), local(now, zone).date())

    def moment(self, at: dt.datetime, now: dt.datetime, zone: str) -> str:
        """Return a day and a time of day: `1月22日 周五 09:31`."""
        there = local(at, zone)
        return f"{self.day(there.date(), local(now, zone).date())} {there:%H:%M}"

    def clock(self, at: dt.datetime, zone: str) -> str:
        """Return the time of day alone."""
        return f"{local(at, zone):%H:%M}"

    def last_day(self, due_at: dt.datetime, zone: str) -> dt.date:
        """Return the day that ends at `due_at`."""
        return last_day(due_at, zone)

    def day_of(self, at: dt.datetime, zone: str) -> str:
        """Return the day on which an instant falls."""
        return self.day(local(at, zone).date())

    def tomorrow(self, now: dt.datetime, zone: str) -> dt.date:
        """Return the day after today."""
        return local(now, zone).date() + dt.timedelta(days=1)

    def may_put_off(self, due_at: dt.datetime | None, now: dt.datetime, zone: str) -> bool:
        """Tell whether there is a day after today on which a task could be shown again before it is due."""
        return due_at is None or last_day(due_at, zone) >= self.tomorrow(now, zone)

    def light(self, due_at: dt.datetime | None, closed_at: dt.datetime | None, now: dt.datetime) -> Light:
        """Return the light of a task; see services.process.lights."""
        return light(due_at, closed_at, now, near_days=NEAR_DAYS)

    def explain(self, explained: Mapping[str, Any]) -> list[str]:
        """Return why a date is the date, step by step, from what its deadline keeps."""
        return reason_texts(explained, self.locale)


@lru_cache(maxsize=4096)
def _day_text(day: dt.date, pattern: str, locale: str) -> str:
    """Return the day in words. Finding the locale by its name costs more than the whole rest of a page with thirty days."""
    return format_date(day, pattern, locale=_locale(locale))


@cache
def _locale(name: str) -> Locale:
    return Locale.parse(name)


def local(at: dt.datetime, zone: str) -> dt.datetime:
    """Return an instant in a bureau's zone."""
    return at.astimezone(ZoneInfo(zone))


def last_day(due_at: dt.datetime, zone: str) -> dt.date:
    """Return the day that ends at `due_at`."""
    return local(due_at - _INSTANT, zone).date()


def end_of(typed: str, zone: str) -> dt.datetime | None:
    """Return the instant at which a typed day ends, or None where it is no day that anybody means."""
    try:
        day = dt.date.fromisoformat(typed)
    except ValueError:
        return None
    if day.year < 2000 or day.year > 2200:  # noqa: PLR2004 - what nobody means
        return None
    return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), ZoneInfo(zone))
