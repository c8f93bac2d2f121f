"""Every role on every act of the API: one table, in a bureau where each act is possible to somebody. Nothing is kept."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.conftest import PDF, installed
from tests.api.office import PEOPLE, Lab, make_lab
from tests.api.rights import Forgetful, api_routes
from tests.api.test_operations import ELSEWHERE, assert_known

COLUMNS = (*PEOPLE, "nobody")


@pytest.fixture(scope="module")
async def lab(module_database, tmp_path_factory) -> AsyncIterator[Lab]:
    async with installed(module_database, tmp_path_factory.mktemp("acts")) as made:
        lab = await make_lab(made)
        for column in PEOPLE:
            await lab.client(column)
        kept = made.store
        made.app.state.store = Forgetful(module_database, clock=kept.clock, pool_size=5)
        yield lab
        for client in lab.clients.values():
            await client.http.aclose()
        await made.app.state.store.close()
        made.app.state.store = kept


async def call(lab: Lab, operation: str, column: str) -> httpx.Response:
    method, template = api_routes(lab.installation.app)[operation]
    path, body = lab.asks[operation]
    client = await lab.client(column)
    more = {"json": body} if body else {}
    if operation == "enter_from_paper":
        more = {"data": body, "files": {"scans": ("signed.pdf", PDF, "application/pdf")}}
    answer = await client.call(method, template.format(**path), **more)
    if column == "nobody":
        await client.http.aclose()
    return answer


# operation           chief coach finance helper reviewer expert head administrator auditor nobody
TABLE = """
resume_case           403 403 403 403 403 403 403 200 403 401
ask_extension         200 403 403 403 403 403 403 403 404 401
suspend_case          403 403 403 403 403 403 403 200 403 401
jump_case             403 403 403 403 403 403 403 200 403 401
grant_extension       403 403 403 403 403 403 200 403 404 401
refuse_extension      403 403 403 403 403 403 200 403 404 401
claim                 403 403 200 403 403 403 403 403 404 401
transfer              403 403 200 403 403 403 403 200 404 401
delegate              403 403 200 403 403 403 403 403 404 401
add_signer            403 403 200 403 403 403 403 403 404 401
reject                403 403 403 403 200 403 403 403 404 401
preview_bulk          200 200 200 200 200 200 200 200 200 401
approve_bulk          200 200 200 200 200 200 200 200 200 401
printed_form          200 200 200 200 200 200 200 200 404 401
enter_from_paper      403 403 403 200 403 403 403 200 404 401
put_back              403 403 200 403 403 403 403 200 404 401
recall                403 403 200 403 403 403 403 403 404 401
answer_delegation     403 403 403 200 403 403 403 403 404 401
remove_signer         403 403 200 403 403 403 403 200 404 401
take_back             403 403 403 403 200 403 403 403 404 401
oppose                403 403 403 403 403 403 200 403 404 401
sign                  403 200 403 403 403 403 403 403 404 401
decline               403 200 403 403 403 403 403 403 404 401
assess                403 403 404 404 403 200 404 403 404 401
reopen_case           403 403 403 403 403 403 403 200 403 401
"""


def expected() -> dict[str, dict[str, int]]:
    rows = [line.split() for line in TABLE.strip().splitlines()]
    return {row[0]: dict(zip(COLUMNS, map(int, row[1:]), strict=True)) for row in rows}


async def test_every_role_on_every_act(lab: Lab):
    wanted = expected()
    assert set(wanted) == set(lab.asks) == ELSEWHERE
    differing = {}
    for operation, row in wanted.items():
        for column in COLUMNS:
            answer = await call(lab, operation, column)
            if answer.status_code != row[column]:
                differing[operation, column] = (answer.status_code, row[column], answer.text[:200])
    assert differing == {}


async def test_each_act_answers_somebody_as_the_document_says(lab: Lab):
    document = lab.installation.app.openapi()
    for operation, row in expected().items():
        column = next(column for column, status in row.items() if status == 200)
        answer = await call(lab, operation, column)
        method, path = api_routes(lab.installation.app)[operation]
        found = document["paths"][path][method.lower()]["responses"]["200"]
        assert_known(answer.json(), found["content"]["application/json"]["schema"], document, operation)


def test_each_act_is_allowed_to_somebody_and_nobody_without_a_token():
    for operation, row in expected().items():
        assert row["nobody"] == 401, operation
        assert 200 in row.values(), operation
