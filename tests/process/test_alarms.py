import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.process.alarms import (
    ASSIGNEE,
    CloseSeries,
    LadderSeries,
    RemindSeries,
    WarningSeries,
    all_times,
    dump_series,
    load_series,
    missed,
    next_time,
    plan_series,
)
from services.process.calendar import CalendarData, OwnDay, WorkCalendar
from services.process.deadlines import Term, approve_due, submit_due
from services.process.definitions import ApproveStage, Span, SubmitStage

D = dt.date
CHINA = WorkCalendar()
BERLIN = WorkCalendar(CalendarData(zone="Europe/Berlin"))
NINE = dt.time(9)
DUE_2027 = D(2027, 1, 31)
PLAN = SubmitStage.model_validate(
    {
        "code": "plan",
        "by": "chief-coach",
        "form": "annual-plan",
        "due": {"at": "season.due", "returned": {"at_least": "3wd"}},
        "close": {"after": "5wd", "from": "visit-due", "exceptions": "basic-education-office/head"},
        "remind": {"before": ["30d", "14d", "7d", "3d", "1d", "0d"], "at": "09:00"},
        "overdue": [
            {"after": "1wd", "every": "2wd", "until": "close", "tell": ["chief-coach", "guiding-unit/reviewer"]},
            {"after": "3wd", "every": "2wd", "until": "close", "tell": ["basic-education-office/clerk"]},
        ],
    }
)


def shanghai(*when):
    return dt.datetime(*when, tzinfo=CHINA.zone)


OPENED = shanghai(2026, 11, 15)
END = shanghai(2028, 1, 1)


def plan_due(*, opened=OPENED, season_due=DUE_2027, returned=False, calendar=CHINA):
    return submit_due(PLAN, season_due=season_due, opened_at=opened, returned=returned, calendar=calendar)


DUE = plan_due()


def ladder(after="1wd", every="2wd", until="close", at=NINE):
    return LadderSeries(rung=1, after=after, every=every, until=until, at=at)


def story(stage, due, *, opened, calendar=CHINA, end=END):
    """Play a visit to its end as a sweep does, one next time after the other."""
    told = []
    for alarm in plan_series(stage, due, opened_at=opened, calendar=calendar):
        at = alarm.first_at
        while at is not None and at <= end:
            told.append((at.astimezone(calendar.zone).strftime("%m-%d %H:%M"), alarm.kind, alarm.recipient))
            at = next_time(alarm.series, due, calendar, at)
    return sorted(told)


def test_the_whole_story_of_qingdao_2027():
    chief, reviewer, clerk = "chief-coach", "guiding-unit/reviewer", "basic-education-office/clerk"
    assert story(PLAN, DUE, opened=OPENED) == [
        ("01-01 09:00", "remind", ASSIGNEE),
        ("01-17 09:00", "remind", ASSIGNEE),
        ("01-24 09:00", "remind", ASSIGNEE),
        ("01-28 09:00", "remind", ASSIGNEE),
        ("01-29 09:00", "warn", ASSIGNEE),
        ("01-30 09:00", "remind", ASSIGNEE),
        ("01-31 09:00", "remind", ASSIGNEE),
        ("02-01 09:00", "overdue", chief),
        ("02-01 09:00", "overdue", reviewer),
        ("02-03 09:00", "escalate", clerk),
        ("02-03 09:00", "overdue", chief),
        ("02-03 09:00", "overdue", reviewer),
        ("02-05 09:00", "escalate", clerk),
        ("02-05 09:00", "overdue", chief),
        ("02-05 09:00", "overdue", reviewer),
        ("02-06 00:00", "close", ASSIGNEE),
    ]


def test_the_instants_are_utc_and_exact():
    series = RemindSeries(before=("1d", "0d"), at=NINE)
    assert next_time(series, DUE, CHINA, OPENED) == dt.datetime(2027, 1, 30, 1, tzinfo=dt.UTC)
    assert next_time(series, DUE, CHINA, OPENED).tzinfo is dt.UTC
    assert next_time(CloseSeries(), DUE, CHINA, OPENED) == dt.datetime(2027, 2, 5, 16, tzinfo=dt.UTC)


