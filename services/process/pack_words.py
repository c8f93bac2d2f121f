"""What Pydantic found wrong, in words that say what would be right."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from services.i18n import N_, Message
from services.process.definitions import CODE, STAGE_KINDS, StageBase
from services.process.mistakes import Loc, suggest

_KIND_OF_VALUE = {
    "string_type": N_("text belongs here; found {found}. Put it in quotes"),
    "int_type": N_("a whole number belongs here; found {found}"),
    "int_parsing": N_("a whole number belongs here; found {found}"),
    "int_from_float": N_("a whole number belongs here; found {found}"),
    "bool_type": N_("true or false belongs here; found {found}"),
    "bool_parsing": N_("true or false belongs here; found {found}"),
    "tuple_type": N_("a list belongs here; found {found}. Write [one, two], or lines that begin with “-”"),
    "dict_type": N_("named values belong here; found {found}"),
    "model_type": N_("named values belong here; found {found}"),
    "model_attributes_type": N_("named values belong here; found {found}"),
    "time_parsing": N_('a time of day belongs here, for example "09:00"; found {found}'),
    "time_type": N_('a time of day belongs here, for example "09:00"; found {found}'),
    "date_from_datetime_parsing": N_("a day belongs here, for example 2027-10-01; found {found}"),
    "date_parsing": N_("a day belongs here, for example 2027-10-01; found {found}"),
    "date_type": N_("a day belongs here, for example 2027-10-01; found {found}"),
    "less_than_equal": N_("at most {bound} belongs here; found {found}"),
    "greater_than_equal": N_("at least {bound} belongs here; found {found}"),
    "string_too_short": N_("this may not be empty"),
    "too_short": N_("this list may not be empty"),
}


def words(error: ErrorDetails, root: type[BaseModel]) -> Message:
    """Return the sentence for one error of `root`'s validation."""
    kind, loc = error["type"], error["loc"]
    context = error.get("ctx", {})
    found = _found(error["input"])
    match kind:
        case "extra_forbidden":
            suggestion = suggest(str(loc[-1]), sorted(set(_known_keys(root, loc[:-1]))))
            message = Message("unknown key “{key}”; {suggestion}", {"key": loc[-1], "suggestion": suggestion})
        case "missing":
            message = Message("“{key}” is missing here", {"key": _missing_name(root, loc)})
        case "union_tag_not_found":
            message = Message("“{key}” is missing here", {"key": str(context["discriminator"]).strip("'")})
        case "literal_error":
            message = _choice_words(found, error["input"], context["expected"].replace(" or ", ", "))
        case "union_tag_invalid":
            message = _choice_words(f"“{context['tag']}”", context["tag"], context["expected_tags"])
        case "string_pattern_mismatch":
            message = _pattern_words(context["pattern"], found)
        case "value_error":
            reason = context["error"].args[0]
            message = reason if isinstance(reason, Message) else Message("{reason}", {"reason": reason})
        case _ if kind in _KIND_OF_VALUE:
            bound = context.get("le", context.get("ge"))
            message = Message(_KIND_OF_VALUE[kind], {"found": found, "bound": bound})
        case _:
            message = Message("{found} is not possible here: {reason}", {"found": found, "reason": error["msg"]})
    return message


def _choice_words(found: Message | str, given: Any, expected: str) -> Message:
    suggestion = suggest(str(given), [each.strip(" '") for each in expected.split(",")])
    return Message("{found} is not possible here; {suggestion}", {"found": found, "suggestion": suggestion})


def _found(value: Any) -> Message | str:
    match value:
        case None:
            return Message("nothing")
        case bool():
            return "true" if value else "false"
        case dict():
            return Message("named values")
        case list() | tuple():
            return Message("a list")
        case _:
            return f"“{str(value)[:60]}”"


def _pattern_words(pattern: str, found: Message | str) -> Message:
    if pattern == CODE:
        return Message(
            "{found} is no code; write small letters, digits and single hyphens, for example basic-office",
            {"found": found},
        )
    if "/" in pattern and "\\d" not in pattern:
        return Message(
            "{found} names nobody; write role, or unit/role, for example guiding-unit/reviewer", {"found": found}
        )
    if "\\d\\d-" in pattern:
        return Message(
            "{found} is no day of a season; write month-day, for example 01-31, or -1/11-15 for the year before",
            {"found": found},
        )
    if "\\." in pattern:
        return Message("{found} is no path; write part.field or part.field.column", {"found": found})
    return Message("{found} is no name of a field; write small letters, digits and underscores", {"found": found})


def _missing_name(root: type[BaseModel], loc: Loc) -> str:
    """Return how a person writes the missing key: a stage's `code` stands behind its kind."""
    holders = list(_models(root, loc[:-1]))
    if loc[-1] in {"code", "kind"} and any(issubclass(holder, StageBase) for holder in holders):
        return " / ".join(STAGE_KINDS)
    return str(loc[-1])


def _known_keys(root: type[BaseModel], loc: Loc) -> Iterator[str]:
    for model in _models(root, loc):
        for name, info in model.model_fields.items():
            if not (issubclass(model, StageBase) and name in {"code", "kind"}):
                yield info.alias or name


def _models(annotation: Any, loc: Loc) -> Iterator[type[BaseModel]]:
    """Yield the models that stand at `loc` below `annotation`; tags of unions choose among several."""
    for each in _unfold(annotation):
        if isinstance(each, type) and issubclass(each, BaseModel):
            if not loc:
                yield each
            elif loc[0] in each.model_fields or any(info.alias == loc[0] for info in each.model_fields.values()):
                yield from _models(_field(each, str(loc[0])), loc[1:])
            elif _is_tag(each, loc[0]):
                yield from _models(each, loc[1:])
        elif get_origin(each) is tuple and loc and isinstance(loc[0], int):
            yield from _models(get_args(each)[0], loc[1:])


def _unfold(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _unfold(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for each in get_args(annotation):
            yield from _unfold(each)
    else:
        yield annotation


def _field(model: type[BaseModel], name: str) -> Any:
    return next(info.annotation for key, info in model.model_fields.items() if name in (key, info.alias))


def _is_tag(model: type[BaseModel], step: str | int) -> bool:
    """Tell whether `step` is how Pydantic names this member of a union: its tag, or its class."""
    tags = [get_args(info.annotation) for info in model.model_fields.values()]
    return step == model.__name__ or any(step in tag for tag in tags)
