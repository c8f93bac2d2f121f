"""Filing numbers as patterns: what they may hold, and whether two of them could ever write the same number."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import product
from string import Formatter
from typing import NamedTuple

PLACES = ("season", "serial", "group")
SERIAL_FORM = r"(0?[1-9]d?)?"
DIGITS = frozenset("0123456789")
YEAR = 4
"""A season is named by its year."""


class _Sign(NamedTuple):
    """One character of a number, or any number of them. of: which ones it may be."""

    of: frozenset[str]
    repeats: bool = False


def places_of(number: str) -> set[str] | None:
    """Return the names of a pattern's places, or None where it cannot be filled in."""
    try:
        places = [parsed for parsed in Formatter().parse(number) if parsed[1] is not None]
    except ValueError:
        return None
    for _, name, form, conversion in places:
        allowed = SERIAL_FORM if name == "serial" else ""
        if name not in PLACES or conversion or not re.fullmatch(allowed, form or ""):
            return None
    return {str(name) for _, name, _, _ in places}


def may_coincide(one: str, other: str, *, groups: Collection[str], others: Collection[str]) -> bool:
    """Tell whether two patterns could write the same number in some year, for some groups and serials.

    Args:
        one: a pattern that can be filled in.
        other: another one.
        groups: the codes of the groups that the first is filled in with.
        others: those of the second.
    """
    pairs = product(set(_writings(one, groups)), set(_writings(other, others)))
    return any(_meet(left, right) for left, right in pairs)


def _writings(number: str, groups: Collection[str]) -> Iterator[tuple[_Sign, ...]]:
    """Yield what the pattern may write, sign by sign, once for each group."""
    for group in groups or ("",):
        signs: list[_Sign] = []
        for text, name, form, _ in Formatter().parse(number):
            signs += _signs(text)
            if name == "season":
                signs += [_Sign(DIGITS)] * YEAR
            elif name == "serial":
                # Also a serial that has outgrown its width is written whole.
                signs += [_Sign(DIGITS)] * int(re.sub(r"\D", "", form or "") or 1) + [_Sign(DIGITS, repeats=True)]
            elif name == "group":
                signs += _signs(group)
        yield tuple(signs)


def _signs(text: str) -> list[_Sign]:
    return [_Sign(frozenset(letter)) for letter in text]


def _meet(left: tuple[_Sign, ...], right: tuple[_Sign, ...]) -> bool:
    """Walk both at once, from sign to sign, wherever a common character leads."""
    seen: set[tuple[int, int]] = set()
    ahead = [(0, 0)]
    while ahead:
        here = ahead.pop()
        if here in seen:
            continue
        seen.add(here)
        if here == (len(left), len(right)):
            return True
        ahead += _steps(left, right, here)
    return False


def _steps(left: tuple[_Sign, ...], right: tuple[_Sign, ...], here: tuple[int, int]) -> Iterator[tuple[int, int]]:
    at, to = here
    if at < len(left) and left[at].repeats:
        yield at + 1, to
    if to < len(right) and right[to].repeats:
        yield at, to + 1
    if at < len(left) and to < len(right) and left[at].of & right[to].of:
        yield at + (not left[at].repeats), to + (not right[to].repeats)
