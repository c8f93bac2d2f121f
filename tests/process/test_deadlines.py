import datetime as dt
import json
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import SeasonDateError
from services.process.calendar import CalendarData, OwnDay, OwnYear, WorkCalendar, YearDay
from services.process.deadlines import (
    Override,
    Term,
    approve_due,
    last_workday_warning,
    season_dates,
    submit_due,
)
from services.process.definitions import ApproveStage, SeasonRule, Span, SubmitStage
from services.process.reasons import REASONS

D = dt.date
CHINA = WorkCalendar()
BERLIN = WorkCalendar(CalendarData(zone="Europe/Berlin"))
ANNUAL = SeasonRule(every="year", opens="-1/11-15", due="01-31")
PLAN = SubmitStage.model_validate(
    {
        "code": "plan",
        "by": "chief-coach",
        "form": "annual-plan",
        "due": {"at": "season.due", "returned": {"at_least": "3wd"}},
        "close": {"after": "5wd", "from": "visit-due"},
    }
)
GUIDANCE = ApproveStage.model_validate({"code": "guidance", "by": "guiding-unit/reviewer", "within": "5wd"})
DUE_2027 = D(2027, 1, 31)


def shanghai(*when):
    return dt.datetime(*when, tzinfo=CHINA.zone)


def utc(*when):
    return dt.datetime(*when, tzinfo=dt.UTC)


OPENED = shanghai(2026, 11, 15)


def plan_due(*, opened=OPENED, season_due=DUE_2027, returned=False, calendar=CHINA, **more):
    return submit_due(PLAN, season_due=season_due, opened_at=opened, returned=returned, calendar=calendar, **more)


def codes(due):
    return [step.code for step in due.reasons]


def values(due, code):
    return next(step.values for step in due.reasons if step.code == code)


def test_season_2027_opens_in_november_before_and_ends_with_january():
    season = season_dates(ANNUAL, "2027", CHINA)
    assert (season.opens_on, season.due_on) == (D(2026, 11, 15), DUE_2027)
    assert season.opens_at == shanghai(2026, 11, 15)
    assert season.due_at == shanghai(2027, 2, 1) == utc(2027, 1, 31, 16)


def test_the_last_of_february_is_meant_in_every_year():
    rule = SeasonRule(every="year", opens="01-01", due="02-29")
    assert season_dates(rule, "2028", CHINA).due_on == D(2028, 2, 29)
    assert season_dates(rule, "2027", CHINA).due_on == D(2027, 2, 28)


@pytest.mark.parametrize("key", ["27", "2027-2028/1", "0001", "２０２７", "", "2027 "])
def test_a_key_that_is_no_year_is_refused(key):
    with pytest.raises(SeasonDateError) as caught:
        season_dates(ANNUAL, key, CHINA)
    assert caught.value.details == {"key": key, "text": key}


@pytest.mark.parametrize(("opens", "due"), [("13-01", "01-31"), ("01-01", "04-31"), ("03-01", "02-01")])
def test_a_date_that_does_not_exist_or_comes_before_the_opening_is_refused(opens, due):
    with pytest.raises(SeasonDateError):
        season_dates(SeasonRule(every="year", opens=opens, due=due), "2027", CHINA)


def test_qingdao_2027_is_due_on_a_sunday_and_stays_there():
    due = plan_due()
    assert (due.raw, due.due_on, due.due_at) == (DUE_2027, DUE_2027, utc(2027, 1, 31, 16))
    assert (due.close_on, due.close_at) == (D(2027, 2, 5), utc(2027, 2, 5, 16))
    assert due.base == DUE_2027
    assert due.rule == "season.due"
    assert codes(due) == ["season-due", "stays", "ends", "close-workdays", "provisional"]
    assert values(due, "stays") == {"date": "2027-01-31", "weekday": "Sunday"}
    assert values(due, "provisional") == {"year": 2027}
    assert due.provisional
    assert due.calendar_version == CHINA.version


def test_the_warning_is_on_the_friday_before():
    assert last_workday_warning(plan_due(), CHINA) == D(2027, 1, 29)
    assert last_workday_warning(plan_due(season_due=D(2026, 1, 30)), CHINA) is None


