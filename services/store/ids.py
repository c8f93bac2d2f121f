"""Identifiers and secrets of business facts."""

from __future__ import annotations

import os
import secrets
import time
from uuid import UUID

RANDOM_BYTES = 10
VERSION_AND_VARIANT = 0x7 << 76 | 0b10 << 62
FREE = (1 << 80) - 1 & ~(0xF << 76 | 0b11 << 62)
"""The bits of a UUIDv7 below its time that are neither version nor variant (RFC 9562, 5.7)."""


class RandomIds:
    """UUIDv7 ids (they sort by time of creation) and random secrets."""

    def new(self) -> UUID:
        """Return a new UUIDv7."""
        random = int.from_bytes(os.urandom(RANDOM_BYTES), "big")
        return UUID(int=time.time_ns() // 1_000_000 << 80 | VERSION_AND_VARIANT | random & FREE)

    def many(self, n: int) -> list[UUID]:
        """Return `n` new UUIDv7 of this millisecond, made at once."""
        random = secrets.token_bytes(RANDOM_BYTES * n)
        frame = time.time_ns() // 1_000_000 << 80 | VERSION_AND_VARIANT
        pieces = (random[at : at + RANDOM_BYTES] for at in range(0, len(random), RANDOM_BYTES))
        return [UUID(int=frame | int.from_bytes(piece, "big") & FREE) for piece in pieces]

    def token(self) -> str:
        """Return a URL-safe secret of 256 bits."""
        return secrets.token_urlsafe(32)
