"""Forms: what they are, how input becomes data, whether it may be submitted, what changed. Pure."""

from services.process.forms.changes import Change, diff
from services.process.forms.cleaning import clean, flatten, parse_form_post
from services.process.forms.definition import (
    ROW_ID,
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
from services.process.forms.validation import FormContext, validate
from services.process.forms.values import shown, typed, yuan

__all__ = [
    "ROW_ID",
    "AnyField",
    "AttachmentsField",
    "Change",
    "ChoiceField",
    "DateField",
    "DecimalField",
    "FormContext",
    "FormDefinition",
    "IntegerField",
    "LongTextField",
    "MoneyField",
    "Part",
    "Problem",
    "RowsField",
    "ScalarField",
    "TextField",
    "clean",
    "describe",
    "diff",
    "flatten",
    "parse_form_post",
    "shown",
    "typed",
    "validate",
    "yuan",
]
