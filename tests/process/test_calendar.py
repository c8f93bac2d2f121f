import datetime as dt
import json
from zoneinfo import ZoneInfo

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.process.calendar import LIBRARY_YEARS, CalendarData, OwnDay, OwnYear, WorkCalendar, YearDay
from services.process.definitions import Span

D = dt.date
CHINA = WorkCalendar()
BERLIN = WorkCalendar(CalendarData(zone="Europe/Berlin"))
NOTICE_2027 = OwnYear(
    year=2027,
    document="Notice 2027-1",
    days=(
        YearDay(date=D(2027, 1, 1), kind="holiday", name="New Year's Day"),
        YearDay(date=D(2026, 12, 27), kind="workday", name="New Year's Day"),
        YearDay(date=D(2027, 2, 5), kind="holiday", name="Spring Festival"),
        YearDay(date=D(2027, 1, 31), kind="workday", name="Spring Festival"),
    ),
)
KNOWN_2027 = WorkCalendar(CalendarData(years=(NOTICE_2027,)))

dates = st.dates(D(1999, 1, 1), D(2040, 12, 31))
small = st.integers(0, 40)


def test_library_years_are_2004_to_2026_without_a_gap():
    assert set(range(2004, 2027)) == LIBRARY_YEARS


def test_every_known_day_agrees_with_a_day_by_day_count_of_the_library():
    """Walks 23 years by the library's own function and holds every n-th workday against add_workdays."""
    days = [D(2004, 1, 1) + dt.timedelta(days=n) for n in range((D(2026, 12, 31) - D(2004, 1, 1)).days + 1)]
    worked = [day for day in days if chinese_calendar.is_workday(day)]
    assert [day for day in days if CHINA.is_workday(day)] == worked
    assert not any(CHINA.day(day).provisional for day in days)
    for index in range(0, len(worked) - 30, 7):
        for n in (1, 3, 5, 10, 30):
            assert CHINA.add_workdays(worked[index], n) == worked[index + n]
            assert CHINA.workdays_before(worked[index + n], n) == worked[index]
    assert CHINA.workdays_between(D(2003, 12, 31), D(2026, 12, 31)) == len(worked)


@pytest.mark.parametrize(
    ("start", "n", "end"),
    [
        (D(2026, 9, 24), 5, D(2026, 10, 9)),  # catalogue, real practice: mid-autumn and national day
        (D(2026, 9, 18), 5, D(2026, 9, 24)),  # Sunday 09-20 is worked
        (D(2026, 2, 13), 1, D(2026, 2, 14)),  # a make-up Saturday before Spring Festival
        (D(2026, 2, 14), 1, D(2026, 2, 24)),
        (D(2026, 12, 24), 7, D(2027, 1, 4)),  # 2027 is not known: weekends only, and no refusal
        (D(2026, 2, 15), 0, D(2026, 2, 15)),
    ],
)
def test_add_workdays_on_known_examples(start, n, end):
    assert CHINA.add_workdays(start, n) == end


def test_a_negative_number_of_workdays_is_refused():
    with pytest.raises(ValueError, match="not negative"):
        CHINA.add_workdays(D(2026, 1, 1), -1)


def test_an_unknown_year_is_provisional_and_says_so():
    day = CHINA.day(D(2027, 2, 8))  # within the real Spring Festival, which nobody has announced yet
    assert (day.workday, day.provisional, day.name) == (True, True, None)
    assert not CHINA.is_workday(D(2027, 2, 7))
    assert CHINA.provisional_years(D(2025, 5, 1), D(2028, 1, 1)) == (2027, 2028)
    assert CHINA.provisional_years(D(2025, 5, 1), D(2026, 12, 31)) == ()


def test_an_imported_year_is_known_and_names_its_document():
    day = KNOWN_2027.day(D(2027, 2, 5))
    assert day == (D(2027, 2, 5), False, "Spring Festival", "Notice 2027-1", False)
    assert KNOWN_2027.day(D(2027, 6, 6)) == (D(2027, 6, 6), False, None, None, False)
    assert KNOWN_2027.is_workday(D(2027, 1, 31))
    assert KNOWN_2027.provisional_years(D(2027, 1, 1), D(2028, 1, 1)) == (2028,)


