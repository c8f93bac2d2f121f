"""From what came in, a post or JSON, to data as a form holds it. Pure; cleaning twice changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from services.errors import InvalidInputError
from services.i18n import N_, Message
from services.process.forms.definition import (
    ROW_ID,
    AnyField,
    AttachmentsField,
    FormDefinition,
    IntegerField,
    LongTextField,
    MoneyField,
    RowsField,
    ScalarField,
)
from services.process.forms.problems import Problem
from services.process.forms.values import RefusedError, UnreadableError, clean_text, read_scalar, typed

KEPT_ROWS = 1_000
_ID = re.compile(r"[A-Za-z0-9-]{1,60}")


def clean(form: FormDefinition, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return `raw` as the form holds it: every part and field present, numbers and dates normalised, empty rows gone.

    What does not parse stays as it was typed; `validate` says what is wrong with it. A str for a money field is yuan
    as typed, an int is fen. Rows without a usable `_id` get the next free one.

    Args:
        form: the form.
        raw: `{part: {field: value}}`, values str as typed or JSON values as held.

    Raises:
        InvalidInputError: for what cannot be kept at all (QD-14 says what a plan has; nothing else is stored):
            unknown names, a wrong structure, NUL, entries beyond 100,000 characters. `problems` names all of them.
    """
    cleaner = _Cleaner()
    data = cleaner.parts(form, raw)
    if cleaner.refused:
        raise InvalidInputError([problem.as_dict() for problem in cleaner.refused])
    return data


