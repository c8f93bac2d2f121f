"""Which days are worked: the national calendar where it is known, a bureau's own years and days, weekends otherwise.

A year that neither the library nor the bureau knows is *provisional*: only its weekends are free, and every answer
that rests on it says so. The year is never guessed and never refused (catalogue, real practice, "Calendar").
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Annotated, Literal, NamedTuple, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import chinese_calendar as library
from pydantic import AfterValidator, Field, model_validator

from services.process.definitions import Definition, Span

LIBRARY_YEARS = frozenset(date.year for date, name in library.holidays.items() if name == "National Day")
"""Years whose notice the library has. A few days of a year, as a neighbour's notice names them, do not make it known."""

LIBRARY_VERSION = f"chinesecalendar-{library.__version__}"
ONE_DAY = dt.timedelta(days=1)
SATURDAY = 5

DayKind = Literal["holiday", "workday"]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone; write for example Asia/Shanghai") from error
    return name


class YearDay(Definition):
    """One line of a year's notice: a day off, or a weekend day that is worked."""

    date: dt.date
    kind: DayKind
    name: str = Field(min_length=1, max_length=100)


class OwnDay(YearDay):
    """One day that the bureau sets itself, with the document that says so; it wins over every year."""

    document: str = Field(min_length=1, max_length=200)


DayT = TypeVar("DayT", bound=YearDay)


def _in_order(days: tuple[DayT, ...]) -> tuple[DayT, ...]:
    dates = [day.date for day in days]
    twice = sorted({str(date) for date in dates if dates.count(date) > 1})
    if twice:
        raise ValueError(f"a day stands once only; {', '.join(twice)} stands twice")
    return tuple(sorted(days, key=lambda day: day.date))


class OwnYear(Definition):
    """A whole year as its notice announces it; it replaces what the library says of that year.

    A notice may reach over New Year's Eve (the one for 2012 made 2011-12-31 a workday), so days of the neighbouring
    years are accepted and change only themselves. A year without any day is refused: it would be a silent guess.
    """

    year: int = Field(ge=1990, le=2199)
    document: str = Field(min_length=1, max_length=200)
    days: Annotated[tuple[YearDay, ...], Field(min_length=1), AfterValidator(_in_order)]

    @model_validator(mode="after")
    def _days_belong(self) -> OwnYear:
        far = [str(day.date) for day in self.days if abs(day.date.year - self.year) > 1]
        if far:
            raise ValueError(f"{', '.join(far)} does not belong to the notice for {self.year}")
        if all(day.date.year != self.year for day in self.days):
            raise ValueError(f"no day of {self.year} stands in the notice for {self.year}")
        return self


def _years_in_order(years: tuple[OwnYear, ...]) -> tuple[OwnYear, ...]:
    numbers = [year.year for year in years]
    twice = sorted({str(number) for number in numbers if numbers.count(number) > 1})
    if twice:
        raise ValueError(f"a year stands once only; {', '.join(twice)} stands twice")
    return tuple(sorted(years, key=lambda year: year.year))


class CalendarData(Definition):
    """A calendar as it is stored and as a pack's `calendars/` files write it: zone, own years, own days."""

    zone: Annotated[str, AfterValidator(_known_zone)] = "Asia/Shanghai"
    years: Annotated[tuple[OwnYear, ...], AfterValidator(_years_in_order)] = ()
    days: Annotated[tuple[OwnDay, ...], AfterValidator(_in_order)] = ()

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of the content in canonical JSON; the order in which days were written does not matter."""
        text = json.dumps(self.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


class Day(NamedTuple):
    """What is known of one day. `name` and `document` are None for an ordinary day; `document` also for the library's."""

    date: dt.date
    workday: bool
    name: str | None
    document: str | None
    provisional: bool


