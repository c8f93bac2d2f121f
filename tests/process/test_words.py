from string import Formatter

import chinese_calendar
import pytest

from services.errors import SeasonDateError
from services.i18n import translate
from services.process.lights import Light
from services.process.reasons import REASONS
from services.process.words import HOLIDAYS, WEEKDAYS

EVERY = [*REASONS.values(), *WEEKDAYS, *HOLIDAYS, *(light.word for light in Light), SeasonDateError.default]


def places(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("message", EVERY)
def test_every_word_of_the_time_rules_is_said_in_chinese_with_the_same_places(message):
    chinese = translate("zh", message)
    assert chinese != message
    assert places(chinese) == places(message)


def test_every_holiday_that_the_library_names_is_translated():
    named = set(chinese_calendar.holidays.values()) | set(chinese_calendar.workdays.values())
    assert named <= set(HOLIDAYS)
