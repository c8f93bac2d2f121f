"""How one value is read from what was typed, and shown again. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import Decimal
from typing import Any

from services.i18n import N_, Message
from services.process.forms.definition import (
    ChoiceField,
    DateField,
    DecimalField,
    IntegerField,
    LongTextField,
    MoneyField,
    ScalarField,
)

KEPT_LENGTH = 100_000
"""Characters of one entry that are kept even if the form allows fewer; beyond that the whole entry is refused."""

QUOTED_LENGTH = 60

_NUMBER = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d{1,15})(\.\d{1,15})?", re.ASCII)
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", re.ASCII)
_UNITS = re.compile(r"[万千亿百]|\d\s*[kKwW]\b")
_FULL_WIDTH = {code + 0xFEE0: code for code in range(0x21, 0x7F)} | {0x3000: 0x20, 0xFFE5: 0xA5}


class UnreadableError(ValueError):
    """What was typed is no value of the field. The first argument is a Message saying what would be right."""

    @property
    def words(self) -> Message:
        """What is wrong and what would be right."""
        return self.args[0]  # type: ignore[no-any-return]


class RefusedError(ValueError):
    """What came in cannot even be kept: NUL, half characters, megabytes, a structure where a value belongs."""

    @property
    def words(self) -> Message:
        """What is wrong and what would be right."""
        return self.args[0]  # type: ignore[no-any-return]


def clean_text(value: str, *, multiline: bool) -> str:
    """Return `value` with one kind of line end and without control characters; emoji, RTL marks and joiners stay.

    Raises:
        RefusedError: for NUL, unpaired surrogates and more than KEPT_LENGTH characters.
    """
    if len(value) > KEPT_LENGTH:
        values = {"length": f"{len(value):,}", "limit": f"{KEPT_LENGTH:,}"}
        raise RefusedError(
            Message(
                N_("This entry has {length} characters; at most {limit} can be kept. Attach a file instead."), values
            )
        )
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise RefusedError(
            Message("This entry contains characters that are not text. Type it again or paste it as plain text.")
        )
    lines = value.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(char for char in lines if char in "\n\t" or unicodedata.category(char) != "Cc")
    return kept.strip() if multiline else re.sub(r"[\n\t]+", " ", kept).strip()


def shortened(text: str) -> str:
    """Return what was typed, short enough to stand in a sentence."""
    return text if len(text) <= QUOTED_LENGTH else text[: QUOTED_LENGTH - 1] + "…"


def half_width(text: str) -> str:
    """Return `text` with full-width letters, digits and signs as ASCII; superscripts and the like stay wrong."""
    return text.translate(_FULL_WIDTH).strip()


def read_number(text: str) -> Decimal:
    """Read a number as people type it: full-width digits, thousands separators.

    Raises:
        UnreadableError: for anything else, also for `1.2万`, which must be written out.
    """
    plain = half_width(text)
    if not _NUMBER.fullmatch(plain):
        if _UNITS.search(plain):
            raise UnreadableError(
                Message(
                    "“{typed}” is abbreviated; write the number in full, for example 12000.", {"typed": shortened(text)}
                )
            )
        raise UnreadableError(
            Message("“{typed}” is not a number; write for example 12000 or 12,000.50.", {"typed": shortened(text)})
        )
    return Decimal(plain.replace(",", ""))


def read_scalar(field: ScalarField, text: str) -> Any:
    """Read what was typed into `field`, in the form in which it is held.

    Raises:
        UnreadableError: when it does not parse.
    """
    match field:
        case IntegerField():
            return _whole(text)
        case DecimalField():
            return canonical(_with_places(read_number(text), text, places=field.places))
        case MoneyField():
            return int(_with_places(read_number(_without_currency(text)), text, places=2) * 100)
        case DateField():
            return _read_date(text).isoformat()
        case ChoiceField():
            return _read_choice(field, text)
        case _:
            return clean_text(text, multiline=isinstance(field, LongTextField))


def _whole(text: str) -> int:
    number = read_number(text)
    if number != number.to_integral_value():
        raise UnreadableError(
            Message(
                N_("“{typed}” is not a whole number; write for example {example}."),
                {"typed": shortened(text), "example": int(number)},
            )
        )
    return int(number)


def _with_places(number: Decimal, text: str, *, places: int) -> Decimal:
    if number != round(number, places):
        values = {"typed": shortened(text), "places": places, "example": f"{number:.{places}f}"}
        raise UnreadableError(
            Message("“{typed}” has too many decimal places; at most {places}, for example {example}.", values)
        )
    return number


def _without_currency(text: str) -> str:
    return re.sub(r"^¥|(元|rmb|cny)$", "", half_width(text), flags=re.IGNORECASE)


def canonical(number: Decimal) -> str:
    """Return the one way in which a decimal is held: no exponent, no trailing zeros, no minus zero."""
    return format(number.normalize() if number else Decimal(0), "f")


def _read_date(text: str) -> date:
    matched = _DATE.fullmatch(half_width(text).replace(" ", ""))
    try:
        if matched:
            return date(int(matched[1]), int(matched[2]), int(matched[3]))
    except ValueError:
        raise UnreadableError(
            Message("There is no day “{typed}” in the calendar.", {"typed": shortened(text)})
        ) from None
    raise UnreadableError(Message("“{typed}” is not a date; write for example 2027-03-15.", {"typed": shortened(text)}))


def _read_choice(field: ChoiceField, text: str) -> str:
    for option in field.options:
        if text in (option.value, option.title.zh, option.title.en):
            return option.value
    titles = _Joined([option.title for option in field.options])
    raise UnreadableError(
        Message(
            "“{typed}” is not among the choices; choose one of {options}.",
            {"typed": shortened(text), "options": titles},
        )
    )


class _Joined:
    """Several localized texts in a row."""

    def __init__(self, texts: list[Any]) -> None:
        self.texts = texts

    def in_(self, locale: str) -> str:
        return ("、" if locale.startswith("zh") else ", ").join(text.in_(locale) for text in self.texts)


def yuan(fen: int) -> str:
    """Return an amount of fen in yuan for people: `120,000.00`."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def typed(field: ScalarField, value: Any) -> str:
    """Return a held value as it stands in an input box; the inverse of reading it."""
    if value is None:
        return ""
    if isinstance(field, MoneyField) and isinstance(value, int):
        return yuan(value).replace(",", "")
    return str(value)


def shown(field: ScalarField, value: Any, *, locale: str) -> str:
    """Return a held value as people read it: money with separators, a choice by its title."""
    match field:
        case MoneyField() if isinstance(value, int):
            return yuan(value)
        case IntegerField() if isinstance(value, int):
            return f"{value:,}"
        case ChoiceField():
            titles = {option.value: option.title for option in field.options}
            return titles[value].in_(locale) if value in titles else typed(field, value)
        case _:
            return typed(field, value)
