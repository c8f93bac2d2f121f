"""Identifiers and secrets of business facts."""

from __future__ import annotations

import secrets
from uuid import UUID

import uuid6


class RandomIds:
    """UUIDv7 ids (they sort by time of creation) and random secrets."""

    def new(self) -> UUID:
        """Return a new UUIDv7."""
        return UUID(int=uuid6.uuid7().int)

    def token(self) -> str:
        """Return a URL-safe secret of 256 bits."""
        return secrets.token_urlsafe(32)
