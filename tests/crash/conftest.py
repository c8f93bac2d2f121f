from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.programs import Installation, installation
from tests.smtp_servers import RecordingServer, smtp_server


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    with smtp_server() as running:
        yield running


@pytest.fixture
def installed(tmp_path: Path, database_url: str, server: RecordingServer) -> Iterator[Installation]:
    """Web and clock on this test's database, with a mail server that records."""
    made = installation(
        tmp_path,
        database_url,
        smtp_host="127.0.0.1",
        smtp_port=server.port,
        smtp_tls="none",
        smtp_timeout=5.0,
        smtp_connections=1,
        smtp_sender="plans@example.edu.cn",
    )
    yield made
    made.end()
