"""What a form is: parts with typed fields, rows of typed columns, and checks across them.

Data that belongs to a form is plain JSON: `{part: {field: value}}`. Values are held as
text: str · long_text: str · integer: int · decimal: str in canonical form · money: int, in fen · date: ISO str ·
choice: the option's value · attachments: list of file ids · rows: list of `{"_id": str, column: value}`.
What a person typed and what does not parse stays as the str that was typed, until it is corrected.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from services.i18n import N_, Message
from services.process.definitions import Code, Definition, Localized

FieldCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
FieldPath = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,2}$", max_length=122)]

ROW_ID = "_id"


class FieldBase(Definition):
    """What every field has. `field` is its name inside its part, or inside its row."""

    field: FieldCode
    title: Localized
    help: Localized | None = None
    required: bool = False


class TextField(FieldBase):
    """One line."""

    type: Literal["text"]
    max_length: int = Field(default=200, ge=1, le=2_000)


class LongTextField(FieldBase):
    """Several paragraphs."""

    type: Literal["long_text"]
    max_length: int = Field(default=20_000, ge=1, le=50_000)


class IntegerField(FieldBase):
    type: Literal["integer"]
    min: int = 0
    max: int = 1_000_000_000


class DecimalField(FieldBase):
    type: Literal["decimal"]
    places: int = Field(default=2, ge=1, le=6)
    min: Decimal = Decimal(0)
    max: Decimal = Decimal(1_000_000_000)


class MoneyField(FieldBase):
    """An amount: typed in yuan, held in fen. `min` and `max` are in fen."""

    type: Literal["money"]
    min: int = 0
    max: int = 100_000_000_000


class DateField(FieldBase):
    """A day; `within: season-year` keeps it inside the project year of the season."""

    type: Literal["date"]
    within: Literal["season-year"] | None = None


class Option(Definition):
    value: FieldCode
    title: Localized


class ChoiceField(FieldBase):
    type: Literal["choice"]
    options: tuple[Option, ...] = Field(min_length=2, max_length=50)

    @model_validator(mode="after")
    def _values_differ(self) -> ChoiceField:
        refuse_twice([option.value for option in self.options], N_("option values must differ; {twice} stands twice"))
        return self


class AttachmentsField(FieldBase):
    """Uploaded files, by their ids."""

    type: Literal["attachments"]
    max_files: int = Field(default=20, ge=1, le=100)


ScalarField = TextField | LongTextField | IntegerField | DecimalField | MoneyField | DateField | ChoiceField
Column = Annotated[ScalarField, Field(discriminator="type")]


class RowsField(FieldBase):
    """A table: so many rows, each of the same columns. Every row keeps its `_id` for as long as it lives."""

    type: Literal["rows"]
    columns: tuple[Column, ...] = Field(min_length=1, max_length=20)
    min_rows: int = Field(default=0, ge=0)
    max_rows: int = Field(default=200, ge=1, le=500)

    @model_validator(mode="after")
    def _is_possible(self) -> RowsField:
        refuse_twice([column.field for column in self.columns], N_("column names must differ; {twice} stands twice"))
        if self.min_rows > self.max_rows:
            raise ValueError(
                Message(
                    N_("min_rows is greater than max_rows; write min_rows first, at most {max}"), {"max": self.max_rows}
                )
            )
        return self

    def column(self, code: str) -> ScalarField:
        """Return the column named `code`; KeyError where there is none."""
        for column in self.columns:
            if column.field == code:
                return column
        raise KeyError(code)


AnyField = ScalarField | AttachmentsField | RowsField
FormField = Annotated[AnyField, Field(discriminator="type")]


class Part(Definition):
    """A section of the form. A required part may not be left empty (QD-14)."""

    part: FieldCode
    title: Localized
    help: Localized | None = None
    required: bool = False
    fields: tuple[FormField, ...] = Field(min_length=1, max_length=40)

    @model_validator(mode="after")
    def _names_differ(self) -> Part:
        refuse_twice([field.field for field in self.fields], N_("field names must differ; {twice} stands twice"))
        return self

    def field(self, code: str) -> AnyField:
        """Return the field named `code`; KeyError where there is none."""
        for field in self.fields:
            if field.field == code:
                return field
        raise KeyError(code)


class SumCheck(Definition):
    """The column `of` of some rows (all, or those `where` a column has a value) adds up to the field `equals`."""

    kind: Literal["sum"]
    of: FieldPath
    where: dict[FieldCode, str] = Field(default_factory=dict)
    equals: FieldPath


class ProductCheck(Definition):
    """In each row, the factors multiply to the column `equals` (money: rounded half up to the fen)."""

    kind: Literal["product"]
    rows: FieldPath
    factors: tuple[FieldCode, ...] = Field(min_length=2, max_length=4)
    equals: FieldCode


class OrderCheck(Definition):
    """In each row, the date `first` is not after the date `then`."""

    kind: Literal["order"]
    rows: FieldPath
    first: FieldCode
    then: FieldCode


Check = Annotated[SumCheck | ProductCheck | OrderCheck, Field(discriminator="kind")]
CHECK_KINDS = ("sum", "product", "order")


def spread_check(value: Any) -> Any:
    """Turn `{sum: {of: …}}` as forms write it into `{kind: sum, of: …}` as it is stored."""
    if not isinstance(value, dict) or "kind" in value:
        return value
    if len(value) != 1 or (kind := next(iter(value))) not in CHECK_KINDS or not isinstance(value[kind], dict):
        raise ValueError(
            Message(
                N_("a check is exactly one of {kinds}, followed by what it compares"), {"kinds": ", ".join(CHECK_KINDS)}
            )
        )
    return {"kind": kind, **value[kind]}


class FormDefinition(Definition):
    """One form: its parts in order, and the checks across their fields."""

    form: Code
    title: Localized
    help: Localized | None = None
    parts: tuple[Part, ...] = Field(min_length=1, max_length=30)
    checks: tuple[Annotated[Check, BeforeValidator(spread_check)], ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> FormDefinition:
        refuse_twice([part.part for part in self.parts], N_("part names must differ; {twice} stands twice"))
        return self

    def part(self, code: str) -> Part:
        """Return the part named `code`; KeyError where there is none."""
        for part in self.parts:
            if part.part == code:
                return part
        raise KeyError(code)

    def field(self, path: str) -> AnyField:
        """Return the field at `part.field`; KeyError where there is none."""
        part, _, field = path.partition(".")
        return self.part(part).field(field)

    def rows(self, path: str) -> RowsField:
        """Return the table at `part.field`; KeyError where there is none."""
        field = self.field(path)
        if not isinstance(field, RowsField):
            raise KeyError(path)
        return field

    def walk(self) -> Iterator[tuple[Part, AnyField]]:
        """Yield every field with its part, in the order of the form."""
        for part in self.parts:
            for field in part.fields:
                yield part, field


def refuse_twice(codes: list[str], message: str) -> None:
    """Raise ValueError with `message` (place: `{twice}`) if a code stands more than once."""
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise ValueError(Message(message, {"twice": ", ".join(twice)}))
