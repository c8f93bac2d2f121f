"""Prefect as the carrier of seasons: create runs, look at them, wake them, and see to it that it knows our flows.

Speaks to Prefect's HTTP API itself: the clock needs five requests, and Prefect's own client would cost it a hundred
megabytes. Everything here may be repeated, and Prefect may have lost everything since the last call.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml

from services.adapters import prefect_server
from services.errors import NotResumableError, OrchestratorDownError, OrchestratorRefusedError
from services.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
DEPLOYMENTS = ROOT / "prefect.yaml"
TIMEOUT = 10.0
BUSY_DELAYS = (0.2, 0.5, 1.0)
"""Seconds before a busy server is asked again."""

STATES = {
    "SCHEDULED": "scheduled",
    "PENDING": "running",  # a worker has it; should worker and run have died there, the lease tells
    "RUNNING": "running",
    "CANCELLING": "running",
    "PAUSED": "suspended",
    "COMPLETED": "completed",
    "FAILED": "failed",
    "CANCELLED": "cancelled",
    "CRASHED": "crashed",
}
"""Prefect's state types as ports.Orchestrator names them."""


def prefect_environment(settings: Settings) -> dict[str, str]:
    """Return the variables with which a worker or a flow speaks to this installation's Prefect, and finds our store."""
    return prefect_server.client_environment(settings) | settings.environment()