def test_a_notice_changes_days_of_the_neighbouring_year_only_one_by_one():
    assert not CHINA.is_workday(D(2026, 12, 27))
    assert KNOWN_2027.is_workday(D(2026, 12, 27))
    assert KNOWN_2027.day(D(2026, 10, 1)).name == "National Day"
    reaching = WorkCalendar(
        CalendarData(
            years=(
                OwnYear(
                    year=2028,
                    document="Notice 2028-1",
                    days=(
                        YearDay(date=D(2027, 12, 31), kind="holiday", name="x"),
                        YearDay(date=D(2028, 1, 1), kind="holiday", name="x"),
                    ),
                ),
            )
        )
    )
    assert not reaching.day(D(2027, 12, 31)).provisional
    assert reaching.day(D(2027, 12, 30)).provisional


def test_an_own_year_replaces_the_library_and_an_own_day_wins_over_both():
    first = OwnYear(year=2026, document="a", days=(YearDay(date=D(2026, 5, 4), kind="holiday", name="Youth Day"),))
    own = OwnDay(date=D(2026, 5, 4), kind="workday", name="Snow", document="b")
    replaced = WorkCalendar(CalendarData(years=(first,)))
    assert replaced.is_workday(D(2026, 10, 1))
    assert not replaced.is_workday(D(2026, 5, 4))
    overlaid = WorkCalendar(CalendarData(years=(first,), days=(own,)))
    assert overlaid.day(D(2026, 5, 4)) == (D(2026, 5, 4), True, "Snow", "b", False)


def test_a_later_notice_wins_over_an_earlier_one_for_the_same_day():
    days = (
        YearDay(date=D(2027, 12, 31), kind="holiday", name="x"),
        YearDay(date=D(2027, 1, 1), kind="holiday", name="x"),
    )
    later = (
        YearDay(date=D(2027, 12, 31), kind="workday", name="y"),
        YearDay(date=D(2028, 1, 1), kind="holiday", name="y"),
    )
    years = (OwnYear(year=2028, document="b", days=later), OwnYear(year=2027, document="a", days=days))
    assert WorkCalendar(CalendarData(years=years)).day(D(2027, 12, 31)).document == "b"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"zone": "Asia/Qingdao"}, "not a time zone"),
        ({"zone": "../etc/passwd"}, "not a time zone"),
        ({"years": [{"year": 2027, "document": "x", "days": []}]}, "at least 1 item"),
        (
            {
                "years": [
                    {"year": 2027, "document": "x", "days": [{"date": "2029-01-01", "kind": "holiday", "name": "x"}]}
                ]
            },
            "does not belong",
        ),
        (
            {
                "years": [
                    {"year": 2027, "document": "x", "days": [{"date": "2026-12-31", "kind": "holiday", "name": "x"}]}
                ]
            },
            "no day of 2027",
        ),
        (
            {
                "years": [
                    {
                        "year": 2027,
                        "document": "x",
                        "days": [{"date": "2027-01-01", "kind": "holiday", "name": "x"}] * 2,
                    }
                ]
            },
            "2027-01-01 stands twice",
        ),
        (
            {
                "years": [
                    {"year": 2027, "document": "x", "days": [{"date": "2027-01-01", "kind": "holiday", "name": "x"}]}
                ]
                * 2
            },
            "2027 stands twice",
        ),
        ({"holidays": []}, "Extra inputs"),
    ],
)
def test_calendar_data_refuses_what_would_be_silently_wrong(data, words):
    with pytest.raises(ValidationError, match=words):
        CalendarData.model_validate(data)


def test_calendar_data_survives_json_and_its_digest_is_of_content_not_of_order():
    text = KNOWN_2027.data.model_dump_json()
    again = CalendarData.model_validate(json.loads(text))
    assert again == KNOWN_2027.data
    turned = OwnYear(year=2027, document=NOTICE_2027.document, days=NOTICE_2027.days[::-1])
    assert CalendarData(years=(turned,)).digest == KNOWN_2027.data.digest
    assert len(again.digest) == 64