@dataclass(frozen=True)
class WorkCalendar:
    """A bureau's workdays and zone. Values: two calendars are equal when their versions are.

    Args:
        data: the bureau's own years and days, and its zone.
        label: a name for people, put in front of the version (for example the row's number).
    """

    data: CalendarData = field(default_factory=CalendarData, compare=False)
    label: str = field(default="", compare=False)
    version: str = field(init=False)

    def __post_init__(self) -> None:
        """Name the version by content, the library's too: a new library means other dates, hence a new version."""
        label = f"{self.label}@" if self.label else ""
        object.__setattr__(self, "version", f"{label}{self.data.digest[:16]}+{LIBRARY_VERSION}")

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.data.zone)

    @cached_property
    def _own_years(self) -> frozenset[int]:
        return frozenset(year.year for year in self.data.years)

    @cached_property
    def _own_days(self) -> dict[dt.date, OwnDay]:
        """Later notices win over earlier ones, single days over notices."""
        of_years = (
            OwnDay(date=day.date, kind=day.kind, name=day.name, document=year.document)
            for year in self.data.years
            for day in year.days
        )
        return {day.date: day for day in (*of_years, *self.data.days)}

    def is_known(self, year: int) -> bool:
        """Return whether the year's holidays are known, by the bureau's import or by the library."""
        return year in self._own_years or year in LIBRARY_YEARS

    def day(self, date: dt.date) -> Day:
        """Return what is known of `date`.

        Raises:
            TypeError: for a datetime, which would silently be found in no calendar.
        """
        if isinstance(date, dt.datetime):
            raise TypeError("a calendar is asked for a date, not for an instant")
        if own := self._own_days.get(date):
            return Day(date, own.kind == "workday", own.name, own.document, provisional=False)
        weekday = date.weekday() < SATURDAY
        if date.year not in LIBRARY_YEARS or date.year in self._own_years:
            return Day(date, weekday, None, None, provisional=date.year not in self._own_years)
        if worked := library.workdays.get(date):
            return Day(date, True, worked, None, provisional=False)
        holiday = library.holidays.get(date)
        return Day(date, weekday and holiday is None, holiday, None, provisional=False)

    def is_workday(self, date: dt.date) -> bool:
        return self.day(date).workday

    def provisional_years(self, start: dt.date, end: dt.date) -> tuple[int, ...]:
        """Return the years touched by `start`…`end`, both included, whose holidays are not known."""
        return tuple(year for year in range(start.year, end.year + 1) if not self.is_known(year))

    def days_after(self, date: dt.date) -> Iterator[Day]:
        """Yield every day after `date`, which is itself not among them."""
        return (self.day(date + n * ONE_DAY) for n in count(1))

    def add_workdays(self, date: dt.date, n: int) -> dt.date:
        """Return the n-th workday after `date`, which is not counted (QD programme: periods in workdays).

        With n = 0 it is `date` itself, a workday or not.
        """
        return self._step(date, n, direction=ONE_DAY)

    def workdays_before(self, date: dt.date, n: int) -> dt.date:
        """Return the n-th workday before `date`, which is not counted; with n = 0 it is `date` itself."""
        return self._step(date, n, direction=-ONE_DAY)

    def _step(self, date: dt.date, n: int, *, direction: dt.timedelta) -> dt.date:
        if n < 0:
            raise ValueError(f"a number of workdays is not negative; got {n}")
        for _ in range(n):
            date += direction
            while not self.is_workday(date):
                date += direction
        return date

    def last_workday_on_or_before(self, date: dt.date) -> dt.date:
        return date if self.is_workday(date) else self.workdays_before(date, 1)

    def first_workday_on_or_after(self, date: dt.date) -> dt.date:
        return date if self.is_workday(date) else self.add_workdays(date, 1)

    def workdays_between(self, start: dt.date, end: dt.date) -> int:
        """Return how many workdays lie after `start` up to and with `end`; negative where `end` is the earlier one."""
        if end < start:
            return -self.workdays_between(end, start)
        return sum(self.is_workday(start + n * ONE_DAY) for n in range(1, (end - start).days + 1))

    def add(self, date: dt.date, span: Span) -> dt.date:
        """Return `date` plus `span`, in calendar days or workdays, the first day not counted."""
        return self.add_workdays(date, span.n) if span.unit == "wd" else date + span.n * ONE_DAY

    def subtract(self, date: dt.date, span: Span) -> dt.date:
        """Return `date` minus `span`, in calendar days or workdays."""
        return self.workdays_before(date, span.n) if span.unit == "wd" else date - span.n * ONE_DAY

    def local_day(self, instant: dt.datetime) -> dt.date:
        """Return the day that it is in the calendar's zone at the aware `instant`."""
        if instant.tzinfo is None:
            raise ValueError("an instant has a zone; this one is naive")
        return instant.astimezone(self.zone).date()

    def instant(self, date: dt.date, at: dt.time) -> dt.datetime:
        """Return the UTC instant of local time `at` on `date`.

        A time that the change to summer time skips becomes the same distance after the gap (late, never early); of a
        time that comes twice it is the first.
        """
        return dt.datetime.combine(date, at, self.zone).astimezone(dt.UTC)

    def start_of(self, date: dt.date) -> dt.datetime:
        """Return the UTC instant at which the local day begins."""
        return self.instant(date, dt.time.min)

    def end_of(self, date: dt.date) -> dt.datetime:
        """Return the UTC instant at which the local day has ended (24:00); the instant itself is no longer in the day."""
        return self.start_of(date + ONE_DAY)