def test_offsets_from_before_the_opening_are_skipped():
    opened = shanghai(2027, 1, 24, 9)
    days = [at for at, kind, _ in story(PLAN, DUE, opened=opened) if kind == "remind"]
    assert days == ["01-28 09:00", "01-30 09:00", "01-31 09:00"]


def test_a_visit_opened_after_its_warning_is_not_warned():
    opened = shanghai(2027, 1, 29, 9, 1)
    kinds = [alarm.kind for alarm in plan_series(PLAN, DUE, opened_at=opened, calendar=CHINA)]
    assert kinds == ["remind", "overdue", "overdue", "escalate", "close"]


def test_a_visit_opened_after_its_close_has_no_alarms():
    assert plan_series(PLAN, DUE, opened_at=shanghai(2027, 2, 6), calendar=CHINA) == []


def test_a_returned_plan_has_reminders_of_its_own_due_date():
    opened = shanghai(2027, 2, 3, 15)
    due = plan_due(opened=opened, returned=True)
    told = [(at, kind) for at, kind, _ in story(PLAN, due, opened=opened) if kind in {"remind", "warn", "close"}]
    assert told == [
        ("02-05 09:00", "remind"),
        ("02-07 09:00", "remind"),
        ("02-08 09:00", "remind"),
        ("02-16 00:00", "close"),
    ]


def test_the_warning_wins_over_a_reminder_of_the_same_day():
    stage = PLAN.model_copy(update={"remind": PLAN.remind.model_copy(update={"before": (Span(n=2, unit="d"),)})})
    told = [(at, kind) for at, kind, _ in story(stage, DUE, opened=OPENED) if kind in {"remind", "warn"}]
    assert told == [("01-29 09:00", "warn")]


def test_two_offsets_of_one_day_remind_once():
    series = RemindSeries(before=("3d", "1wd", "3d"), at=NINE)
    monday = plan_due(season_due=D(2026, 6, 8))
    assert list(all_times(series, monday, CHINA, END)) == [shanghai(2026, 6, 5, 9)]


def test_a_worked_due_day_has_no_warning():
    due = plan_due(season_due=D(2026, 1, 30))
    assert next_time(WarningSeries(at=NINE), due, CHINA, shanghai(2025, 11, 15)) is None


def test_an_imported_calendar_moves_every_time_and_makes_or_unmakes_the_warning():
    works = OwnDay(date=D(2027, 1, 31), kind="workday", name="Spring Festival", document="Notice")
    off = OwnDay(date=D(2027, 2, 3), kind="holiday", name="Spring Festival", document="Notice")
    imported = WorkCalendar(CalendarData(days=(works, off)))
    due = plan_due(calendar=imported)
    told = story(PLAN, due, opened=OPENED, calendar=imported)
    assert [at for at, kind, _ in told if kind == "warn"] == []
    assert [at for at, kind, _ in told if kind == "escalate"] == ["02-04 09:00", "02-08 09:00"]
    assert next_time(WarningSeries(at=NINE), due, imported, OPENED) is None
    assert next_time(WarningSeries(at=NINE), DUE, CHINA, OPENED) == shanghai(2027, 1, 29, 9)


def test_a_rung_until_close_ends_there_and_one_until_done_never():
    assert next_time(ladder(), DUE, CHINA, shanghai(2027, 2, 5, 9)) is None
    assert next_time(ladder(until="done"), DUE, CHINA, shanghai(2027, 2, 5, 9)) == shanghai(2027, 2, 9, 9)
    assert next_time(ladder(until="done"), DUE, CHINA, shanghai(2040, 1, 1)) is not None
    never_closing = Term(DUE.due_on, DUE.due_at, None, None)
    assert next_time(ladder(), never_closing, CHINA, shanghai(2027, 2, 5, 9)) == shanghai(2027, 2, 9, 9)


