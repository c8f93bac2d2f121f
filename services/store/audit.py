"""The audit chain: what an event's hash covers, and how the events of a transition are chained.

An event's hash is SHA-256 over the canonical JSON of everything in it and the previous hash. Personal values stand in
it as salted digests only: the salt lies in its own row, so erasing the salt (and the value where it stands) leaves the
chain whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

GENESIS = "0" * 64


def canonical(value: Any) -> bytes:
    """Return the one JSON text of a value: keys sorted, no spaces, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str).encode()


def digest(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def salted(value: str, salt: str) -> str:
    """Return the digest that stands for a personal value in an event."""
    return "salted:" + hashlib.sha256(f"{salt}\x00{value}".encode()).hexdigest()


@dataclass(frozen=True)
class ChainedEvent:
    """An event with its place in its stream's chain."""

    id: UUID
    bureau_id: UUID
    stream: str
    stream_id: UUID
    seq: int
    at: datetime
    person_id: UUID | None
    kind: str
    data: Mapping[str, Any]
    prev: str

    @property
    def hash(self) -> str:
        """The event's hash; the same whether computed before writing or from the stored row."""
        return digest(
            {
                "id": str(self.id),
                "bureau": str(self.bureau_id),
                "stream": self.stream,
                "stream_id": str(self.stream_id),
                "seq": self.seq,
                "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
                "person": str(self.person_id) if self.person_id else None,
                "kind": self.kind,
                "data": self.data,
                "prev": self.prev,
            }
        )
