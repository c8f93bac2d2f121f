"""The times at which somebody is reminded or told: series that carry only their next time.

A series is a rule and holds no date of its own, so it gives the right times again when a calendar is imported or a
deadline moves: ask `next_time` with the new term and calendar. A move may also make a warning appear or vanish;
therefore a deadline that moved is planned anew with `plan_series`, its alarms replaced.
"""

from __future__ import annotations

import datetime as dt
import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import takewhile
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, TypeAdapter

from services.process.calendar import WorkCalendar
from services.process.deadlines import Term, last_workday_warning
from services.process.definitions import Acted, ClockTime, Definition, Length, Rung

DEFAULT_AT = dt.time(9)
"""When people are told where a stage names no time of day."""

ASSIGNEE = "assignee"
"""Recipient: whoever the task waits for, at the time when the alarm fires."""

AlarmKind = Literal["remind", "warn", "overdue", "escalate", "close"]


class RemindSeries(Definition):
    """Reminders before the due day. On the day of the warning there is none: the warning says the same and more."""

    series: Literal["remind"] = "remind"
    before: tuple[Length, ...] = Field(min_length=1)
    at: ClockTime


class WarningSeries(Definition):
    """One warning on the last workday before a due day that is no workday; nothing where the due day is worked."""

    series: Literal["warning"] = "warning"
    at: ClockTime


class LadderSeries(Definition):
    """One rung of the overdue ladder: first `after` the due day, then `every` so long (once, where that is zero)."""

    series: Literal["ladder"] = "ladder"
    rung: int = Field(ge=1)
    after: Length
    every: Length
    until: Literal["close", "done"]
    at: ClockTime


class CloseSeries(Definition):
    """Once, at the hard close."""

    series: Literal["close"] = "close"


Series = Annotated[RemindSeries | WarningSeries | LadderSeries | CloseSeries, Field(discriminator="series")]
_SERIES: TypeAdapter[RemindSeries | WarningSeries | LadderSeries | CloseSeries] = TypeAdapter(Series)


class PlannedAlarm(NamedTuple):
    """An alarm to arm: its series, whom it tells (an actor of the definition, or ASSIGNEE), its kind and first time."""

    series: RemindSeries | WarningSeries | LadderSeries | CloseSeries
    recipient: str
    kind: AlarmKind
    first_at: dt.datetime


@lru_cache(maxsize=4096)
def dump_series(series: Series) -> Mapping[str, Any]:
    """Return the series as JSON, as an alarm's row keeps it; made once per series, so do not change it."""
    return series.model_dump(mode="json")


def load_series(data: str | Mapping[str, Any]) -> Series:
    """Read what `dump_series` gave, as text or decoded. Equal texts give the same object, which makes a sweep cheap."""
    return _load(data if isinstance(data, str) else json.dumps(data))


@lru_cache(maxsize=4096)
def _load(text: str) -> Series:
    return _SERIES.validate_json(text)


def plan_series(stage: Acted, due: Term, *, opened_at: dt.datetime, calendar: WorkCalendar) -> list[PlannedAlarm]:
    """Return the alarms of a visit, each with its first time after `opened_at`; series that have none are left out.

    So reminders whose offset lies before the opening are skipped. The assignee is reminded, warned and told of the
    close; the rungs tell whom they name: the first `overdue`, each further one `escalate`.
    """
    firsts = ((entry, next_time(entry[0], due, calendar, opened_at)) for entry in _wanted(stage))
    return [PlannedAlarm(*entry, first) for entry, first in firsts if first is not None]


@lru_cache(maxsize=1024)
def _wanted(stage: Acted) -> tuple[tuple[Series, str, AlarmKind], ...]:
    """Return every series that the stage asks for, with recipient and kind."""
    at = stage.remind.at if stage.remind else DEFAULT_AT
    wanted: list[tuple[Series, str, AlarmKind]] = [(WarningSeries(at=at), ASSIGNEE, "warn")]
    if stage.remind:
        wanted.append((RemindSeries(before=stage.remind.before, at=at), ASSIGNEE, "remind"))
    for n, rung in enumerate(stage.overdue, start=1):
        wanted += [(_ladder(rung, n, at=at), actor, "overdue" if n == 1 else "escalate") for actor in rung.tell]
    wanted.append((CloseSeries(), ASSIGNEE, "close"))
    return tuple(wanted)


