"""Page marks: where the next page begins, as one opaque URL-safe word."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from services.errors import InvalidInputError

A = TypeVar("A")


def write(first: object, identity: UUID) -> str:
    """Return a page mark for the last row's sort key and id."""
    text = first.isoformat() if isinstance(first, datetime) else str(first)
    return base64.urlsafe_b64encode(f"{identity.hex}{text}".encode()).decode().rstrip("=")


def read(mark: str | None, key: Callable[[str], A], identity: Callable[[str], UUID] = UUID) -> tuple[A, UUID] | None:
    """Read a page mark; None for None.

    Raises:
        InvalidInputError: it is none of ours.
    """
    if not mark:
        return None
    try:
        text = base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)).decode().replace("\x00", "")
        return key(text[32:]), identity(text[:32])
    except (ValueError, OverflowError) as error:
        raise InvalidInputError([{"field": "after", "message": "This page mark is not one of ours."}]) from error


def moment(text: str) -> datetime:
    """Read an aware moment.

    Raises:
        ValueError: it is none, or has no zone.
    """
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found.astimezone(UTC)


def flag(text: str) -> bool:
    """Read yes (1) or no (0).

    Raises:
        ValueError: it is neither.
    """
    if text not in {"0", "1"}:
        raise ValueError(text)
    return text == "1"
