"""When something is due and when it closes, and why: pure, in the calendar's zone, ending at local midnight."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from services.errors import SeasonDateError
from services.process.calendar import WorkCalendar
from services.process.definitions import Close, Due, Judging, SeasonRule, SubmitStage
from services.process.reasons import Reason, counted, reason, weekday


@dataclass(frozen=True)
class Term:
    """What alarms need of a deadline: its days and the instants at which those days have ended (aware, UTC).

    Both instants are exclusive: what comes at `due_at` is late, what comes at `close_at` is too late.
    """

    due_on: dt.date
    due_at: dt.datetime
    close_on: dt.date | None
    close_at: dt.datetime | None

    @classmethod
    def ending(cls, due_at: dt.datetime, close_at: dt.datetime | None, calendar: WorkCalendar) -> Term:
        """Return the term whose days end at these instants, as a deadline's row stores them."""
        moment = dt.timedelta(microseconds=1)
        close_on = calendar.local_day(close_at - moment) if close_at else None
        return cls(calendar.local_day(due_at - moment), due_at, close_on, close_at)


@dataclass(frozen=True)
class Override:
    """What a named person granted one subject: a later due date (extension), a later close (late exception), or both.

    It never shortens: where the computed date is later, that one counts.
    """

    by: str
    why: str
    due_on: dt.date | None = None
    close_on: dt.date | None = None

    def to_json(self) -> dict[str, str | None]:
        days = {"due_on": self.due_on, "close_on": self.close_on}
        return {"by": self.by, "why": self.why, **{key: day.isoformat() if day else None for key, day in days.items()}}

    @classmethod
    def from_json(cls, data: Mapping[str, str | None]) -> Override:
        """Read what `to_json` wrote, as it stands under `override` in an explained deadline."""
        due_on, close_on = (
            dt.date.fromisoformat(day) if (day := data[key]) else None for key in ("due_on", "close_on")
        )
        return cls(by=data["by"] or "", why=data["why"] or "", due_on=due_on, close_on=close_on)


@dataclass(frozen=True)
class DueDate(Term):
    """A deadline that can explain itself.

    rule: as the pack writes it. base: what it was counted from (the season's date, or the instant of opening).
    raw: the date before the programme's roll and before any extension. calendar_version: of the calendar used.
    provisional: whether a year whose holidays are unknown was touched. reasons: the steps, in order.
    override: what was granted; to be handed in again when the date is recomputed.
    """

    rule: str
    base: dt.date | dt.datetime
    raw: dt.date
    calendar_version: str
    provisional: bool
    reasons: tuple[Reason, ...]
    override: Override | None = None

    def explained(self) -> dict[str, Any]:
        """Return everything but the two instants as JSON: what a deadline's row keeps to explain itself."""
        return {
            "rule": self.rule,
            "base": self.base.isoformat(),
            "raw": self.raw.isoformat(),
            "due_on": self.due_on.isoformat(),
            "close_on": self.close_on.isoformat() if self.close_on else None,
            "calendar_version": self.calendar_version,
            "provisional": self.provisional,
            "reasons": [{"code": step.code, "values": dict(step.values)} for step in self.reasons],
            "override": self.override.to_json() if self.override else None,
        }


@dataclass(frozen=True)
class SeasonDates:
    """A season's opening and due day, with the instants at which the first begins and the second has ended."""

    opens_on: dt.date
    opens_at: dt.datetime
    due_on: dt.date
    due_at: dt.datetime


def season_dates(rule: SeasonRule, key: str, calendar: WorkCalendar) -> SeasonDates:
    """Return when season `key` of a process opens and is due.

    Args:
        rule: `-1/11-15` is 15 November of the year before, `01-31` 31 January of the season's year.
        key: the season's project year, for example `2027`.
        calendar: for the zone.

    Raises:
        SeasonDateError: the key is no year, a date does not exist, or the season would be due before it opens.
    """
    if re.fullmatch(r"[12]\d{3}", key) is None:
        raise SeasonDateError(key=key, text=key)
    opens, due = read_season_date(rule.opens, key), read_season_date(rule.due, key)
    if due < opens:
        raise SeasonDateError(key=key, text=rule.due)
    return SeasonDates(opens, calendar.start_of(opens), due, calendar.end_of(due))


def read_season_date(text: str, key: str) -> dt.date:
    """Read a season's date; `02-29` means the end of February also in a year that has no such day."""
    month_day = text.removeprefix("-1/")
    year = int(key) - (month_day != text)
    try:
        return dt.date(year, int(month_day[:2]), int(month_day[3:]))
    except ValueError as error:
        if month_day == "02-29":
            return dt.date(year, 2, 28)
        raise SeasonDateError(key=key, text=text) from error


def submit_due(
    stage: SubmitStage,
    *,
    season_due: dt.date,
    opened_at: dt.datetime,
    returned: bool,
    calendar: WorkCalendar,
    rolls: bool = False,
    override: Override | None = None,
) -> DueDate:
    """Return when a visit of a submit stage is due and when it closes (QD-14).

    Args:
        stage: its `due` and `close` are read.
        season_due: the season's date.
        opened_at: when this visit opened (aware).
        returned: whether the visit was opened by a return; it then has at least `due.returned.at_least`, counted from
            the local day of the return, which is not counted, and its close follows its own due date.
        calendar: workdays and zone.
        rolls: the programme's setting: whether a last day that is no workday moves on to the next one.
        override: what was granted to this subject.
    """
    day = calendar.local_day(opened_at)
    rule, raw, reasons = _first_due(stage.due, season_due, day, calendar)
    if returned and stage.due.returned is not None:
        at_least = stage.due.returned.at_least
        mended = calendar.add(day, at_least)
        reasons += [reason("returned", date=day), *counted(calendar, day, at_least, end=mended)]
        reasons += [reason("later-of", from_date=min(raw, mended), date=max(raw, mended))]
        raw, rule = max(raw, mended), f"max({rule}, returned + {at_least})"
    base = opened_at if returned or stage.due.within is not None else season_due
    plan = _Plan(rule=rule, base=base, raw=raw, rolls=rolls, override=override, close=stage.close)
    return _settle(plan, calendar, reasons)