def test_a_rung_whose_step_is_longer_than_the_looking_ahead_still_has_a_next_time():
    series = ladder(after="1d", every="3660d", until="done")
    assert next_time(series, DUE, CHINA, shanghai(2027, 2, 1, 9)) == shanghai(2037, 2, 8, 9)


def test_a_rung_reaches_a_close_many_years_away():
    far = Term(DUE.due_on, DUE.due_at, D(2037, 3, 1), shanghai(2037, 3, 2))
    series = ladder(after="1d", every="3660d")
    assert next_time(series, far, CHINA, shanghai(2027, 2, 1, 9)) == shanghai(2037, 2, 8, 9)
    assert missed(series, far, CHINA, OPENED, shanghai(2038, 1, 1)) == (
        shanghai(2027, 2, 1, 9),
        shanghai(2037, 2, 8, 9),
    )


def test_a_rung_that_repeats_every_zero_days_fires_once():
    series = ladder(every="0wd", until="done")
    assert list(all_times(series, DUE, CHINA, END)) == [shanghai(2027, 2, 1, 9)]
    assert next_time(series, DUE, CHINA, shanghai(2027, 2, 1, 9)) is None


def test_nobody_is_told_overdue_on_the_due_day_itself():
    first = next_time(ladder(after="0wd", every="1wd"), DUE, CHINA, OPENED)
    assert first == shanghai(2027, 2, 1, 9)
    assert first >= DUE.due_at


def test_an_approval_has_its_ladder_without_close_at_the_usual_hour():
    stage = ApproveStage.model_validate(
        {
            "code": "guidance",
            "by": "guiding-unit/reviewer",
            "within": "5wd",
            "overdue": [{"after": "1wd", "every": "5wd", "until": "done", "tell": ["basic-education-office/clerk"]}],
        }
    )
    opened = shanghai(2026, 2, 12, 17)
    due = approve_due(stage, opened, CHINA)
    (alarm,) = plan_series(stage, due, opened_at=opened, calendar=CHINA)
    assert (alarm.kind, alarm.recipient) == ("overdue", "basic-education-office/clerk")
    assert alarm.first_at == shanghai(2026, 2, 27, 9)
    assert next_time(alarm.series, due, CHINA, alarm.first_at) == shanghai(2026, 3, 5, 9)  # Sat 02-28 is worked


def test_missed_times_are_counted_between_their_ends():
    series = RemindSeries(before=("30d", "14d", "7d", "3d", "1d", "0d"), at=NINE)
    gone = missed(series, DUE, CHINA, shanghai(2027, 1, 1, 9), shanghai(2027, 1, 28, 9))
    assert gone == (shanghai(2027, 1, 17, 9), shanghai(2027, 1, 24, 9), shanghai(2027, 1, 28, 9))
    assert missed(series, DUE, CHINA, shanghai(2027, 1, 28, 9), shanghai(2027, 1, 28, 9)) == ()


@pytest.mark.parametrize(
    "series",
    [
        RemindSeries(before=("30d", "2wd"), at=NINE),
        WarningSeries(at=dt.time(8, 30)),
        ladder(until="done"),
        CloseSeries(),
    ],
)
def test_a_series_survives_its_row(series):
    data = json.loads(json.dumps(dump_series(series)))
    assert load_series(data) == series
    assert load_series(json.dumps(data)) is load_series(json.dumps(data))
    assert data["series"] in {"remind", "warning", "ladder", "close"}


def test_a_time_that_summer_time_skips_is_late_never_early():
    due = Term(D(2026, 3, 29), BERLIN.end_of(D(2026, 3, 29)), None, None)
    at = next_time(RemindSeries(before=("0d",), at=dt.time(2, 30)), due, BERLIN, BERLIN.start_of(D(2026, 3, 1)))
    assert at.astimezone(BERLIN.zone) == dt.datetime(2026, 3, 29, 3, 30, tzinfo=BERLIN.zone)