def test_a_programme_that_rolls_moves_the_last_day_and_its_close():
    due = plan_due(rolls=True)
    assert (due.raw, due.due_on, due.close_on) == (DUE_2027, D(2027, 2, 1), D(2027, 2, 8))
    assert values(due, "rolled") == {"from_date": "2027-01-31", "date": "2027-02-01", "weekday": "Sunday"}
    assert last_workday_warning(due, CHINA) is None


def test_a_due_day_within_spring_festival_names_it():
    stays = plan_due(season_due=D(2025, 1, 31))
    assert values(stays, "stays-holiday") == {"date": "2025-01-31", "weekday": "Friday", "name": "Spring Festival"}
    assert last_workday_warning(stays, CHINA) == D(2025, 1, 27)
    assert stays.close_on == D(2025, 2, 10)
    rolled = plan_due(season_due=D(2025, 1, 31), rolls=True)
    assert (rolled.due_on, codes(rolled)[1]) == (D(2025, 2, 5), "rolled-holiday")
    assert not rolled.provisional


def test_a_plan_returned_in_time_keeps_the_season_date():
    due = plan_due(opened=shanghai(2027, 1, 12, 10), returned=True)
    assert (due.due_on, due.close_on) == (DUE_2027, D(2027, 2, 5))
    assert values(due, "later-of") == {"from_date": "2027-01-15", "date": "2027-01-31"}


@pytest.mark.parametrize(
    ("returned_at", "due_on", "close_on"),
    [
        (shanghai(2027, 1, 28, 23, 59), D(2027, 2, 2), D(2027, 2, 9)),  # Thursday: Fri, Mon, Tue
        (shanghai(2027, 2, 3, 0, 0), D(2027, 2, 8), D(2027, 2, 15)),
        (utc(2027, 2, 2, 16, 0), D(2027, 2, 8), D(2027, 2, 15)),  # the same instant: the local day counts
    ],
)
def test_a_plan_returned_late_has_three_workdays_and_its_own_close(returned_at, due_on, close_on):
    due = plan_due(opened=returned_at, returned=True)
    assert (due.raw, due.due_on, due.close_on) == (due_on, due_on, close_on)
    assert due.base == returned_at
    assert due.rule == "max(season.due, returned + 3wd)"


def test_a_stage_without_a_grace_for_returns_keeps_the_season_date():
    stage = PLAN.model_copy(update={"due": PLAN.due.model_copy(update={"returned": None}), "close": None})
    due = submit_due(stage, season_due=DUE_2027, opened_at=shanghai(2027, 3, 1), returned=True, calendar=CHINA)
    assert (due.due_on, due.close_on, due.close_at) == (DUE_2027, None, None)


def test_an_extension_moves_due_and_close_and_is_never_undone_by_a_new_calendar():
    granted = Override(by="Office head", why="Flood", due_on=D(2027, 2, 10))
    due = plan_due(override=granted)
    assert (due.raw, due.due_on, due.close_on) == (DUE_2027, D(2027, 2, 10), D(2027, 2, 17))
    wanted = {"from_date": "2027-01-31", "date": "2027-02-10", "by": "Office head", "why": "Flood"}
    assert values(due, "extended") == wanted
    recomputed = plan_due(override=due.override, calendar=known_2027())
    assert recomputed.due_on == D(2027, 2, 10)
    assert recomputed.close_on == D(2027, 2, 19)  # 12, 16, 17, 18, 19: the 15th is a holiday
    assert recomputed.calendar_version != due.calendar_version
    assert not recomputed.provisional


def test_a_close_counted_in_days_rolls_only_where_the_programme_rolls():
    stage = PLAN.model_copy(update={"close": PLAN.close.model_copy(update={"after": Span(n=7, unit="d")})})
    sunday_due = {"season_due": D(2026, 6, 14), "opened_at": OPENED, "returned": False, "calendar": CHINA}
    stays = submit_due(stage, **sunday_due)
    assert (stays.due_on, stays.close_on) == (D(2026, 6, 14), D(2026, 6, 21))
    friday_due = submit_due(stage, **(sunday_due | {"season_due": D(2026, 6, 12), "rolls": True}))
    assert (friday_due.due_on, friday_due.close_on) == (
        D(2026, 6, 12),
        D(2026, 6, 22),
    )  # the 19th to 21st: Dragon Boat Festival
    assert codes(friday_due) == ["season-due", "ends", "close-days", "rolled-holiday"]


