"""How the first of a case's open visits came about, as SQL over the case's alias `c`."""

from __future__ import annotations

ENTERED_BY = "(SELECT v.entered_by FROM visit v WHERE v.case_id = c.id AND v.closed_at IS NULL ORDER BY v.opened_at, v.id LIMIT 1)"
"""The act that opened the visit; null where none is open."""

UNSUBMITTED = ("start", "withdraw", "take-back")
"""A submit stage that was opened so has nothing submitted: never yet, or taken back. What was returned is not missing."""

BACK = ("return", "decline", "oppose", "fail", "settle")
"""Acts that open a visit because something has to be mended."""


def among(values: tuple[str, ...]) -> str:
    """Return the values as an SQL list."""
    return "(" + ", ".join(f"'{value}'" for value in values) + ")"
