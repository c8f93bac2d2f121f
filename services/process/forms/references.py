"""What a form's checks name wrongly: fields that are not there, or whose type cannot be compared. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from services.process.forms.definition import (
    AnyField,
    ChoiceField,
    DateField,
    DecimalField,
    FormDefinition,
    IntegerField,
    MoneyField,
    OrderCheck,
    ProductCheck,
    RowsField,
    SumCheck,
)

Reference = tuple[tuple[str | int, ...], str, Sequence[str]]
"""The place in the form, the name that leads nowhere, the names that would."""

NUMBERS = (IntegerField, DecimalField, MoneyField)


def lost_references(form: FormDefinition) -> Iterator[Reference]:
    """Yield every name in the form's checks that is no field of the type that the check compares."""
    for number, check in enumerate(form.checks):
        place = ("checks", number, check.kind)
        match check:
            case SumCheck():
                yield from _sum(form, check, place)
            case ProductCheck():
                names = [("equals", check.equals), *((("factors"), name) for name in check.factors)]
                yield from _columns(form, check.rows, names, place=place, types=NUMBERS)
            case OrderCheck():
                names = [("first", check.first), ("then", check.then)]
                yield from _columns(form, check.rows, names, place=place, types=(DateField,))


def _sum(form: FormDefinition, check: SumCheck, place: tuple[str | int, ...]) -> Iterator[Reference]:
    table, _, column = check.of.rpartition(".")
    yield from _columns(form, table, [("of", column)], place=place, types=NUMBERS)
    yield from _columns(form, table, [("where", name) for name in check.where], place=place, types=(ChoiceField,))
    known = _paths(form, NUMBERS)
    if check.equals not in known:
        yield (*place, "equals"), check.equals, known


def _columns(
    form: FormDefinition,
    table: str,
    names: list[tuple[str, str]],
    *,
    place: tuple[str | int, ...],
    types: tuple[type[AnyField], ...],
) -> Iterator[Reference]:
    tables = _paths(form, (RowsField,))
    if table not in tables:
        key = "of" if names and names[0][0] == "of" else "rows"
        if names and names[0][0] != "where":
            yield (*place, key), table, tables
        return
    known = [column.field for column in form.rows(table).columns if isinstance(column, types)]
    for key, name in names:
        if name not in known:
            yield (*place, key), name, known


def _paths(form: FormDefinition, types: tuple[type[AnyField], ...]) -> list[str]:
    return [f"{part.part}.{field.field}" for part, field in form.walk() if isinstance(field, types)]
