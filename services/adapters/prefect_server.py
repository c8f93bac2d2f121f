"""The embedded Prefect: its environment, closed to everyone without the secret, and whether it answers.

Knows Prefect only from outside (variables, an HTTP address, command lines): the supervisor stays small and starts fast.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
import urllib.request
from pathlib import Path

from services.adapters.data_folder import write_whole
from services.settings import Settings

USER = "guantong"
POOL = "guantong"


def auth_string(settings: Settings) -> str:
    """Return `user:password` of the Prefect server, made on the first use and kept in the data folder (0600)."""
    if settings.prefect_auth is not None:
        return settings.prefect_auth.get_secret_value()
    path = _auth_file(settings)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(path, f"{USER}:{secrets.token_urlsafe(24)}".encode())
    return path.read_text().strip()


def _auth_file(settings: Settings) -> Path:
    return settings.home / "prefect" / "auth"


def api_url(settings: Settings) -> str:
    """Return the address of the Prefect API: the embedded server's or one's own."""
    return settings.prefect_api_url or f"http://127.0.0.1:{settings.prefect_port}/api"


def client_environment(settings: Settings) -> dict[str, str]:
    """Return the variables with which a child speaks to Prefect: this process's, without its own PREFECT_*."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    loopback = ",".join(
        filter(None, [os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "127.0.0.1", "localhost"])
    )
    home = settings.home / "prefect"
    return inherited | {
        "NO_PROXY": loopback,
        "no_proxy": loopback,
        "DO_NOT_TRACK": "1",
        "PREFECT_API_URL": api_url(settings),
        "PREFECT_API_AUTH_STRING": auth_string(settings),
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_CLI_COLORS": "false",
    }


def server_environment(settings: Settings) -> dict[str, str]:
    """Return the variables of the server itself: loopback, one's own origin only, a secret for every request."""
    origin = f"http://127.0.0.1:{settings.prefect_port}"
    database = settings.home / "prefect" / "prefect.db"
    return client_environment(settings) | {
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(settings.prefect_port),
        "PREFECT_SERVER_API_AUTH_STRING": auth_string(settings),
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": origin,
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{database}",
        "PREFECT_SERVER_UI_API_URL": f"{origin}/api",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    }


def answers(settings: Settings, *, timeout: float = 1.0) -> bool:
    """Say whether the Prefect API is up and takes our secret."""
    try:
        _ask(f"{api_url(settings)}/health", headers=_authorization(settings), timeout=timeout)
    except OSError:
        return False
    return True


def answers_http(url: str, *, timeout: float = 1.0) -> bool:
    """Say whether a GET is answered with 2xx."""
    try:
        _ask(url, timeout=timeout)
    except OSError:
        return False
    return True


def workers(settings: Settings, *, timeout: float = 1.0) -> list[tuple[str, str]]:
    """Return name and status (`ONLINE`, `OFFLINE`) of our pool's workers.

    Raises:
        OSError: Prefect does not answer, or has no such pool.
    """
    url = f"{api_url(settings)}/work_pools/{POOL}/workers/filter"
    headers = _authorization(settings) | {"Content-Type": "application/json"}
    found = json.loads(_ask(url, headers=headers, body=b"{}", timeout=timeout))
    return [(str(each["name"]), str(each["status"])) for each in found]


def _authorization(settings: Settings) -> dict[str, str]:
    if settings.prefect_auth is None and not _auth_file(settings).exists():
        raise FileNotFoundError(f"there is no {_auth_file(settings)}")  # looking must not make one
    return {"Authorization": f"Basic {base64.b64encode(auth_string(settings).encode()).decode()}"}


def _ask(url: str, *, headers: dict[str, str] | None = None, body: bytes | None = None, timeout: float) -> bytes:
    """Return what our own address answers; no proxy of the environment comes between."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers=headers or {}, data=body)  # noqa: S310  our own address
    try:
        with opener.open(request, timeout=timeout) as answer:
            return bytes(answer.read())
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error


def sqlite_files(home: Path) -> list[Path]:
    """Return the embedded server's database files; whoever wipes them loses runs, never facts."""
    return sorted((home / "prefect").glob("prefect.db*"))
