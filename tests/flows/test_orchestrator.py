"""The adapter against a server of Prefect's manners: busy, refusing, gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.adapters.prefect import PrefectApi
from services.errors import OrchestratorDownError, OrchestratorRefusedError
from services.settings import load_settings


@pytest.fixture
def answers() -> list[int]:
    return []


@pytest.fixture
async def api(tmp_path: Path, answers: list[int]) -> AsyncIterator[PrefectApi]:
    """The API whose server gives `answers`, one after the other."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"].startswith("Basic ")
        return httpx.Response(answers.pop(0), json={})

    environment = {"GUANTONG_HOME": str(tmp_path), "GUANTONG_KEY_FOLDER": str(tmp_path.parent / "keys")}
    async with PrefectApi(load_settings(environment), transport=httpx.MockTransport(answer)) as api:
        yield api


async def test_a_busy_server_is_asked_again(api: PrefectApi, answers: list[int]) -> None:
    answers += [503, 503, 200]
    assert (await api.request("GET", "/flow_runs/1")).status_code == 200


@pytest.mark.parametrize("status", [500, 401, 403])
async def test_a_server_that_cannot_or_does_not_know_us_is_down(
    api: PrefectApi, answers: list[int], status: int
) -> None:
    answers.append(status)
    with pytest.raises(OrchestratorDownError):
        await api.request("GET", "/flow_runs/1")


async def test_busy_for_good_is_down(api: PrefectApi, answers: list[int]) -> None:
    answers += [503] * 4
    with pytest.raises(OrchestratorDownError):
        await api.request("GET", "/flow_runs/1")


async def test_a_refusal_is_told_apart(api: PrefectApi, answers: list[int]) -> None:
    answers += [404, 409]
    assert (await api.request("GET", "/flow_runs/1", accept=(404,))).status_code == 404
    with pytest.raises(OrchestratorRefusedError):
        await api.request("POST", "/deployments/1/create_flow_run")
