"""Who holds a position: the one condition that every look-up of holders shares, as SQL text."""

from __future__ import annotations


def holds(day: str, now: str, *, alias: str = "a") -> str:
    """Return the condition that an appointment counts: it runs on that day, and its person has not left.

    An appointment may outlast its person's stay; who is gone is neither told nor counted, and what only they hold is
    said to be vacant.

    Args:
        day: SQL of the day in the bureau's zone, for example `$3`.
        now: SQL of the business time, a timestamptz, for example `$4`.
        alias: the name of the `appointment` row in the statement.
    """
    return (
        f"{alias}.starts_on <= {day} AND ({alias}.ends_on IS NULL OR {alias}.ends_on >= {day})"
        f" AND NOT EXISTS (SELECT FROM person gone WHERE gone.id = {alias}.person_id AND gone.left_at <= {now})"
    )
