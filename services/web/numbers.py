"""Numbers as they stand in a request: digits that are digits everywhere, and few enough to be a number of ours."""

from __future__ import annotations

MOST_DIGITS = 9


def whole(text: str, *, digits: int = MOST_DIGITS) -> int | None:
    """Return a whole number, or None for anything else.

    Args:
        text: as it arrived. `isdigit` alone takes superscripts, which `int` does not.
        digits: how many there may be.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None