class PrefectApi:
    """Prefect's HTTP API with this installation's secret.

    Args:
        settings: say where Prefect is.
        transport: what carries the requests; left out, the network.
    """

    def __init__(self, settings: Settings, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        name, _, password = prefect_server.auth_string(settings).partition(":")
        self._client = httpx.AsyncClient(
            base_url=prefect_server.api_url(settings),
            auth=(name, password),
            timeout=TIMEOUT,
            transport=transport,
            trust_env=settings.prefect_api_url is not None,  # no proxy stands between us and our own loopback
        )

    async def request(
        self, method: str, path: str, body: Any = None, *, accept: tuple[int, ...] = ()
    ) -> httpx.Response:
        """Send a request; return the answer where it is 2xx or one of `accept`.

        Raises:
            OrchestratorDownError: no answer, or one that says that it cannot work now (5xx) or does not know us (401).
            OrchestratorRefusedError: any other answer.
        """
        try:
            answer = await self._ask(method, path, body)
        except httpx.HTTPError as error:
            raise OrchestratorDownError(words=f"{type(error).__name__} {error}") from error
        if answer.is_success or answer.status_code in accept:
            return answer
        words = f"{method} {path}: {answer.status_code} {answer.text[:200]}"
        if answer.is_server_error or answer.status_code in {401, 403}:
            raise OrchestratorDownError(words=words)
        raise OrchestratorRefusedError(words=words)

    async def _ask(self, method: str, path: str, body: Any) -> httpx.Response:
        """Send it, and again where the server's SQLite was busy: every request of ours may be repeated."""
        for delay in BUSY_DELAYS:
            answer = await self._client.request(method, path, json=body)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return answer
            await asyncio.sleep(delay)
        return await self._client.request(method, path, json=body)

    async def close(self) -> None:
        """Close the kept-open connections."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class PrefectOrchestrator:
    """ports.Orchestrator over Prefect's API.

    Args:
        settings: say where Prefect is and with which secret it is spoken to.
    """

    def __init__(self, settings: Settings) -> None:
        self._api = PrefectApi(settings)

    async def start_run(self, *, deployment: str, idempotency_key: str, parameters: dict[str, str | int]) -> str:
        """Create a run of `flow/deployment`, or find the one with this key; return its id.

        A deployment that Prefect has lost is registered anew.

        Raises:
            OrchestratorDownError: Prefect does not answer.
            OrchestratorRefusedError: it does not take the run.
        """
        deployment_id = await self._deployment(deployment)
        if deployment_id is None:
            await _register(self._api)
            deployment_id = await self._deployment(deployment)
        if deployment_id is None:
            raise OrchestratorRefusedError(words=f"prefect.yaml has no deployment {deployment}")
        body = {"parameters": parameters, "idempotency_key": idempotency_key, "state": {"type": "SCHEDULED"}}
        body["name"] = "-".join(
            str(parameters[name]) for name in ("bureau", "season", "generation") if name in parameters
        )
        answer = await self._api.request("POST", f"/deployments/{deployment_id}/create_flow_run", body)
        return str(answer.json()["id"])

    async def _deployment(self, name: str) -> str | None:
        answer = await self._api.request("GET", f"/deployments/name/{name}", accept=(404,))
        return str(answer.json()["id"]) if answer.is_success else None

    async def run_state(self, run_id: str) -> str | None:
        """Return the run's state in the port's words; None where Prefect does not know the run.

        Raises:
            OrchestratorDownError: Prefect does not answer.
        """
        answer = await self._api.request("GET", f"/flow_runs/{run_id}", accept=(404,))
        if not answer.is_success:
            return None
        return STATES.get(answer.json()["state_type"])

    async def resume(self, run_id: str) -> None:
        """Wake a suspended run; one that is awake, over or unknown stays as it is.

        Raises:
            NotResumableError: Prefect refuses, now and for ever.
            OrchestratorDownError: Prefect does not answer.
        """
        answer = await self._api.request("POST", f"/flow_runs/{run_id}/resume", {"run_input": None}, accept=(404,))
        if answer.is_success and answer.json()["status"] == "REJECT":
            raise NotResumableError(run=run_id, words=answer.json().get("details", {}).get("reason") or "?")

    async def close(self) -> None:
        """Close the kept-open connections."""
        await self._api.close()


async def register_deployments(settings: Settings | None = None) -> None:
    """Make the work pool and the deployments of prefect.yaml known to Prefect. What is there and right stays untouched.

    Args:
        settings: the installation's; left out, they are read from the environment.

    Raises:
        OrchestratorDownError: Prefect does not answer.
    """
    async with PrefectApi(settings or load_settings()) as api:
        await _register(api)


async def _register(api: PrefectApi) -> None:
    wanted: dict[str, Any] = yaml.safe_load(DEPLOYMENTS.read_text(encoding="utf-8"))
    for pool in sorted({deployment["work_pool"]["name"] for deployment in wanted["deployments"]}):
        await api.request("POST", "/work_pools/", {"name": pool, "type": "process"}, accept=(409,))
    for deployment in wanted["deployments"]:
        await _register_one(api, deployment)


async def _register_one(api: PrefectApi, deployment: dict[str, Any]) -> None:
    """Register one deployment, unless the same one is there: registering again would delete its scheduled runs."""
    flow = str(deployment["entrypoint"]).rpartition(".")[2].replace("_", "-")
    found = await api.request("GET", f"/deployments/name/{flow}/{deployment['name']}", accept=(404,))
    if found.is_success and _is_same(found.json(), deployment):
        return
    flow_id = (await api.request("POST", "/flows/", {"name": flow})).json()["id"]
    body = {
        "name": deployment["name"],
        "flow_id": flow_id,
        "entrypoint": deployment["entrypoint"],
        "description": deployment["description"],
        "work_pool_name": deployment["work_pool"]["name"],
        "pull_steps": [],
        "enforce_parameter_schema": False,
        "schedules": [
            {"active": True, "schedule": {"cron": each["cron"], "timezone": each["timezone"]}}
            for each in deployment.get("schedules", [])
        ],
    }
    await api.request("POST", "/deployments/", body)


def _is_same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    crons = sorted(each["schedule"].get("cron", "") for each in found["schedules"])
    return (
        found["entrypoint"] == wanted["entrypoint"]
        and found["work_pool_name"] == wanted["work_pool"]["name"]
        and crons == sorted(each["cron"] for each in wanted.get("schedules", []))
    )