@dataclass
class _Cleaner:
    refused: list[Problem] = field(default_factory=list)

    def parts(self, form: FormDefinition, raw: Mapping[str, Any]) -> dict[str, Any]:
        given = self._mapping(raw, path="", known=[part.part for part in form.parts])
        data: dict[str, Any] = {}
        for part in form.parts:
            names = [each.field for each in part.fields]
            values = self._mapping(given.get(part.part), path=part.part, known=names)
            data[part.part] = {
                each.field: self._field(each, values.get(each.field), path=f"{part.part}.{each.field}")
                for each in part.fields
            }
        return data

    def _mapping(self, value: Any, *, path: str, known: list[str]) -> Mapping[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self._refuse(path, Message("Named entries belong here; found a single value."))
            return {}
        for name in value:
            if name not in known:
                self._unknown(f"{path}.{name}".lstrip("."), str(name), known=known)
        return value

    def _unknown(self, path: str, name: str, *, known: list[str]) -> None:
        near = get_close_matches(name, known, n=1)
        values = {"name": name[:60], "known": near[0] if near else ", ".join(known)}
        sentence = (
            N_("There is no entry “{name}”; did you mean {known}?")
            if near
            else N_("There is no entry “{name}”; known are {known}.")
        )
        self._refuse(path[:200], Message(sentence, values))

    def _field(self, definition: AnyField, value: Any, *, path: str) -> Any:
        match definition:
            case RowsField():
                return self._rows(definition, value, path=path)
            case AttachmentsField():
                return self._attachments(value, path=path)
            case _:
                return self._scalar(definition, value, path=path)

    def _scalar(self, definition: ScalarField, value: Any, *, path: str) -> Any:
        if value is None or (isinstance(value, int) and _holds_integers(definition, value)):
            return value
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            self._refuse(path, Message("A single value belongs here; found a list, a table or yes/no."))
            return None
        if isinstance(value, float) and isinstance(definition, MoneyField):
            self._refuse(path, Message("Write money as a whole number of fen, or as text in yuan."))
            return None
        try:
            text = clean_text(str(value), multiline=isinstance(definition, LongTextField))
            return read_scalar(definition, text) if text else None
        except UnreadableError:
            return text
        except RefusedError as refused:
            self._refuse(path, refused.words)
            return None

    def _attachments(self, value: Any, *, path: str) -> list[str]:
        given = [value] if isinstance(value, str) else value or []
        if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
            self._refuse(path, Message("A list of file ids belongs here."))
            return []
        kept = [each for each in dict.fromkeys(given) if each]
        if len(kept) > KEPT_ROWS or not all(_ID.fullmatch(each) for each in kept):
            self._refuse(path, Message("A list of file ids belongs here."))
            return []
        return kept

    def _rows(self, definition: RowsField, value: Any, *, path: str) -> list[dict[str, Any]]:
        given = value or []
        if not isinstance(given, list) or len(given) > KEPT_ROWS:
            self._refuse(path, Message("A list of at most {limit} rows belongs here.", {"limit": KEPT_ROWS}))
            return []
        rows = [self._row(definition, row, path=f"{path}.{index}") for index, row in enumerate(given)]
        filled = [row for row in rows if any(item is not None for name, item in row.items() if name != ROW_ID)]
        return _with_ids(filled)

    def _row(self, definition: RowsField, value: Any, *, path: str) -> dict[str, Any]:
        names = [column.field for column in definition.columns]
        given = self._mapping(value, path=path, known=[ROW_ID, *names])
        cells = {
            column.field: self._scalar(column, given.get(column.field), path=f"{path}.{column.field}")
            for column in definition.columns
        }
        return {ROW_ID: given.get(ROW_ID), **cells}

    def _refuse(self, path: str, words: Message) -> None:
        self.refused.append(Problem(path=path, code="refused", message=words))


def _holds_integers(definition: ScalarField, value: int) -> bool:
    """Tell whether an int stands as it is; beyond 64 bits it becomes text and is refused by its bounds."""
    return isinstance(definition, IntegerField | MoneyField) and not isinstance(value, bool) and abs(value) < 2**63


def _with_ids(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give every row an id that no other row has; ids that are there and fit stay."""
    taken: set[str] = set()
    for row in rows:
        given = row[ROW_ID]
        row[ROW_ID] = given if isinstance(given, str) and _ID.fullmatch(given) and given not in taken else None
        taken.add(row[ROW_ID] or "")
    numbers = [int(each[1:]) for each in taken if re.fullmatch(r"r\d{1,9}", each)]
    following = max(numbers, default=0) + 1
    for row in rows:
        if row[ROW_ID] is None:
            row[ROW_ID] = f"r{following}"
            following += 1
    return rows


def parse_form_post(form: FormDefinition, items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Turn the flat names of a posted form (`budget.lines.0.amount`) into nested data; other names are left alone.

    Rows stand in the order of their numbers, which may have gaps. A file id may be repeated under one name.
    The result is raw: give it to `clean`.
    """
    parts = {part.part for part in form.parts}
    nested: dict[str, Any] = {}
    for name, value in items:
        keys = name.split(".")
        if keys[0] in parts and 2 <= len(keys) <= 4:  # noqa: PLR2004 - part.field and part.field.row.column
            _put(nested, keys, value)
    return _settle(form, nested)


def _put(nested: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        below = nested.setdefault(key, {})
        if not isinstance(below, dict):
            return
        nested = below
    held = nested.get(keys[-1])
    if isinstance(held, list):
        held.append(value)
    else:
        nested[keys[-1]] = value if held is None else [held, value]


def _settle(form: FormDefinition, nested: dict[str, Any]) -> dict[str, Any]:
    for part, each in form.walk():
        rows = nested.get(part.part, {}).get(each.field)
        if isinstance(each, RowsField) and isinstance(rows, dict):
            numbered = sorted((key for key in rows if re.fullmatch(r"[0-9]{1,9}", key)), key=int)
            nested[part.part][each.field] = [rows[key] for key in numbered]
    return nested


def flatten(form: FormDefinition, data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Turn held data into the flat names and texts of a form post; the inverse of `parse_form_post` and `clean`."""
    flat: list[tuple[str, str]] = []
    for part, each in form.walk():
        value = data.get(part.part, {}).get(each.field)
        flat.extend(_flatten_field(each, value, f"{part.part}.{each.field}"))
    return flat


def _flatten_field(definition: AnyField, value: Any, path: str) -> list[tuple[str, str]]:
    match definition:
        case RowsField():
            return [
                pair
                for index, row in enumerate(value or [])
                for pair in _flatten_row(definition, row, f"{path}.{index}")
            ]
        case AttachmentsField():
            return [(path, each) for each in value or []]
        case _:
            return [(path, typed(definition, value))]


def _flatten_row(definition: RowsField, row: Mapping[str, Any], path: str) -> list[tuple[str, str]]:
    cells = [(f"{path}.{column.field}", typed(column, row.get(column.field))) for column in definition.columns]
    return [(f"{path}.{ROW_ID}", str(row[ROW_ID])), *cells]
