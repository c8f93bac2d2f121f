"""How wide a text is and where its lines break, without a font: Chinese signs are as wide as they are high."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

NARROW, CAPITAL = 0.56, 0.68
CLOSING = frozenset("，。、；：？！）》”’」』】,.;:?!)]}")
"""What may not begin a line."""
_PIECES = re.compile(r"\s+|[\x21-\u024f]+|.", re.DOTALL)


def width_of(text: str, size: float) -> float:
    """Return how wide a line of `text` is at about the most, in the unit of `size`."""
    return sum(map(_em, text)) * size


def _em(sign: str) -> float:
    if unicodedata.combining(sign):
        return 0.0
    if unicodedata.east_asian_width(sign) in "WFA":
        return 1.0
    return CAPITAL if sign.isupper() or sign in "@%&mwMW" else NARROW


def wrap(text: str, *, width: float, size: float) -> list[str]:
    """Return the lines of a text: between words, between Chinese signs, and inside of a word that is wider than a line."""
    lines = [""]
    for piece in _pieces(" ".join(text.split()), width, size):
        if width_of(lines[-1] + piece, size) <= width or piece in CLOSING or not lines[-1]:
            lines[-1] += piece
        else:
            lines.append(piece)
    return [line.strip() for line in lines if line.strip()] or [""]


def _pieces(text: str, width: float, size: float) -> Iterator[str]:
    for match in _PIECES.finditer(text):
        piece = match[0]
        if width_of(piece, size) <= width:
            yield piece
        else:
            yield from piece
