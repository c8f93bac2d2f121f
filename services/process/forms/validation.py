"""Whether a form may be submitted: every mistake in words, with what would be right. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from services.i18n import Message
from services.process.forms.checks import check_problems
from services.process.forms.definition import (
    AnyField,
    AttachmentsField,
    ChoiceField,
    DateField,
    DecimalField,
    FormDefinition,
    IntegerField,
    LongTextField,
    MoneyField,
    Part,
    RowsField,
    ScalarField,
    TextField,
)
from services.process.forms.labels import describe
from services.process.forms.problems import Problem
from services.process.forms.values import UnreadableError, read_scalar, yuan


@dataclass(frozen=True)
class FormContext:
    """What a form is judged against: the first and last day of its project year, and the ids of files that are there.

    `files` None means that nobody looked.
    """

    year: tuple[date, date]
    files: frozenset[str] | None = None

    @classmethod
    def of_year(cls, year: int, *, files: frozenset[str] | None = None) -> FormContext:
        """Return the context of the project year that is the calendar year `year`."""
        return cls((date(year, 1, 1), date(year, 12, 31)), files)


def validate(form: FormDefinition, data: Mapping[str, Any], *, context: FormContext) -> list[Problem]:
    """Return every mistake of `data` (cleaned), in the order of the form, then those of its sums; [] if it may go.

    Source: QD-14 (five parts, a missing one is refused), QD-02 (at most 50 trainees), QD-28 (inside the project year).
    """
    found: list[Problem] = []
    for part in form.parts:
        values = data.get(part.part) or {}
        if part.required and not any(filled(values.get(field.field)) for field in part.fields):
            words = Message("The part “{part}” is missing; it must be filled in.", {"part": part.title})
            found.append(Problem(part.part, "part-missing", words))
        else:
            found.extend(_part_problems(form, part, values, context=context))
    return found + check_problems(form, data)


def filled(value: Any) -> bool:
    """Tell whether anything was entered."""
    return value not in (None, "", [], {})


def _part_problems(
    form: FormDefinition, part: Part, values: Mapping[str, Any], *, context: FormContext
) -> Iterator[Problem]:
    for field in part.fields:
        path, value = f"{part.part}.{field.field}", values.get(field.field)
        if not filled(value):
            if field.required or (isinstance(field, RowsField) and field.min_rows):
                yield _missing(form, path)
        else:
            yield from _field_problems(form, field, value, path=path, context=context)


def _missing(form: FormDefinition, path: str) -> Problem:
    return Problem(path, "required", Message("{label}: this must be filled in.", {"label": describe(form, path)}))


def _field_problems(
    form: FormDefinition, field: AnyField, value: Any, *, path: str, context: FormContext
) -> Iterator[Problem]:
    match field:
        case RowsField():
            yield from _row_count(form, field, len(value), path=path)
            for index, row in enumerate(value):
                yield from _row_problems(form, field, row, path=f"{path}.{index}", context=context)
        case AttachmentsField():
            yield from _attachment_problems(form, field, value, path=path, context=context)
        case _:
            words = _wrong(field, value, context=context)
            if words is not None:
                labelled = Message("{label}: {words}", {"label": describe(form, path), "words": words[1]})
                yield Problem(path, words[0], labelled)


def _row_count(form: FormDefinition, field: RowsField, count: int, *, path: str) -> Iterator[Problem]:
    values = {"label": describe(form, path), "count": count, "min": field.min_rows, "max": field.max_rows}
    if count < field.min_rows:
        yield Problem(path, "too-few-rows", Message("{label}: {count} rows; at least {min} are needed.", values))
    if count > field.max_rows:
        yield Problem(path, "too-many-rows", Message("{label}: {count} rows; at most {max} are possible.", values))


def _row_problems(
    form: FormDefinition, field: RowsField, row: Mapping[str, Any], *, path: str, context: FormContext
) -> Iterator[Problem]:
    for column in field.columns:
        place, value = f"{path}.{column.field}", row.get(column.field)
        if filled(value):
            yield from _field_problems(form, column, value, path=place, context=context)
        elif column.required:
            yield _missing(form, place)


def _attachment_problems(
    form: FormDefinition, field: AttachmentsField, value: list[str], *, path: str, context: FormContext
) -> Iterator[Problem]:
    values = {"label": describe(form, path), "count": len(value), "max": field.max_files}
    if len(value) > field.max_files:
        yield Problem(path, "too-many-files", Message("{label}: {count} files; at most {max} are possible.", values))
    if context.files is not None and (lost := set(value) - context.files):
        values = {"label": describe(form, path), "count": len(lost)}
        yield Problem(
            path, "unknown-file", Message("{label}: {count} files were not uploaded; upload them again.", values)
        )


def _wrong(field: ScalarField, value: Any, *, context: FormContext) -> tuple[str, Message] | None:
    """Return the code and words of what is wrong with one entry, or None."""
    match field:
        case TextField() | LongTextField():
            return _too_long(field, value)
        case ChoiceField() | DateField() | DecimalField() | IntegerField() | MoneyField():
            try:
                held = value if isinstance(value, int) else read_scalar(field, value)
            except UnreadableError as unreadable:
                return "unreadable", unreadable.words
            return _outside(field, held, context=context)


def _too_long(field: TextField | LongTextField, value: str) -> tuple[str, Message] | None:
    if len(value) <= field.max_length:
        return None
    values = {"length": f"{len(value):,}", "limit": f"{field.max_length:,}"}
    return "too-long", Message("This has {length} characters; at most {limit} are possible.", values)


def _outside(field: ScalarField, held: Any, *, context: FormContext) -> tuple[str, Message] | None:
    match field:
        case IntegerField() | DecimalField():
            return _beyond(Decimal(held), Decimal(field.min), Decimal(field.max), show=lambda number: f"{number:,f}")
        case MoneyField():
            return _beyond(held, field.min, field.max, show=yuan)
        case DateField() if field.within == "season-year":
            return _outside_year(date.fromisoformat(held), year=context.year)
        case _:
            return None


def _beyond(held: Any, least: Any, most: Any, *, show: Any) -> tuple[str, Message] | None:
    values = {"value": show(held), "min": show(least), "max": show(most)}
    if held < least:
        return "too-small", Message("{value} is too little; at least {min}.", values)
    if held > most:
        return "too-large", Message("{value} is too much; at most {max}.", values)
    return None


def _outside_year(day: date, *, year: tuple[date, date]) -> tuple[str, Message] | None:
    if year[0] <= day <= year[1]:
        return None
    values = {"day": day.isoformat(), "first": year[0].isoformat(), "last": year[1].isoformat()}
    return "outside-year", Message("{day} is outside the project year; choose a day from {first} to {last}.", values)
