import datetime as dt

import pytest

from services.process.lights import Light, light

DUE = dt.datetime(2027, 1, 31, 16, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
TICK = dt.timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (DUE - 3 * DAY - TICK, Light.GREEN),
        (DUE - 3 * DAY, Light.YELLOW),
        (DUE - TICK, Light.YELLOW),
        (DUE, Light.RED),
        (DUE + 400 * DAY, Light.RED),
    ],
)
def test_an_open_task_turns_yellow_then_red(now, expected):
    assert light(DUE, None, now) is expected


def test_near_is_a_setting():
    assert light(DUE, None, DUE - 5 * DAY, near_days=7) is Light.YELLOW
    assert light(DUE, None, DUE - TICK, near_days=0) is Light.GREEN


def test_a_done_task_keeps_its_light_however_much_later_one_looks():
    assert light(DUE, DUE - TICK, DUE + 100 * DAY) is Light.DONE
    late = light(DUE, DUE, DUE + 100 * DAY)
    assert late is Light.DONE_LATE
    assert late.color == "yellow"


def test_an_undated_task_has_no_colour_until_it_is_done():
    assert light(None, None, DUE) is Light.NONE
    assert light(None, DUE, DUE) is Light.DONE


def test_no_two_lights_are_told_apart_by_colour_alone():
    assert len({item.word for item in Light}) == len(Light)
    open_shapes = [item.shape for item in (Light.GREEN, Light.YELLOW, Light.RED, Light.NONE)]
    assert len(set(open_shapes)) == 4
    assert Light.DONE.color != Light.DONE_LATE.color
