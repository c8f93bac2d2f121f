"""What people call what a definition names by a code: actors, stages, lengths of time, fields of a form and their values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.i18n import Localizable, Message, translate
from services.process.definitions import Condition, Localized, ProcessDefinition, Span, Stage
from services.process.forms.definition import AnyField, ChoiceField, MoneyField
from services.process.forms.labels import describe
from services.process.packs import BASE_SCHOOL, GUIDING_UNIT, Pack
from services.process.stage_words import KINDS


class Words:
    """A word that is translated when it is shown, or a title where there is one."""

    def __init__(self, message: str) -> None:
        self.message = message

    def in_(self, locale: str) -> str:
        """Return the word for `locale`."""
        return translate(locale, self.message)


class Listed:
    """Several texts, one after the other."""

    def __init__(self, parts: Iterable[Localizable]) -> None:
        self.parts = list(parts)

    def in_(self, locale: str) -> str:
        """Return all of them for `locale`, with its comma."""
        return ("、" if locale.startswith("zh") else ", ").join(part.in_(locale) for part in self.parts)


def actor_title(pack: Pack, actor: str) -> Localizable:
    """Return what people call an actor: `basic-education-office/clerk` is “Basic education office: clerk”."""
    unit, _, role = actor.rpartition("/")
    if not unit:
        return pack.position(role, at="group").title
    stands_for = {GUIDING_UNIT: Message("Guiding unit"), BASE_SCHOOL: Message("Base school")}
    place = stands_for[unit] if unit in stands_for else pack.unit(unit).title
    return Message("{unit}: {role}", {"unit": place, "role": pack.position(role, at="unit").title})


def actor_titles(pack: Pack, actors: Sequence[str]) -> Listed:
    """Return several actors by their titles."""
    return Listed(actor_title(pack, actor) for actor in actors)


def length(span: Span) -> Message:
    """Return a length of time in words."""
    if span.n == 1:
        return Message("one workday") if span.unit == "wd" else Message("one day")
    if span.unit == "wd":
        return Message("{n} workdays", {"n": span.n})
    return Message("{n} days", {"n": span.n})


def stage_name(stage: Stage) -> Localizable:
    """Return what people call a stage: its title, or else the word of its kind."""
    return stage.title if stage.title is not None else Words(KINDS[stage.kind])


def stage_names(process: ProcessDefinition, codes: Iterable[str]) -> Listed:
    """Return the stages of these codes by their names."""
    return Listed(stage_name(process.stage(code)) for code in codes)


def condition_words(pack: Pack, process: ProcessDefinition, condition: Condition) -> Message:
    """Return a condition of a branch as a sentence."""
    field, known = _field(pack, process, condition)
    tests: list[Message] = []
    if condition.equals is not None:
        tests.append(Message("is {value}", {"value": _value(known, condition.equals)}))
    if condition.one_of is not None:
        tests.append(
            Message("is one of {values}", {"values": Listed(_value(known, each) for each in condition.one_of)})
        )
    if condition.at_least is not None:
        tests.append(Message("is at least {value}", {"value": _value(known, condition.at_least)}))
    if condition.at_most is not None:
        tests.append(Message("is at most {value}", {"value": _value(known, condition.at_most)}))
    if condition.filled is not None:
        tests.append(Message("is filled in") if condition.filled else Message("is left empty"))
    values = {"field": field, "tests": Listed(tests)}
    if condition.stage is None:
        return Message("“{field}” of the last submission {tests}", values)
    return Message("“{field}” of “{stage}” {tests}", {**values, "stage": stage_name(process.stage(condition.stage))})


def _field(pack: Pack, process: ProcessDefinition, condition: Condition) -> tuple[Localizable, AnyField | None]:
    """Return the label of the field that is looked at, and the field where the form has it."""
    stage = process.places.get(condition.stage or "")
    form = getattr(stage.stage if stage else next(iter(process.submit_stages()), None), "form", None)
    if form is None:
        return Localized(zh=condition.field, en=condition.field), None
    found = pack.form(form)
    try:
        return describe(found, condition.field), found.field(condition.field)
    except (KeyError, ValueError):
        return describe(found, condition.field), None


def _value(field: AnyField | None, value: str | float) -> Localizable:
    if isinstance(field, MoneyField) and not isinstance(value, str):
        return Message("{yuan} yuan", {"yuan": f"{value / 100:,.2f}"})
    if isinstance(field, ChoiceField):
        return next(
            (each.title for each in field.options if each.value == value), Localized(zh=str(value), en=str(value))
        )
    if isinstance(value, bool):
        return Message("yes") if value else Message("no")
    text = f"{value:,g}" if isinstance(value, int | float) else value
    return Localized(zh=text or "–", en=text or "–")
