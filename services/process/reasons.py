"""Why a date is the date: machine-readable steps, worded elsewhere.

A reason's values are JSON. A value under `date` or under a name that ends in `_date` is an ISO date; `weekday` and
`name` are gettext ids (`name` may also be a bureau's own text, which stays as it is); the rest stands as written.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.i18n import N_
from services.process.calendar import Day, WorkCalendar
from services.process.definitions import Span
from services.process.words import WEEKDAYS

REASONS: Mapping[str, str] = {
    "season-due": N_("The season is due on {date}."),
    "opened": N_("The task was opened on {date}."),
    "returned": N_("The submission was returned on {date}."),
    "workdays": N_("Workdays counted from {from_date}, that day not included: {n}. They end on {date}."),
    "days": N_("Days counted from {from_date}, that day not included: {n}. They end on {date}."),
    "later-of": N_("The later of {from_date} and {date} counts: {date}."),
    "holiday-between": N_("{name}, {from_date} to {to_date}, is free and not counted."),
    "workday-between": N_("{date}, a {weekday}, is worked ({name}) and counted."),
    "stays": N_("{date} is a {weekday} and no workday; this programme does not move it."),
    "stays-holiday": N_("{date} is a {weekday} and free ({name}); this programme does not move it."),
    "rolled": N_("{from_date} is a {weekday} and no workday, so the next workday counts: {date}."),
    "rolled-holiday": N_("{from_date} is a {weekday} and free ({name}), so the next workday counts: {date}."),
    "extended": N_("Extended from {from_date} to {date}, granted by {by}: {why}"),
    "close-workdays": N_("Late submissions are accepted until {date} (workdays after the due date: {n})."),
    "close-days": N_("Late submissions are accepted until {date} (days after the due date: {n})."),
    "close-extended": N_("A late submission is accepted until {date}, granted by {by}: {why}"),
    "resumed": N_("The case stood still for some workdays ({n}), which are added: {date}."),
    "ends": N_("The day ends at 24:00 local time ({zone})."),
    "provisional": N_("The holidays of {year} are not known yet. Until they are, only its weekends count as free."),
}
"""By code, the sentence for a person: a gettext id with named places."""


@dataclass(frozen=True)
class Reason:
    """One step of an explanation: a code of REASONS and the values of its places."""

    code: str
    values: Mapping[str, str | int] = field(default_factory=dict, hash=False)


def reason(code: str, **values: str | int | dt.date) -> Reason:
    """Return the reason, its dates written as ISO dates."""
    plain = {key: value.isoformat() if isinstance(value, dt.date) else value for key, value in values.items()}
    return Reason(code, plain)


def weekday(date: dt.date) -> str:
    """Return the gettext id of the day's name."""
    return WEEKDAYS[date.weekday()]


def counted(calendar: WorkCalendar, start: dt.date, span: Span, *, end: dt.date) -> list[Reason]:
    """Explain that `end` is `span` after `start`, with the holidays and make-up workdays that lie between."""
    if span.unit == "d":
        return [reason("days", n=span.n, from_date=start, date=end)]
    return [reason("workdays", n=span.n, from_date=start, date=end), *_named_between(calendar, start, end=end)]


def _named_between(calendar: WorkCalendar, start: dt.date, *, end: dt.date) -> list[Reason]:
    """Name each run of holidays and each make-up workday after `start` up to `end`."""
    reasons: list[Reason] = []
    run: list[Day] = []
    for offset in range(1, (end - start).days + 1):
        day = calendar.day(start + dt.timedelta(days=offset))
        if run and (day.workday or day.name != run[-1].name):
            reasons.append(_holidays(run))
            run = []
        if day.name is None:
            continue
        if day.workday:
            reasons.append(reason("workday-between", date=day.date, weekday=weekday(day.date), name=day.name))
        else:
            run.append(day)
    return [*reasons, _holidays(run)] if run else reasons


def _holidays(run: list[Day]) -> Reason:
    return reason("holiday-between", name=run[0].name or "", from_date=run[0].date, to_date=run[-1].date)
