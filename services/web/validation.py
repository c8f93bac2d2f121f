"""What the framework's validation finds, in our words and in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.i18n import N_, Message

WORDS = {
    "missing": N_("This is needed."),
    "json_invalid": N_("The body is not JSON: {error}."),
    "extra_forbidden": N_("There is no such entry here."),
    "string_too_long": N_("This is too long; at most {max_length} characters are accepted."),
    "string_too_short": N_("This is too short; at least {min_length} characters are needed."),
    "string_pattern_mismatch": N_("This holds characters that are not accepted here."),
    "string_unicode": N_("This holds characters that are not accepted here."),
    "string_type": N_("A text belongs here."),
    "greater_than_equal": N_("This must be {ge} or more."),
    "less_than_equal": N_("This must be {le} or less."),
    "too_long": N_("There are too many entries here; at most {max_length} are accepted."),
    "too_short": N_("There are too few entries here; at least {min_length} are needed."),
    "literal_error": N_("This must be one of: {expected}."),
    "enum": N_("This must be one of: {expected}."),
}
KINDS = {
    "int": N_("A whole number belongs here."),
    "uuid": N_("An id belongs here."),
    "bool": N_("Yes or no (true or false) belongs here."),
    "datetime": N_("A moment with its zone belongs here, like 2027-01-31T18:00:00+08:00."),
    "timezone": N_("A moment with its zone belongs here, like 2027-01-31T18:00:00+08:00."),
    "list": N_("A list belongs here."),
    "dict": N_("Named entries belong here."),
    "model": N_("Named entries belong here."),
}
OTHER = N_("This is not accepted here ({words}).")


def message_of(error: Mapping[str, Any]) -> Message:
    """Return the sentence for one of the framework's errors (`type`, `ctx`, `msg`)."""
    kind: str = error["type"]
    sentence = WORDS.get(kind) or KINDS.get(kind.partition("_")[0])
    if sentence is None:
        return Message(OTHER, {"words": error["msg"]})
    return Message(sentence, {name: str(value) for name, value in (error.get("ctx") or {}).items()})