def _first_due(
    due: Due, season_due: dt.date, day: dt.date, calendar: WorkCalendar
) -> tuple[str, dt.date, list[Reason]]:
    """Return the rule, the raw date and its reasons before what a return changes; `day`: of the visit's opening."""
    if due.within is None:
        return "season.due", season_due, [reason("season-due", date=season_due)]
    raw = calendar.add(day, due.within)
    return f"opened + {due.within}", raw, [reason("opened", date=day), *counted(calendar, day, due.within, end=raw)]


def approve_due(
    stage: Judging,
    opened_at: dt.datetime,
    calendar: WorkCalendar,
    *,
    rolls: bool = False,
    override: Override | None = None,
) -> DueDate:
    """Return by when a visit of an approve stage is to be decided: `within` from the local day of its opening.

    That day is not counted. There is no close: an overdue approval stays open (never approval by silence).
    """
    return replace(_approve_due(stage, calendar.local_day(opened_at), calendar, rolls, override), base=opened_at)


@lru_cache(maxsize=4096)
def _approve_due(
    stage: Judging,
    day: dt.date,
    calendar: WorkCalendar,
    rolls: bool,  # noqa: FBT001
    override: Override | None,
) -> DueDate:
    """Return the due date of every visit that opens on this day: on a busy day it is asked for again and again."""
    raw = calendar.add(day, stage.within)
    reasons = [reason("opened", date=day), *counted(calendar, day, stage.within, end=raw)]
    plan = _Plan(rule=f"opened + {stage.within}", base=day, raw=raw, rolls=rolls, override=override, close=None)
    return _settle(plan, calendar, reasons)


@dataclass(frozen=True)
class _Plan:
    """A raw date and what may still happen to it."""

    rule: str
    base: dt.date | dt.datetime
    raw: dt.date
    rolls: bool
    override: Override | None
    close: Close | None


def _settle(plan: _Plan, calendar: WorkCalendar, reasons: list[Reason]) -> DueDate:
    """Roll, extend, close and explain: the steps that every deadline shares, in this order."""
    due_on, steps = _rolled(plan.raw, calendar, rolls=plan.rolls)
    reasons = reasons + steps
    granted = plan.override
    if granted and granted.due_on and granted.due_on > due_on:
        reasons.append(reason("extended", from_date=due_on, date=granted.due_on, by=granted.by, why=granted.why))
        due_on = granted.due_on
    close_on, steps = _close(plan, due_on, calendar)
    reasons += [reason("ends", zone=calendar.data.zone), *steps]
    first = calendar.local_day(plan.base) if isinstance(plan.base, dt.datetime) else plan.base
    unknown = calendar.provisional_years(min(first, due_on), max(due_on, close_on or due_on))
    reasons += [reason("provisional", year=year) for year in unknown]
    return DueDate(
        rule=plan.rule,
        base=plan.base,
        raw=plan.raw,
        due_on=due_on,
        due_at=calendar.end_of(due_on),
        close_on=close_on,
        close_at=calendar.end_of(close_on) if close_on else None,
        calendar_version=calendar.version,
        provisional=bool(unknown),
        reasons=tuple(reasons),
        override=granted,
    )


def _rolled(raw: dt.date, calendar: WorkCalendar, *, rolls: bool) -> tuple[dt.date, list[Reason]]:
    """Apply the programme's setting to a last day that is no workday, and say which was applied."""
    day = calendar.day(raw)
    if day.workday:
        return raw, []
    named = {"weekday": weekday(raw), **({"name": day.name} if day.name else {})}
    suffix = "-holiday" if day.name else ""
    if not rolls:
        return raw, [reason(f"stays{suffix}", date=raw, **named)]
    moved = calendar.first_workday_on_or_after(raw)
    return moved, [reason(f"rolled{suffix}", from_date=raw, date=moved, **named)]


def _close(plan: _Plan, due_on: dt.date, calendar: WorkCalendar) -> tuple[dt.date | None, list[Reason]]:
    """Return the day after whose end nothing is accepted: the rule's, or the later one of a late exception."""
    if plan.close is None:
        return None, []
    after = plan.close.after
    counted_on = calendar.add(due_on, after)
    close_on, moved = _rolled(counted_on, calendar, rolls=True) if plan.rolls else (counted_on, [])
    unit = "workdays" if after.unit == "wd" else "days"
    reasons = [reason(f"close-{unit}", date=counted_on, n=after.n)]
    reasons += counted(calendar, due_on, after, end=counted_on)[1:]
    reasons += moved
    granted = plan.override
    if granted and granted.close_on and granted.close_on > close_on:
        close_on = granted.close_on
        reasons.append(reason("close-extended", date=close_on, by=granted.by, why=granted.why))
    return close_on, reasons


def last_workday_warning(due: Term | dt.date, calendar: WorkCalendar) -> dt.date | None:
    """Return the last workday before a due day that is no workday; None where the due day is worked."""
    day = due.due_on if isinstance(due, Term) else due
    return None if calendar.is_workday(day) else calendar.last_workday_on_or_before(day)