def _ladder(rung: Rung, n: int, *, at: dt.time) -> LadderSeries:
    return LadderSeries(rung=n, after=rung.after, every=rung.every, until=rung.until, at=at)


def next_time(series: Series, due: Term, calendar: WorkCalendar, after: dt.datetime) -> dt.datetime | None:
    """Return the first time of the series strictly after `after` (aware), UTC; None where there is none left."""
    times = _times(series, due.due_on, due.close_at, calendar, _horizon(due, after))
    place = bisect_right(times, after)
    if place < len(times):
        return times[place]
    if not _is_endless(series, due.close_at):
        return None
    return next(time for time in _generate(series, due.due_on, due.close_at, calendar) if time > after)


def missed(
    series: Series, due: Term, calendar: WorkCalendar, frm: dt.datetime, to: dt.datetime
) -> tuple[dt.datetime, ...]:
    """Return the times of the series in (frm, to], in order.

    A sweep that finds an alarm due at `next_at` tells once for `next_at` and all that this returns from `next_at` to
    now: at the instant of the latest, knowing how many.
    """
    times = _times(series, due.due_on, due.close_at, calendar, _horizon(due, to))
    return times[bisect_right(times, frm) : bisect_right(times, to)]


def all_times(series: Series, due: Term, calendar: WorkCalendar, until: dt.datetime) -> Iterator[dt.datetime]:
    """Yield every time of the series up to and with `until`, in order."""
    return takewhile(lambda time: time <= until, _generate(series, due.due_on, due.close_at, calendar))


def _horizon(due: Term, asked: dt.datetime) -> int:
    """Return the year up to which times are worked out: past everything that ends, and past what was asked."""
    return max(asked.year, due.due_on.year, due.close_at.year if due.close_at else 0) + 1


@lru_cache(maxsize=8192)
def _times(
    series: Series, due_on: dt.date, close_at: dt.datetime | None, calendar: WorkCalendar, horizon: int
) -> tuple[dt.datetime, ...]:
    """Return all times of the series, an endless one's up to the end of year `horizon`.

    Cached: 100,000 alarms of a sweep share a few series and due days.
    """
    times = _generate(series, due_on, close_at, calendar)
    return tuple(takewhile(lambda time: time.year <= horizon, times))


def _is_endless(series: Series, close_at: dt.datetime | None) -> bool:
    if not isinstance(series, LadderSeries) or series.every.n == 0:
        return False
    return series.until == "done" or close_at is None


def _generate(
    series: Series, due_on: dt.date, close_at: dt.datetime | None, calendar: WorkCalendar
) -> Iterator[dt.datetime]:
    match series:
        case RemindSeries():
            yield from _reminders(series, due_on, calendar)
        case WarningSeries():
            if (day := last_workday_warning(due_on, calendar)) is not None:
                yield calendar.instant(day, series.at)
        case LadderSeries():
            end = close_at if series.until == "close" else None
            times = (calendar.instant(day, series.at) for day in _rung_days(series, due_on, calendar))
            yield from times if end is None else takewhile(lambda time: time <= end, times)
        case CloseSeries():
            if close_at is not None:
                yield close_at


def _reminders(series: RemindSeries, due_on: dt.date, calendar: WorkCalendar) -> Iterator[dt.datetime]:
    warned = last_workday_warning(due_on, calendar)
    days = {calendar.subtract(due_on, span) for span in series.before} - {warned}
    return (calendar.instant(day, series.at) for day in sorted(day for day in days if day is not None))


def _rung_days(series: LadderSeries, due_on: dt.date, calendar: WorkCalendar) -> Iterator[dt.date]:
    """Yield the rung's days; the due day itself is never one, for it has not ended when people are told."""
    day = calendar.add(due_on, series.after)
    if day > due_on:
        yield day
    while series.every.n:
        day = calendar.add(day, series.every)
        yield day
