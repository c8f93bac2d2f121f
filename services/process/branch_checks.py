"""Whether a branch can be decided: its conditions ask for fields that are there, in a way that fits, and each way can be taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from services.i18n import Message
from services.process.definitions import AssessStage, BranchStage, Condition, ProcessDefinition, SubmitStage
from services.process.forms.definition import (
    AnyField,
    ChoiceField,
    DecimalField,
    FormDefinition,
    IntegerField,
    MoneyField,
)
from services.process.mistakes import Loc, Mistake, Names, unknown

NUMBERS = (IntegerField, DecimalField, MoneyField)
WHOLE_NUMBERS = (IntegerField, MoneyField)

Range = tuple[float, float]
Asked = frozenset[str] | Range | Condition
"""What a condition lets through: choices, numbers from and to, or (where neither) what itself says."""


def branch_mistakes(names: Names, process: ProcessDefinition, branch: BranchStage, loc: Loc) -> Iterator[Mistake]:
    """Yield what is wrong with the conditions of a branch that stands at `loc`."""
    taken: dict[tuple[str, str], list[Asked]] = {}
    for number, way in enumerate(branch.ways):
        if way.when is None:
            continue
        where: Loc = (*loc, "ways", number, "when")
        asked = _asked_stage(process, branch, way.when, where)
        if isinstance(asked, Mistake):
            yield asked
            continue
        form = names.forms.get(asked.form)
        if form is None:
            continue
        field = _field(form, way.when.field)
        if field is None:
            yield _unknown_field(form, way.when, where)
            continue
        wrong = list(_test_mistakes(field, way.when, where))
        yield from wrong
        if not wrong:
            before = taken.setdefault((asked.code, way.when.field), [])
            yield from _never_taken(_asked(field, way.when), before, way.when, where)


def _asked_stage(
    process: ProcessDefinition, branch: BranchStage, when: Condition, where: Loc
) -> SubmitStage | AssessStage | Mistake:
    """Return the stage whose form a condition reads.

    A condition that names none reads the last submission. That must be of one form wherever the case comes from: after
    a return another stage may have been the last.
    """
    earlier = [process.stage(code) for code in process.earlier(branch.code)]
    filled = {each.code: each for each in earlier if isinstance(each, SubmitStage | AssessStage)}
    if when.stage is not None:
        what = Message("earlier stage with a form")
        return filled.get(when.stage) or unknown((*where, "stage"), what, when.stage, filled)
    submitted = [each for each in filled.values() if isinstance(each, SubmitStage)]
    if not submitted:
        words = Message(
            "nothing is submitted before {branch}; write stage: with one of {stages}",
            {"branch": branch.code, "stages": ", ".join(filled) or "–"},
        )
        return Mistake(where, words, of_order=True)
    if len({each.form for each in process.submit_stages()}) > 1:
        words = Message(
            "this process submits several forms; say whose field it is: stage: with one of {stages}",
            {"stages": ", ".join(filled)},
        )
        return Mistake(where, words, of_order=True)
    return submitted[-1]


def _field(form: FormDefinition, path: str) -> AnyField | None:
    try:
        return form.field(path)
    except KeyError:
        return None


def _unknown_field(form: FormDefinition, when: Condition, where: Loc) -> Mistake:
    known = [f"{part.part}.{field.field}" for part, field in form.walk()]
    mistake = unknown((*where, "field"), Message("field of the form {form}", {"form": form.form}), when.field, known)
    return mistake._replace(name=when.field.rpartition(".")[2])


def _test_mistakes(field: AnyField, when: Condition, where: Loc) -> Iterator[Mistake]:
    for key, value in (("at_least", when.at_least), ("at_most", when.at_most)):
        if value is not None and not isinstance(field, NUMBERS):
            values = {"field": when.field, "type": field.type, "key": key}
            words = Message("{field} is a {type}; {key} compares integer, decimal and money", values)
            yield Mistake((*where, key), words)
    if when.one_of is not None and not isinstance(field, ChoiceField):
        values = {"field": when.field, "type": field.type, "key": "one_of"}
        yield Mistake((*where, "one_of"), Message("{field} is a {type}; {key} compares choices", values))
    if when.equals is not None:
        yield from _equals_mistakes(field, when, where)
    if isinstance(field, ChoiceField):
        options = [option.value for option in field.options]
        for number, choice in enumerate(when.one_of or ()):
            if choice not in options:
                what = Message("choice of {field}", {"field": when.field})
                yield unknown((*where, "one_of", number), what, choice, options)


def _equals_mistakes(field: AnyField, when: Condition, where: Loc) -> Iterator[Mistake]:
    loc = (*where, "equals")
    if isinstance(field, ChoiceField):
        options = [option.value for option in field.options]
        if when.equals not in options:
            yield unknown(loc, Message("choice of {field}", {"field": when.field}), str(when.equals), options)
    elif not isinstance(field, WHOLE_NUMBERS) or isinstance(when.equals, bool) or not isinstance(when.equals, int):
        values = {"field": when.field, "type": field.type}
        words = Message(
            "{field} is a {type}; equals compares choices, and whole numbers with integer and money", values
        )
        yield Mistake(loc, words)


# --- which ways can be taken -------------------------------------------------------------------------------------------


def _asked(field: AnyField, when: Condition) -> Asked:
    if when.filled is None and isinstance(field, ChoiceField):
        return frozenset(option.value for option in field.options if _chosen(when, option.value))
    if when.filled is None and isinstance(field, NUMBERS):
        lows = [float(field.min), *_floats(when.at_least, when.equals)]
        highs = [float(field.max), *_floats(when.at_most, when.equals)]
        return max(lows), min(highs)
    return when


def _chosen(when: Condition, value: str) -> bool:
    return (when.equals is None or when.equals == value) and (when.one_of is None or value in when.one_of)


def _floats(*values: Any) -> list[float]:
    return [float(value) for value in values if value is not None]


def _never_taken(asked: Asked, before: list[Asked], when: Condition, where: Loc) -> Iterator[Mistake]:
    if _is_empty(asked):
        words = Message("this way can never be taken: {field} is never so", {"field": when.field})
        yield Mistake(where, words)
    elif _is_covered(asked, before):
        words = Message("this way can never be taken: a way before it takes all that it asks for")
        yield Mistake(where, words)
    before.append(asked)


def _is_empty(asked: Asked) -> bool:
    return asked[0] > asked[1] if isinstance(asked, tuple) else asked == frozenset()


def _is_covered(asked: Asked, before: list[Asked]) -> bool:
    if isinstance(asked, frozenset):
        return asked <= frozenset().union(*[each for each in before if isinstance(each, frozenset)])
    if isinstance(asked, tuple):
        ranges = [each for each in before if isinstance(each, tuple)]
        return any(low <= asked[0] and asked[1] <= high for low, high in ranges)
    return any(each == asked for each in before)
