"""A web process to measure, and clients that cost little: raw HTTP/1.1 over kept-open connections."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@asynccontextmanager
async def web_process(target: str, environment: dict[str, str], *, factory: bool) -> AsyncIterator[int]:
    """Run `uvicorn target` as one worker and yield its port once it answers."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        target,
        "--port",
        str(port),
        "--no-access-log",
        "--log-level",
        "warning",
    ]
    command += ["--factory"] if factory else []
    process = subprocess.Popen(command, env={**os.environ, **environment})  # noqa: ASYNC220 - before anything is measured
    try:
        await _until_open(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


async def _until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError("the web process ended at its start")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise RuntimeError("the web process does not answer")


@dataclass(frozen=True)
class Request:
    """One request; `wanted` is the status that it must have, `token` whose it is, where not everybody's."""

    method: str
    path: str
    body: object = None
    wanted: int = 200
    token: str = ""

    def encode(self, headers: dict[str, str]) -> bytes:
        body = b"" if self.body is None else json.dumps(self.body).encode()
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
        lines += ["Content-Type: application/json"] if body else []
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Authorization: Bearer {self.token}"] if self.token else []
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def drive(
    port: int, requests: Sequence[Sequence[Request]], *, clients: int, headers: dict[str, str] | None = None
) -> float:
    """Send every chain of requests (a chain in its order) from `clients` connections; return the seconds it took."""
    encoded = [[(request.encode(headers or {}), request.wanted) for request in chain] for chain in requests]
    waiting = iter(encoded)

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for chain in waiting:
            for data, wanted in chain:
                writer.write(data)
                status, body = await _answer(reader)
                if status != wanted:
                    raise RuntimeError(f"{status} instead of {wanted}: {data[:200]!r} {body[:500]!r}")
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return time.perf_counter() - started


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    length = 0
    for line in head.split(b"\r\n")[1:]:
        if line[:15].lower() == b"content-length:":
            length = int(line[15:])
    return status, await reader.readexactly(length) if length else b""
