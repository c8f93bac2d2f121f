"""Who signs in a stage, and how their opinions make one outcome (会签, 或签, 票签, one task per member)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from services.i18n import N_, Message
from services.process.terms import Actor, Definition

Mode = Literal["one", "any_of", "all_of", "in_sequence", "quorum", "votes", "each"]
Names = Annotated[tuple[Actor, ...], Field(min_length=1)]


class AllOf(Definition):
    """会签: every one of these positions must approve; one return sends it back."""

    all_of: Names


class AnyOf(Definition):
    """或签: the first of these positions to act decides."""

    any_of: Names


class InSequence(Definition):
    """依次会签: all of these positions must approve, each after the one before it."""

    in_sequence: Names


class Quorum(Definition):
    """So many of these positions must approve; it has failed once too few are left who could."""

    quorum: int = Field(ge=1)
    of: Names

    @model_validator(mode="after")
    def _can_be_reached(self) -> Quorum:
        if self.quorum > len(self.of):
            values = {"quorum": self.quorum, "count": len(self.of)}
            raise ValueError(
                Message(
                    "a quorum of {quorum} cannot be reached by {count} positions; name more or ask for fewer", values
                )
            )
        return self


class Votes(Definition):
    """票签: each of these positions votes with its weight; the weights that approve must reach `needed`."""

    votes: dict[Actor, Annotated[int, Field(ge=1, le=1000)]] = Field(min_length=1)
    needed: int = Field(ge=1)

    @model_validator(mode="after")
    def _can_be_reached(self) -> Votes:
        total = sum(self.votes.values())
        if self.needed > total:
            values = {"needed": self.needed, "total": total}
            raise ValueError(
                Message("{needed} votes cannot be reached: all together have {total}; ask for fewer", values)
            )
        return self

    def __hash__(self) -> int:
        """Hash what the weights say: a dict has no hash of its own."""
        return hash((*sorted(self.votes.items()), self.needed))


class Each(Definition):
    """One task for each person who holds the position when the stage opens; all of them, or the first `needed`, decide."""

    each: Actor
    needed: int | None = Field(default=None, ge=1)


KEYS: Mapping[str, str] = {
    "all_of": "AllOf", "any_of": "AnyOf", "in_sequence": "InSequence", "quorum": "Quorum", "votes": "Votes", "each": "Each",
}  # fmt: skip
"""The key by which each mode is known, and its class."""


def _keys_in(value: Any) -> list[str]:
    return [key for key in KEYS if key in value] if isinstance(value, dict) else []


def _one_mode(value: Any) -> Any:
    """Refuse what names no mode, or several, in one sentence instead of one for each mode."""
    if isinstance(value, str | Definition) or len(_keys_in(value)) == 1:
        return value
    found = ", ".join(_keys_in(value)) or "–"
    words = N_("who acts is one position, or exactly one of {modes} with positions; found {found}")
    raise ValueError(Message(words, {"modes": ", ".join(KEYS), "found": found}))


def _mode(value: Any) -> str:
    """Return the class that reads `value`."""
    if isinstance(value, dict):
        return KEYS[_keys_in(value)[0]]
    return "Actor" if isinstance(value, str) else type(value).__name__


Signers = Annotated[
    Annotated[Actor, Tag("Actor")]
    | Annotated[AllOf, Tag("AllOf")]
    | Annotated[AnyOf, Tag("AnyOf")]
    | Annotated[InSequence, Tag("InSequence")]
    | Annotated[Quorum, Tag("Quorum")]
    | Annotated[Votes, Tag("Votes")]
    | Annotated[Each, Tag("Each")],
    Discriminator(_mode),
    BeforeValidator(_one_mode),
]


def actors_of(by: Signers) -> tuple[str, ...]:  # noqa: PLR0911 - one line per mode
    """Return every position that signs, in the definition's order."""
    match by:
        case AllOf():
            return by.all_of
        case AnyOf():
            return by.any_of
        case InSequence():
            return by.in_sequence
        case Quorum():
            return by.of
        case Votes():
            return tuple(by.votes)
        case Each():
            return (by.each,)
        case actor:
            return (actor,)


def mode_of(by: Signers) -> Mode:  # noqa: PLR0911 - one line per mode
    """Return how the opinions make one outcome."""
    match by:
        case AllOf():
            return "all_of"
        case AnyOf():
            return "any_of"
        case InSequence():
            return "in_sequence"
        case Quorum():
            return "quorum"
        case Votes():
            return "votes"
        case Each():
            return "each"
        case _:
            return "one"