def test_a_close_in_an_unknown_year_makes_the_whole_deadline_provisional():
    due = plan_due(opened=shanghai(2026, 11, 1), season_due=D(2026, 12, 30))
    assert (due.close_on, due.provisional) == (D(2027, 1, 6), True)


def test_an_override_never_shortens():
    due = plan_due(override=Override(by="x", why="y", due_on=D(2027, 1, 1), close_on=D(2027, 1, 2)))
    assert (due.due_on, due.close_on) == (DUE_2027, D(2027, 2, 5))
    assert "extended" not in codes(due)


def test_a_late_exception_moves_the_close_alone():
    due = plan_due(override=Override(by="Office head", why="Illness", close_on=D(2027, 2, 20)))
    assert (due.due_on, due.close_on, due.close_at) == (DUE_2027, D(2027, 2, 20), utc(2027, 2, 20, 16))
    assert values(due, "close-extended")["date"] == "2027-02-20"


def test_approval_across_spring_festival_2026_counts_the_make_up_saturday_and_says_so():
    due = approve_due(GUIDANCE, shanghai(2026, 2, 12, 17), CHINA)
    assert due.due_on == D(2026, 2, 26)  # Fri 13, Sat 14 (worked), then 24, 25, 26
    assert codes(due) == ["opened", "workdays", "workday-between", "holiday-between", "ends"]
    assert values(due, "workday-between") == {"date": "2026-02-14", "weekday": "Saturday", "name": "Spring Festival"}
    run = {"name": "Spring Festival", "from_date": "2026-02-15", "to_date": "2026-02-23"}
    assert values(due, "holiday-between") == run
    assert (due.close_on, due.provisional, due.rule) == (None, False, "opened + 5wd")


def test_approval_across_the_turn_of_the_year_is_provisional_and_does_not_raise():
    due = approve_due(GUIDANCE, shanghai(2026, 12, 28, 9), CHINA)
    assert due.due_on == D(2027, 1, 4)
    assert due.provisional
    assert codes(due)[-1] == "provisional"
    assert not approve_due(GUIDANCE, shanghai(2026, 12, 24, 9), CHINA).provisional


def known_2027():
    days = [D(2027, 1, 1), *(D(2027, 2, 5) + dt.timedelta(days=k) for k in range(7)), D(2027, 2, 15)]
    holidays = tuple(YearDay(date=day, kind="holiday", name="Festival") for day in days)
    return WorkCalendar(CalendarData(years=(OwnYear(year=2027, document="Notice 2027-1", days=holidays),)))


def test_importing_the_year_moves_the_close_and_ends_the_doubt():
    due = plan_due(calendar=known_2027())
    assert (due.due_on, due.close_on, due.provisional) == (DUE_2027, D(2027, 2, 12), False)
    assert values(due, "holiday-between") == {"name": "Festival", "from_date": "2027-02-05", "to_date": "2027-02-11"}


def test_holidays_that_only_weekdays_divide_are_named_apart():
    days = (
        OwnDay(date=D(2026, 5, 18), kind="holiday", name="Snow", document="a"),
        OwnDay(date=D(2026, 5, 20), kind="holiday", name="Snow", document="a"),
        OwnDay(date=D(2026, 5, 21), kind="holiday", name="Flood", document="a"),
    )
    due = approve_due(GUIDANCE, shanghai(2026, 5, 15), WorkCalendar(CalendarData(days=days)))
    named = [tuple(step.values.values()) for step in due.reasons if step.code == "holiday-between"]
    assert named == [
        ("Snow", "2026-05-18", "2026-05-18"),
        ("Snow", "2026-05-20", "2026-05-20"),
        ("Flood", "2026-05-21", "2026-05-21"),
    ]