def test_version_follows_content_and_names_the_library():
    labelled = WorkCalendar(KNOWN_2027.data, label="3")
    assert labelled.version.startswith("3@")
    assert labelled.version.endswith(f"chinesecalendar-{chinese_calendar.__version__}")
    assert WorkCalendar(KNOWN_2027.data) == KNOWN_2027 != CHINA
    assert len({WorkCalendar(KNOWN_2027.data), KNOWN_2027, CHINA}) == 2


def test_an_instant_is_refused_where_a_day_is_meant():
    with pytest.raises(TypeError):
        CHINA.is_workday(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    with pytest.raises(ValueError, match="naive"):
        CHINA.local_day(dt.datetime(2026, 1, 1))  # noqa: DTZ001 - the refusal of it is the point


@given(dates, small)
def test_the_nth_workday_has_n_workdays_up_to_it(date, n):
    end = KNOWN_2027.add_workdays(date, n)
    assert KNOWN_2027.workdays_between(date, end) == n
    assert KNOWN_2027.workdays_between(end, date) == -n
    assert n == 0 or KNOWN_2027.is_workday(end)


@given(dates, small)
def test_going_back_mirrors_going_forward(date, n):
    start = CHINA.workdays_before(date, n)
    worked = sum(CHINA.is_workday(start + dt.timedelta(days=k)) for k in range((date - start).days))
    assert worked == n


@given(dates)
def test_nearest_workdays(date):
    before, after = CHINA.last_workday_on_or_before(date), CHINA.first_workday_on_or_after(date)
    assert before <= date <= after
    assert CHINA.is_workday(before)
    assert CHINA.is_workday(after)
    assert (before == date == after) == CHINA.is_workday(date)
    assert all(not CHINA.is_workday(before + dt.timedelta(days=k)) for k in range(1, (after - before).days))


def test_days_at_month_year_and_leap_ends():
    assert CHINA.add(D(2028, 2, 28), Span(n=1, unit="d")) == D(2028, 2, 29)
    assert CHINA.add(D(2027, 2, 28), Span(n=1, unit="d")) == D(2027, 3, 1)
    assert CHINA.add(D(2027, 12, 31), Span(n=1, unit="wd")) == D(2028, 1, 3)
    assert CHINA.subtract(D(2028, 3, 1), Span(n=1, unit="d")) == D(2028, 2, 29)
    assert CHINA.subtract(D(2027, 1, 4), Span(n=2, unit="wd")) == D(2026, 12, 31)


@given(dates)
def test_a_day_ends_where_the_next_begins_also_when_clocks_change(date):
    assert BERLIN.end_of(date) == BERLIN.start_of(date + dt.timedelta(days=1))
    assert BERLIN.local_day(BERLIN.start_of(date)) == date
    assert BERLIN.local_day(BERLIN.end_of(date) - dt.timedelta(microseconds=1)) == date
    assert BERLIN.local_day(BERLIN.end_of(date)) == date + dt.timedelta(days=1)


def test_days_of_23_and_25_hours_and_midnights_that_do_not_exist():
    assert BERLIN.end_of(D(2026, 3, 29)) - BERLIN.start_of(D(2026, 3, 29)) == dt.timedelta(hours=23)
    assert BERLIN.end_of(D(2026, 10, 25)) - BERLIN.start_of(D(2026, 10, 25)) == dt.timedelta(hours=25)
    cairo = WorkCalendar(CalendarData(zone="Africa/Cairo"))  # springs forward at 00:00, so that day begins at 01:00
    begin = cairo.start_of(D(2026, 4, 24))
    assert begin.astimezone(ZoneInfo("Africa/Cairo")).time() == dt.time(1)
    assert begin == cairo.end_of(D(2026, 4, 23))


def test_a_skipped_time_comes_late_never_early():
    skipped = BERLIN.instant(D(2026, 3, 29), dt.time(2, 30))
    assert skipped == dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.UTC)  # 03:30 summer time
    twice = BERLIN.instant(D(2026, 10, 25), dt.time(2, 30))
    assert twice == dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)
