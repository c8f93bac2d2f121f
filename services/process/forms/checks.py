"""The checks across entries that a form declares: sums, products, the order of dates. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from services.i18n import Localizable, Message
from services.process.forms.definition import (
    AnyField,
    FormDefinition,
    MoneyField,
    OrderCheck,
    ProductCheck,
    SumCheck,
)
from services.process.forms.labels import describe
from services.process.forms.problems import Problem
from services.process.forms.values import canonical, yuan


def check_problems(form: FormDefinition, data: Mapping[str, Any]) -> list[Problem]:
    """Return what does not add up. A check whose entries are missing or unreadable is silent: they are told already."""
    found: list[Problem] = []
    for check in form.checks:
        match check:
            case ProductCheck():
                found.extend(_products(form, check, data))
            case OrderCheck():
                found.extend(_orders(form, check, data))
            case SumCheck():
                found.extend(_sum(form, check, data))
    return found


def value_at(data: Mapping[str, Any], path: str) -> Any:
    """Return what stands at `part.field`, or None."""
    part, _, field = path.partition(".")
    return (data.get(part) or {}).get(field)


def _products(form: FormDefinition, check: ProductCheck, data: Mapping[str, Any]) -> Iterator[Problem]:
    rows = form.rows(check.rows)
    for index, row in enumerate(value_at(data, check.rows) or []):
        factors = [_number(rows.column(name), row.get(name)) for name in check.factors]
        stated = _number(rows.column(check.equals), row.get(check.equals))
        if stated is None or None in factors:
            continue
        right = _product([factor for factor in factors if factor is not None])
        if right != stated:
            path = f"{check.rows}.{index}.{check.equals}"
            yield Problem(path, "product", _product_words(form, check, row, path=path, right=right))


def _product(factors: list[Decimal]) -> Decimal:
    product = Decimal(1)
    for factor in factors:
        product *= factor
    return product.quantize(Decimal(1), ROUND_HALF_UP)


def _product_words(
    form: FormDefinition, check: ProductCheck, row: Mapping[str, Any], *, path: str, right: Decimal
) -> Message:
    rows = form.rows(check.rows)
    values = {
        "label": describe(form, path),
        "factors": " × ".join(
            _show(rows.column(name), _number(rows.column(name), row.get(name))) for name in check.factors
        ),
        "right": _amount(rows.column(check.equals), right),
        "stated": _amount(rows.column(check.equals), _number(rows.column(check.equals), row.get(check.equals))),
    }
    return Message("{label}: {factors} makes {right}, but {stated} is stated.", values)


def _orders(form: FormDefinition, check: OrderCheck, data: Mapping[str, Any]) -> Iterator[Problem]:
    rows = form.rows(check.rows)
    for index, row in enumerate(value_at(data, check.rows) or []):
        first, then = _day(row.get(check.first)), _day(row.get(check.then))
        if first is not None and then is not None and first > then:
            path = f"{check.rows}.{index}.{check.then}"
            values = {
                "label": describe(form, path),
                "then": then,
                "first": first,
                "other": rows.column(check.first).title,
            }
            words = Message("{label}: {then} is before {first} ({other}); choose that day or a later one.", values)
            yield Problem(path, "order", words)


def _day(value: Any) -> date | None:
    """Return a held date; what did not parse is none."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _sum(form: FormDefinition, check: SumCheck, data: Mapping[str, Any]) -> Iterator[Problem]:
    part, table, column = check.of.split(".")
    field = form.rows(f"{part}.{table}").column(column)
    rows = [row for row in value_at(data, f"{part}.{table}") or [] if _matches(row, check.where)]
    numbers = [_number(field, row.get(column)) for row in rows]
    stated = value_at(data, check.equals)
    if None in numbers or (stated is None and form.field(check.equals).required):
        return
    right = sum((number for number in numbers if number is not None), Decimal(0))
    said = Decimal(0) if stated is None else _number(form.field(check.equals), stated)
    if said is not None and said != right:
        yield Problem(check.equals, "sum", _sum_words(form, check, field, right=right, said=said))


def _matches(row: Mapping[str, Any], where: Mapping[str, str]) -> bool:
    return all(row.get(name) == value for name, value in where.items())


def _sum_words(form: FormDefinition, check: SumCheck, field: AnyField, *, right: Decimal, said: Decimal) -> Message:
    values = {
        "label": describe(form, check.equals),
        "right": _amount(field, right),
        "stated": _amount(field, said),
        "difference": _amount(field, abs(right - said)),
    }
    if said < right:
        return Message("{label}: the lines add up to {right}, but {stated} is stated: {difference} too little.", values)
    return Message("{label}: the lines add up to {right}, but {stated} is stated: {difference} too much.", values)


def _number(field: AnyField, value: Any) -> Decimal | None:
    """Return a held number (money in fen), or None for what is missing or did not parse."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(field, MoneyField) or not isinstance(value, str):
        return None
    try:
        number = Decimal(value)
    except ArithmeticError:
        return None
    return number if number.is_finite() and canonical(number) == value else None


def _amount(field: AnyField, number: Decimal | None) -> Localizable | str:
    if isinstance(field, MoneyField):
        return Message("{amount} yuan", {"amount": _show(field, number)})
    return _show(field, number)


def _show(field: AnyField, number: Decimal | None) -> str:
    if number is None:
        return ""
    return yuan(int(number)) if isinstance(field, MoneyField) else f"{number:,f}"
