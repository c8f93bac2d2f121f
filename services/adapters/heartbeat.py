"""Signs of life: a row per process, by the database's real clock, for the pages and metrics that say what runs."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from typing import Any

from services.store.transaction import Tx

BEAT = """
INSERT INTO heartbeat (name, kind, at, detail) VALUES ($1, $2, clock_timestamp(), $3::jsonb)
ON CONFLICT (name) DO UPDATE SET at = excluded.at, detail = excluded.detail
"""


def process_name(kind: str) -> str:
    """Return the name under which this process beats: its kind, host and pid."""
    return f"{kind}@{socket.gethostname()}:{os.getpid()}"[:100]


async def beat(tx: Tx, kind: str, *, detail: Mapping[str, Any]) -> None:
    """Write that this process lives, and what it has to say of itself; nothing personal."""
    await tx.rows(BEAT, (process_name(kind), kind, json.dumps(detail)))


async def farewell(tx: Tx, kind: str) -> None:
    """Take the row back: the process ends in good order."""
    await tx.rows("DELETE FROM heartbeat WHERE name = $1", (process_name(kind),))
