"""What a path into a form is called by people: `budget.lines.2.amount` is "Budget, row 3, amount"."""

from __future__ import annotations

from services.i18n import Localizable, Message
from services.process.definitions import Localized
from services.process.forms.definition import AnyField, FormDefinition, Part, RowsField


def describe(form: FormDefinition, path: str) -> Localizable:
    """Return the label of the entry at `path`, to be asked `.in_(locale)`.

    A name that the form does not know is shown as it is written.
    """
    code, *rest = path.split(".")
    try:
        part = form.part(code)
        return _in_part(part, rest) if rest else part.title
    except (KeyError, ValueError):
        return Localized(zh=path or "?", en=path or "?")


def _in_part(part: Part, rest: list[str]) -> Localizable:
    field = part.field(rest[0])
    where = _field_label(part, field)
    if len(rest) == 1 or not isinstance(field, RowsField):
        return where
    row = Message("{where}, row {n}", {"where": where, "n": int(rest[1]) + 1})
    if len(rest) == 2:  # noqa: PLR2004 - field and row number
        return row
    return _joined(row, field.column(rest[2]).title)


def _field_label(part: Part, field: AnyField) -> Localizable:
    """Leave out the table's own title where the part has only one table: the part's title says enough."""
    tables = [each for each in part.fields if isinstance(each, RowsField)]
    return part.title if tables == [field] else _joined(part.title, field.title)


def _joined(outer: Localizable, inner: Localizable) -> Message:
    return Message("{outer}, {inner}", {"outer": outer, "inner": inner})
