"""A form definition as templates need it: labels, held values as text, sums. Texts follow the language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from services.i18n import ntranslate
from services.process import forms
from services.process.forms.definition import (
    AnyField,
    AttachmentsField,
    FormDefinition,
    MoneyField,
    RowsField,
    ScalarField,
    SumCheck,
)

NUMBERS = {"integer", "decimal", "money"}


class FormTexts:
    """What form templates call; one per language."""

    def __init__(self, locale: str) -> None:
        self.locale = locale

    def label(self, form: FormDefinition, path: str) -> str:
        """Return what people call the entry at `path`."""
        return forms.describe(form, path).in_(self.locale)

    def shown(self, field: ScalarField, value: Any) -> str:
        """Return a held value as people read it."""
        return forms.shown(field, value, locale=self.locale)

    def typed(self, field: ScalarField, value: Any) -> str:
        """Return a held value as it stands in an input."""
        return forms.typed(field, value)

    def is_number(self, field: AnyField) -> bool:
        """Tell whether a value is aligned to the right."""
        return field.type in NUMBERS

    def change(self, form: FormDefinition, change: forms.Change, *, after: bool) -> list[tuple[str, str]]:
        """Return one side of a change as (column, text) pairs; a single value has no column."""
        value = change.after if after else change.before
        field = field_at(form, change.path)
        if isinstance(field, RowsField) and isinstance(value, Mapping):
            titles = [(column, value.get(column.field)) for column in field.columns]
            return [(column.title.in_(self.locale), self.shown(column, held)) for column, held in titles if held]
        if value in (None, []) or isinstance(field, RowsField):
            return []
        if isinstance(field, AttachmentsField):
            return [("", ntranslate(self.locale, "{n} file", "{n} files", len(value)))]
        return [("", self.shown(field, value))]

    def table_at(self, form: FormDefinition, path: str) -> RowsField | None:
        """Return the table whose row stands at `path`, or None for any other place."""
        parts = path.split(".")
        if len(parts) != 3:  # noqa: PLR2004 - part, field and row
            return None
        try:
            field = form.part(parts[0]).field(parts[1])
        except KeyError:
            return None
        return field if isinstance(field, RowsField) else None

    def totals(self, form: FormDefinition, path: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Return the sums of a table's money columns, by column."""
        table = form.rows(path)
        columns = [column for column in table.columns if isinstance(column, MoneyField)]
        return {
            column.field: forms.yuan(sum(held for row in rows if isinstance(held := row.get(column.field), int)))
            for column in columns
        }


def field_at(form: FormDefinition, path: str) -> AnyField:
    """Return the field or column at `part.field`, `part.field.row` or `part.field.row.column`."""
    part, name, *rest = path.split(".")
    field = form.part(part).field(name)
    if isinstance(field, RowsField) and len(rest) > 1:
        return field.column(rest[1])
    return field


def sum_lines(form: FormDefinition, data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each sum that the form declares: where it must stand, what the lines make, what is stated, whether it holds."""
    return [_sum_line(form, check, data) for check in form.checks if isinstance(check, SumCheck)]


def _sum_line(form: FormDefinition, check: SumCheck, data: Mapping[str, Any]) -> dict[str, Any]:
    part, table, column = check.of.split(".")
    field = form.rows(f"{part}.{table}").column(column)
    rows = (data.get(part) or {}).get(table) or []
    held = [row.get(column) for row in rows if all(row.get(name) == value for name, value in check.where.items())]
    made = sum((number for value in held if (number := _number(value)) is not None), Decimal(0))
    to_part, _, to_field = check.equals.partition(".")
    stated = _number((data.get(to_part) or {}).get(to_field))
    money = isinstance(field, MoneyField)
    return {
        "path": check.equals,
        "of": f"{part}.{table}",
        "made": forms.yuan(int(made)) if money else f"{made:,f}",
        "holds": (stated or Decimal(0)) == made,
        "shown": stated is not None or bool(made),
    }


def _number(value: Any) -> Decimal | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    try:
        return Decimal(value) if isinstance(value, str) else None
    except ArithmeticError:
        return None
