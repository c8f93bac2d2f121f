"""Ids that a second run draws again."""

from __future__ import annotations

from uuid import UUID


class CountedIds:
    """The Ids port, counting. space: tells the ids of one history from another's."""

    def __init__(self, space: int = 0) -> None:
        self.begin(space)

    def begin(self, space: int) -> None:
        self.at = space << 64

    def new(self) -> UUID:
        self.at += 1
        return UUID(int=self.at)

    def many(self, n: int) -> list[UUID]:
        return [self.new() for _ in range(n)]

    def token(self) -> str:
        return f"token-{self.new().int:x}"
