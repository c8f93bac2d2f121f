"""Schemathesis, signed in as each role: whatever is sent, no 5xx, and every answer is as the OpenAPI document says."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.store.clock import StoreClock
from services.web.app import create_app
from tests.api.conftest import installed
from tests.api.rights import ROLES, Forgetful, attach_files, fill

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
CASES = ("math_id", "physics_id", "biology_id")
TASKS = ("guidance_id", "plan_id", "basic_id", "done_id")


@dataclass(frozen=True)
class Target:
    """A server on loopback that keeps nothing, its document, tokens by role, and the ids that there are."""

    url: str
    document: dict
    tokens: dict[str, str]
    ids: dict[str, str]


@pytest.fixture(scope="module")
async def prepared(module_database, tmp_path_factory) -> AsyncIterator[tuple]:
    async with installed(module_database, tmp_path_factory.mktemp("fuzz"), "qd") as made:
        made.ids["qd"] = await fill(made.world, "qd")
        await attach_files(made)
        tokens = {role: (await made.client(login)).token for role, login in ROLES.items()}
        yield module_database, made.app.state.settings, tokens, made.ids["qd"]


@pytest.fixture(scope="module")
def target(prepared) -> Iterator[Target]:
    url, found, tokens, ids = prepared
    running: dict = {}

    async def serve() -> None:
        store = Forgetful(url, clock=StoreClock(), pool_size=3)
        running["app"] = create_app(store, found)
        config = uvicorn.Config(running["app"], host="127.0.0.1", port=0, log_level="error", ws="none")
        running["server"] = uvicorn.Server(config)
        await running["server"].serve()
        await store.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    while "server" not in running or not running["server"].started:
        assert thread.is_alive()
        time.sleep(0.02)
    port = running["server"].servers[0].sockets[0].getsockname()[1]
    yield Target(f"http://127.0.0.1:{port}", running["app"].openapi(), {**tokens, "nobody": "none"}, ids)
    running["server"].should_exit = True
    thread.join()


def some_id(name: str, ids: dict[str, str]) -> st.SearchStrategy[str]:
    """Return ids that there are, so that more is tried than how nothing is found."""
    names = {"case_id": CASES, "task_id": TASKS}.get(name, (name,))
    return st.sampled_from([ids[each] for each in names if each in ids])


def fuzz(target: Target, roles: list[str], *, examples: int) -> int:
    """Try every operation so many times as any of the roles; return how many calls were made."""
    operations = [found.ok() for found in schemathesis.openapi.from_dict(target.document).get_all_operations()]
    return sum(fuzz_operation(target, operation, roles, examples=examples) for operation in operations)


def fuzz_operation(target: Target, operation, roles: list[str], *, examples: int) -> int:
    calls = 0

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(data=st.data())
    def tried(data):
        nonlocal calls
        case = data.draw(operation.as_strategy())
        for name in case.path_parameters or {}:
            if data.draw(st.integers(0, 3)):
                case.path_parameters[name] = data.draw(some_id(name, target.ids))
        token = target.tokens[data.draw(st.sampled_from(roles))]
        response = case.call(base_url=target.url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        case.validate_response(response, checks=CHECKS)
        calls += 1

    tried()
    return calls


def test_no_operation_breaks_whoever_calls_it(target: Target):
    assert fuzz(target, list(target.tokens), examples=5) > 150


@pytest.mark.long
@pytest.mark.parametrize("role", [*ROLES, "nobody"])
def test_no_operation_breaks_for_a_role(target: Target, role: str):
    assert fuzz(target, [role], examples=40) > 1000