spans = st.builds(Span, n=st.integers(0, 12), unit=st.sampled_from(["d", "wd"]))
clock_times = st.times().map(lambda time: time.replace(second=0, microsecond=0))
any_series = st.one_of(
    st.builds(RemindSeries, before=st.lists(spans, min_size=1, max_size=5).map(tuple), at=clock_times),
    st.builds(WarningSeries, at=clock_times),
    st.builds(
        LadderSeries,
        rung=st.just(1),
        after=spans,
        every=spans,
        until=st.sampled_from(["close", "done"]),
        at=clock_times,
    ),
    st.just(CloseSeries()),
)
calendars = st.sampled_from([CHINA, BERLIN])
due_days = st.one_of(
    st.dates(D(2024, 1, 1), D(2030, 12, 31)),
    st.sampled_from([D(2024, 2, 29), D(2026, 12, 31), D(2027, 1, 1), D(2026, 3, 29), D(2026, 10, 25), D(2027, 1, 31)]),
)
closes = st.none() | st.integers(0, 30)
ahead = st.integers(-60 * 24 * 60, 60 * 24 * 60).map(lambda minutes: dt.timedelta(minutes=minutes))


def term(calendar, due_on, close_after):
    close_on = None if close_after is None else due_on + dt.timedelta(days=close_after)
    return Term(due_on, calendar.end_of(due_on), close_on, calendar.end_of(close_on) if close_on else None)


@given(any_series, calendars, due_days, closes, ahead)
def test_the_next_time_is_never_early_and_skips_none(series, calendar, due_on, close_after, offset):
    due = term(calendar, due_on, close_after)
    after = due.due_at + offset
    found = next_time(series, due, calendar, after)
    horizon = after + dt.timedelta(days=90)
    expected = next((at for at in all_times(series, due, calendar, horizon) if at > after), None)
    if found is None or found > horizon:
        assert expected is None
    else:
        assert after < found == expected


@given(any_series, calendars, due_days, closes, ahead)
def test_stepping_on_gives_the_same_times_as_looking_at_all(series, calendar, due_on, close_after, offset):
    due = term(calendar, due_on, close_after)
    start, end = due.due_at + offset, due.due_at + offset + dt.timedelta(days=40)
    stepped, at = [], next_time(series, due, calendar, start)
    while at is not None and at <= end:
        stepped.append(at)
        at = next_time(series, due, calendar, at)
    assert tuple(stepped) == missed(series, due, calendar, start, end)
    assert sorted(set(stepped)) == stepped


@given(any_series, calendars, due_days, closes)
def test_each_kind_stays_on_its_side_of_the_due_date(series, calendar, due_on, close_after):
    due = term(calendar, due_on, close_after)
    for at in all_times(series, due, calendar, due.due_at + dt.timedelta(days=60)):
        local = at.astimezone(calendar.zone)
        match series:
            case RemindSeries() | WarningSeries():
                assert at < due.due_at
            case LadderSeries(until=until):
                assert at >= due.due_at
                assert until == "done" or due.close_at is None or at <= due.close_at
            case CloseSeries():
                assert at == due.close_at
        if isinstance(series, WarningSeries):
            assert calendar.is_workday(local.date())


def test_a_rung_may_fire_at_the_very_instant_of_the_close():
    midnight = ladder(after="1d", every="1d", at=dt.time.min)
    due = term(CHINA, D(2026, 6, 10), 2)
    assert list(all_times(midnight, due, CHINA, END))[-1] == due.close_at == shanghai(2026, 6, 13)


def test_a_rung_until_close_without_a_close_goes_on_past_the_looking_ahead():
    due = term(CHINA, D(2026, 6, 10), None)
    assert next_time(ladder(after="1d", every="3660d"), due, CHINA, shanghai(2026, 6, 11, 9)) == shanghai(
        2036, 6, 18, 9
    )
