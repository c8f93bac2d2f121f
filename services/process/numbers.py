"""Filing numbers as patterns: what they may hold, and whether two of them could ever write the same number."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import product
from string import Formatter

PLACES = ("season", "serial", "group")
SERIAL_FORM = r"(0?[1-9]d?)?"
DIGITS = frozenset("0123456789")
YEAR = 4
"""A season is named by its year."""


class _Writer:
    """What a pattern may write, as a graph: from point to point by one character, or by none."""

    def __init__(self, number: str, groups: Collection[str]) -> None:
        self.by: list[dict[str, list[int]]] = [{}]
        self.free: list[list[int]] = [[]]
        self.at = 0
        for text, name, form, _ in Formatter().parse(number):
            self._text(text)
            if name == "season":
                self._digits(YEAR)
            elif name == "serial":
                # Also a serial that has outgrown its width is written whole.
                self._digits(int(re.sub(r"\D", "", form or "") or 1))
                self._step(DIGITS, self.at)
            elif name == "group":
                self._one_of(groups or ("",))

    def _point(self) -> int:
        self.by.append({})
        self.free.append([])
        return len(self.by) - 1

    def _step(self, letters: Iterable[str], to: int) -> None:
        for letter in letters:
            self.by[self.at].setdefault(letter, []).append(to)

    def _text(self, text: str) -> None:
        for letter in text:
            to = self._point()
            self._step(letter, to)
            self.at = to

    def _digits(self, count: int) -> None:
        for _ in range(count):
            to = self._point()
            self._step(DIGITS, to)
            self.at = to

    def _one_of(self, words: Iterable[str]) -> None:
        """Write one of the words. Those that begin alike share their points, so that a thousand groups are soon compared."""
        begin, ends = self.at, set()
        shared: dict[tuple[int, str], int] = {}
        for word in words:
            self.at = begin
            for letter in word:
                key = (self.at, letter)
                if key not in shared:
                    shared[key] = self._point()
                    self._step(letter, shared[key])
                self.at = shared[key]
            ends.add(self.at)
        self.at = self._point()
        for end in ends:
            self.free[end].append(self.at)


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
    return _meet(_Writer(one, groups), _Writer(other, others))


def _meet(left: _Writer, right: _Writer) -> bool:
    """Walk both at once, from point to point, wherever a common character leads."""
    seen: set[tuple[int, int]] = set()
    ahead = [(0, 0)]
    while ahead:
        here = ahead.pop()
        if here in seen:
            continue
        seen.add(here)
        if here == (left.at, right.at):
            return True
        ahead += _steps(left, right, here)
    return False


def _steps(left: _Writer, right: _Writer, here: tuple[int, int]) -> Iterator[tuple[int, int]]:
    at, to = here
    yield from ((each, to) for each in left.free[at])
    yield from ((at, each) for each in right.free[to])
    for letter in left.by[at].keys() & right.by[to].keys():
        yield from product(left.by[at][letter], right.by[to][letter])
