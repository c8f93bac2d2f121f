"""Three bureaus in one installation: no answer of one's holds anything of another's, and another's ids lead nowhere."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.conftest import ADDRESS, METRICS, PDF, Client, Installation, installed
from tests.api.rights import (
    ROLES,
    Forgetful,
    api_routes,
    attach_files,
    fill,
    foreign,
    ids_of,
    marker,
    on_paper,
    page_routes,
    sign_in,
    text_of,
)
from tests.api.test_rights import body_of

CODES = ("qd", "yt", "wh")
CASES = ("math", "physics", "biology")
TASKS = ("guidance_id", "plan_id", "basic_id", "done_id")
NUMBER_FREE = {"n": "1", "act": "transfer", "act_name": "end"}
SIGNED_IN = ("chief", "unit-admin", "reviewer", "clerk", "administrator", "auditor", "security")
OPEN_TO_ALL = {"/healthz", "/readyz", "/sign-in", "/activate"}


@pytest.fixture(scope="module")
async def three(module_database, tmp_path_factory) -> AsyncIterator[Installation]:
    """Three bureaus of the same programme, each full; from here on nothing is kept."""
    async with installed(module_database, tmp_path_factory.mktemp("three"), *CODES) as made:
        for code, world in made.worlds.items():
            made.ids[code] = await fill(world, code)
        await attach_files(made)
        for code, world in made.worlds.items():
            made.ids[code]["decision_id"] = await on_paper(made, world)
        for world in made.worlds.values():
            for login in ROLES.values():
                await made.client(login, world=world)
        kept = made.store
        made.app.state.store = Forgetful(module_database, clock=kept.clock, pool_size=5)
        yield made
        await made.app.state.store.close()
        made.app.state.store = kept


@pytest.fixture(scope="module")
async def belongings(three: Installation) -> dict[str, set[str]]:
    return {code: await ids_of(world) for code, world in three.worlds.items()}


def addresses(template: str, ids: dict[str, str]) -> list[str]:
    """Return the template filled in each way that a bureau's ids allow."""
    names = re.findall(r"{(\w+)}", template)
    ways = [ids | NUMBER_FREE]
    if "case_id" in names:
        ways = [way | {"case_id": ids[f"{case}_id"]} for way in ways for case in CASES]
    if "task_id" in names:
        ways = [way | {"task_id": ids[task]} for way in ways for task in TASKS]
    if not set(names) <= set(ways[0]):
        raise AssertionError(f"{template}: give the bureaus something that {names} can name")
    return [template.format(**way) for way in ways]


def others(belongings: dict[str, set[str]], code: str) -> tuple[set[str], set[str]]:
    ids = set().union(*(found for other, found in belongings.items() if other != code))
    return ids, {marker(other) for other in CODES if other != code}


def test_bureaus_share_no_id(belongings: dict[str, set[str]]):
    assert not belongings["qd"] & belongings["yt"]
    assert all(len(found) > 300 for found in belongings.values())


async def test_no_answer_of_the_api_holds_anothers(three: Installation, belongings: dict[str, set[str]]):
    own_marks = 0
    for code, world in three.worlds.items():
        ids, marks = others(belongings, code)
        for login in ROLES.values():
            client = await three.client(login, world=world)
            for method, template in api_routes(three.app).values():
                if method != "GET":
                    continue
                for address in addresses(template, three.ids[code]):
                    answer = await client.get(address)
                    assert answer.status_code < 500, (address, answer.text)
                    assert foreign(answer.text, ids, marks) == set(), (login, address)
                    own_marks += marker(code) in answer.text
    assert own_marks > 200


async def test_anothers_ids_are_not_found_by_anybody(three: Installation):
    tried = 0
    for method, template in api_routes(three.app).values():
        if "{" not in template:
            continue
        operation = next(name for name, found in api_routes(three.app).items() if found == (method, template))
        more = body_of(operation, three.ids["yt"])
        if operation == "upload_attachment":
            more = {"params": {"field": "attachments.files", "name": "a.pdf"}, "content": PDF}
        for login in ROLES.values():
            client = await three.client(login, world=three.worlds["qd"])
            for address in addresses(template, three.ids["yt"]):
                answer = await client.call(method, address, **more)
                assert answer.status_code in {403, 404}, (login, method, address, answer.text)
                if answer.status_code == 403:
                    # Refused for what it is, whether there is such a thing or not.
                    none = re.sub(r"[0-9a-f-]{36}", "00000000-0000-7000-8000-000000000000", address)
                    assert (await client.call(method, none, **more)).status_code == 403, (login, address)
                tried += 1
    assert tried > 500


async def test_lists_narrowed_to_anothers_ids_are_empty(three: Installation):
    theirs = three.ids["yt"]
    for login in ROLES.values():
        client = await three.client(login, world=three.worlds["qd"])
        group = next(iter(three.worlds["yt"].groups.values()))
        for path in ("/cases", "/tasks"):
            for narrowed in ({"season_id": theirs["season_id"]}, {"group_id": str(group.id)}):
                assert (await client.get(path, params=narrowed)).json()["items"] == []
        counts = await client.get("/tasks/counts", params={"season_id": theirs["season_id"]})
        assert set(counts.json().values()) == {0}


async def test_metrics_name_no_bureau(three: Installation, belongings: dict[str, set[str]]):
    for code, world in three.worlds.items():
        await (await three.client("basic-clerk", world=world)).get(f"/cases/{three.ids[code]['math_id']}")
    administrator = await three.client("administrator", world=three.worlds["qd"])
    texts = [(await each.get("/metrics")).text for each in (administrator, Client(administrator.http, METRICS))]
    assert 'route="/api/v1/cases/{case_id}"' in texts[1]
    for text in texts:
        assert "guantong_alarms_due" in text
        assert foreign(text, set().union(*belongings.values()), {marker(code) for code in CODES}) == set()
        for word in (*CODES, "Bureau"):
            assert not re.search(rf'"[^"]*{word}[^"]*"', text), word


async def test_no_page_holds_anothers(three: Installation, belongings: dict[str, set[str]]):
    cookie = "guantong"
    own_marks = 0
    for code, world in three.worlds.items():
        ids, marks = others(belongings, code)
        other = CODES[CODES.index(code) - 1]
        for role in SIGNED_IN:
            token, _ = await sign_in(world, ROLES[role])
            transport = httpx.ASGITransport(app=three.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, cookies={cookie: token}) as http:
                for method, template in page_routes(three.app):
                    if method != "GET" or template == "/metrics":
                        continue
                    for address in addresses(template, three.ids[code]):
                        answer = await http.get(address)
                        assert answer.status_code < 500, (role, address)
                        assert foreign(text_of(answer), ids, marks) == set(), (role, address)
                        own_marks += marker(code) in text_of(answer)
                    if "{" in template:
                        for address in addresses(template, three.ids[other]):
                            answer = await http.get(address)
                            assert answer.status_code in {403, 404}, (role, address, answer.status_code)
                            assert foreign(text_of(answer), set(), marks) == set(), (role, address)
    assert own_marks > 30
