"""What the use cases need from outside, as protocols. Adapters implement them; tests use real ones or null services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    """Business time. Aware, UTC. Leases and back-off do not use it: they use the database's real clock."""

    def now(self) -> datetime: ...


class Ids(Protocol):
    """Where identifiers and other random values of business facts come from."""

    def new(self) -> UUID:
        """Return a new UUIDv7."""
        ...

    def many(self, n: int) -> list[UUID]:
        """Return `n` new UUIDv7 at once, for writers of many rows."""
        ...

    def token(self) -> str:
        """Return a new secret of at least 128 bits, URL-safe."""
        ...


@dataclass(frozen=True)
class Delivery:
    """What became of one hand-over to the SMTP server.

    outcome: `sent` (2xx after DATA), `retry` (4xx or a broken connection), `dead` (5xx). words: the server's answer.
    """

    outcome: str
    words: str


class Mailer(Protocol):
    """Hands an envelope to a mail server. Never raises for what the server says: it returns a Delivery."""

    async def send(self, mail: EmailMessage, *, sender: str, recipients: Sequence[str]) -> Delivery: ...

    async def close(self) -> None: ...


class Waiter(Protocol):
    """How a season's flow waits: Prefect suspends the run; in process the caller steps on."""

    async def suspend(self, *, key: str) -> None:
        """Give up the process until resumed under `key`; a key that was already used returns at once."""
        ...


class Orchestrator(Protocol):
    """What the clock asks of whoever carries flow runs."""

    async def start_run(self, *, deployment: str, idempotency_key: str, parameters: dict[str, str | int]) -> str:
        """Create a run of the deployment, or find the one with this key; return its id."""
        ...

    async def run_state(self, run_id: str) -> str | None:
        """Return `scheduled`, `running`, `suspended`, `completed`, `failed`, `cancelled`, `crashed`, or None if unknown."""
        ...

    async def resume(self, run_id: str) -> None: ...