def test_a_period_in_calendar_days_may_end_on_a_sunday_and_rolls_where_the_programme_says():
    stage = ApproveStage.model_validate({"code": "a", "by": "u/x", "within": "7d"})
    sunday = shanghai(2026, 6, 7, 12)
    assert approve_due(stage, sunday, CHINA).due_on == D(2026, 6, 14)
    assert approve_due(stage, sunday, CHINA, rolls=True).due_on == D(2026, 6, 15)


def test_what_is_explained_is_json_and_an_override_comes_back_from_it():
    granted = Override(by="Office head", why="Flood", due_on=D(2027, 2, 10))
    due = plan_due(override=granted, returned=True)
    text = json.loads(json.dumps(due.explained()))
    assert Override.from_json(text["override"]) == granted
    assert (text["due_on"], text["close_on"], text["provisional"]) == ("2027-02-10", "2027-02-17", True)
    assert text["reasons"][0] == {"code": "season-due", "values": {"date": "2027-01-31"}}
    assert approve_due(GUIDANCE, shanghai(2026, 5, 6), CHINA).explained()["override"] is None


def test_a_term_is_read_back_from_the_instants_that_a_row_stores():
    due = plan_due()
    term = Term.ending(due.due_at, due.close_at, CHINA)
    assert term == Term(due.due_on, due.due_at, due.close_on, due.close_at)
    assert Term.ending(due.due_at, None, CHINA).close_on is None


moments = st.datetimes(dt.datetime(2004, 1, 1), dt.datetime(2032, 12, 31), timezones=st.just(dt.UTC))  # noqa: DTZ001
calendars = st.sampled_from([CHINA, BERLIN, known_2027()])
overrides = st.none() | st.builds(
    Override, by=st.just("x"), why=st.just("y"), due_on=st.none() | st.dates(D(2026, 1, 1), D(2030, 1, 1))
)
visits = st.fixed_dictionaries(
    {
        "opened": moments,
        "calendar": calendars,
        "season_due": st.dates(D(2004, 2, 1), D(2032, 12, 31)),
        "returned": st.booleans(),
        "rolls": st.booleans(),
        "override": overrides,
    }
)


@given(visits)
def test_every_submission_date_holds_its_promises(visit):
    due = plan_due(**visit)
    calendar, season_due = visit["calendar"], visit["season_due"]
    rolls, override = visit["rolls"], visit["override"]
    assert due.due_on >= due.raw >= season_due
    assert calendar.local_day(due.due_at) == due.due_on + dt.timedelta(days=1)
    assert calendar.workdays_between(due.due_on, due.close_on) == 5
    if visit["returned"]:
        assert calendar.workdays_between(calendar.local_day(visit["opened"]), due.due_on) >= 3
    if rolls and override is None:
        assert calendar.is_workday(due.due_on)
    if not rolls and not visit["returned"] and override is None:
        assert due.due_on == season_due
    assert Term.ending(due.due_at, due.close_at, calendar).due_on == due.due_on
    hash(due)


@given(visits)
def test_every_reason_fills_every_place_of_its_sentence(visit):
    due = plan_due(**visit)
    for step in (
        *due.reasons,
        *approve_due(GUIDANCE, visit["opened"], visit["calendar"], rolls=visit["rolls"]).reasons,
    ):
        places = {name for _, name, _, _ in Formatter().parse(REASONS[step.code]) if name}
        assert places <= set(step.values)
        for key, value in step.values.items():
            if key == "date" or key.endswith("_date"):
                dt.date.fromisoformat(value)


@given(moments, calendars, st.integers(0, 15))
def test_approval_is_never_due_before_its_workdays_have_passed(opened, calendar, n):
    stage = ApproveStage.model_validate({"code": "a", "by": "u/x", "within": f"{n}wd"})
    due = approve_due(stage, opened, calendar)
    assert calendar.workdays_between(calendar.local_day(opened), due.due_on) == n
    assert due.due_at > opened
    touched = {calendar.local_day(opened).year, due.due_on.year}
    assert due.provisional == any(not calendar.is_known(year) for year in touched)
