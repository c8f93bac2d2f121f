"""When a stage in which nobody acts may go on: the end of a notice's period, and what a wait stage waits for."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from services.process.calendar import WorkCalendar
from services.process.deadlines import read_season_date
from services.process.definitions import PublishStage, WaitStage


@dataclass(frozen=True)
class SeasonTimes:
    """What a wait may be counted from: the season's key, and the instants at which it opens and is due (aware, UTC)."""

    key: str
    opens_at: dt.datetime
    due_at: dt.datetime


def ready_at(
    stage: PublishStage | WaitStage, opened_at: dt.datetime, season: SeasonTimes, calendar: WorkCalendar
) -> dt.datetime | None:
    """Return from when the clock lets a visit go on; None where it waits for another case.

    A notice's period does not count the day of posting, and a last day on a day off moves to the next workday (Civil
    Code, 201 and 203). A wait for a day ends as that day begins; one for the season's due date when that date has ended.
    """
    day = calendar.local_day(opened_at)
    if isinstance(stage, PublishStage):
        return calendar.end_of(calendar.first_workday_on_or_after(calendar.add(day, stage.period)))
    until = stage.until
    if until.after is not None:
        return calendar.end_of(calendar.add(day, until.after))
    if until.date is None:
        return None
    if until.date == "season.opens":
        return season.opens_at
    if until.date == "season.due":
        return season.due_at
    return calendar.start_of(read_season_date(until.date, season.key))
