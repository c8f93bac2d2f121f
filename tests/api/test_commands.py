"""Commands over HTTP: once under a key, on the version that was seen, and one of many at the same time."""

import asyncio

from tests.api.conftest import Installation, submit, task_of, together
from tests.statements import counted
from tests.world import plan

REVIEWER = "research-reviewer"


async def decisions(installation: Installation, kind: str) -> int:
    async with installation.store.transaction() as tx:
        return (await tx.rows("SELECT count(*) AS n FROM decision WHERE kind = $1", (kind,)))[0]["n"]


async def test_same_command_again_gets_the_first_answer(installation: Installation):
    await submit(installation.world, "math")
    reviewer = await installation.client(REVIEWER)
    task = await task_of(installation.world, "math")
    answers = [
        await reviewer.post(f"/tasks/{task}/approve", {"words": "同意"}, headers={"Idempotency-Key": "k1"})
        for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[0].json() == answers[1].json() == answers[2].json()
    assert await decisions(installation, "approve") == 1


async def test_same_command_many_times_at_once_is_one_decision(installation: Installation):
    await submit(installation.world, "math")
    reviewer = await installation.client(REVIEWER)
    task = await task_of(installation.world, "math")
    headers = {"Idempotency-Key": "k1"}
    answers = await together(*(reviewer.post(f"/tasks/{task}/approve", {}, headers=headers) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert await decisions(installation, "approve") == 1


async def test_key_of_another_command_is_refused(installation: Installation):
    for group in ("math", "physics"):
        await submit(installation.world, group)
    reviewer = await installation.client(REVIEWER)
    math, physics = [await task_of(installation.world, group) for group in ("math", "physics")]
    headers = {"Idempotency-Key": "k1"}
    assert (await reviewer.post(f"/tasks/{math}/approve", {}, headers=headers)).status_code == 200
    refused = await reviewer.post(f"/tasks/{physics}/approve", {}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency-key-reused")
    assert await decisions(installation, "approve") == 1


async def test_one_key_for_two_cases_at_once_carries_out_one(installation: Installation):
    for group in ("math", "physics"):
        await submit(installation.world, group)
    reviewer = await installation.client(REVIEWER)
    tasks = [await task_of(installation.world, group) for group in ("math", "physics")]
    headers = {"Idempotency-Key": "k1"}
    answers = await together(*(reviewer.post(f"/tasks/{task}/approve", {}, headers=headers) for task in tasks))
    assert sorted(answer.status_code for answer in answers) == [200, 422]
    assert await decisions(installation, "approve") == 1


async def test_what_is_made_under_a_key_is_made_once(installation: Installation):
    chief = await installation.client("math-chief")
    headers = {"Idempotency-Key": "p1"}
    made = await together(*(chief.post("/me/phrases", {"text": "请补充"}, headers=headers) for _ in range(4)))
    assert {answer.status_code for answer in made} == {201}
    assert len({answer.json()["id"] for answer in made}) == 1
    other = await chief.post("/me/phrases", {"text": "另一句"}, headers=headers)
    assert other.json()["code"] == "idempotency-key-reused"
    assert len((await chief.get("/me/phrases")).json()) == 1


async def test_key_is_its_persons_own(installation: Installation):
    for login in ("math-chief", "physics-chief"):
        client = await installation.client(login)
        answer = await client.post("/me/phrases", {"text": login}, headers={"Idempotency-Key": "same"})
        assert answer.status_code == 201
        assert [each["text"] for each in (await client.get("/me/phrases")).json()] == [login]


async def test_thirty_two_at_once_one_decides_and_the_others_are_told(installation: Installation):
    await submit(installation.world, "math")
    reviewer = await installation.client(REVIEWER)
    task = await task_of(installation.world, "math")
    answers = await together(
        *(
            reviewer.post(f"/tasks/{task}/approve", {"words": str(n)}, headers={"Accept-Language": "en"})
            for n in range(32)
        )
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [409] * 31
    async with installation.store.transaction() as tx:
        name = (await installation.world.reader(tx, REVIEWER)).name
    for answer in answers:
        if answer.status_code == 409:
            problem = answer.json()
            assert problem["code"] == "already-decided"
            assert name in problem["detail"]
            assert problem["details"]["outcome"] == "approved"
    assert await decisions(installation, "approve") == 1


async def test_approve_and_return_at_once_one_wins(installation: Installation):
    await submit(installation.world, "math")
    reviewer = await installation.client(REVIEWER)
    task = await task_of(installation.world, "math")
    calls = [reviewer.post(f"/tasks/{task}/approve", {}) for _ in range(8)]
    calls += [reviewer.post(f"/tasks/{task}/return", {"to": "plan", "words": "改"}) for _ in range(8)]
    statuses = sorted(answer.status_code for answer in await asyncio.gather(*calls))
    assert statuses == [200] + [409] * 15


async def test_version_that_is_gone_is_refused(installation: Installation):
    await submit(installation.world, "math")
    reviewer, chief = await installation.client(REVIEWER), await installation.client("math-chief")
    case = installation.world.cases["math"]
    seen = await reviewer.get(f"/cases/{case}")
    assert seen.headers["etag"] == f'"{seen.json()["version"]}"'
    assert (await chief.post(f"/cases/{case}/withdraw", {})).status_code == 200
    assert (await chief.post(f"/tasks/{await task_of(installation.world, 'math')}/submit", {})).status_code == 200
    task = await task_of(installation.world, "math")
    matched = await reviewer.post(f"/tasks/{task}/approve", {}, headers={"If-Match": seen.headers["etag"]})
    assert (matched.status_code, matched.json()["code"]) == (412, "precondition-failed")
    named = await reviewer.post(f"/tasks/{task}/approve", {"version": seen.json()["version"]})
    assert (named.status_code, named.json()["code"]) == (409, "conflict")
    now = (await reviewer.get(f"/cases/{case}")).headers["etag"]
    assert (await reviewer.post(f"/tasks/{task}/approve", {}, headers={"If-Match": now})).status_code == 200


async def test_draft_saved_elsewhere_is_not_overwritten(installation: Installation):
    chief = await installation.client("math-chief")
    path = f"/cases/{installation.world.cases['math']}/draft"
    first = await chief.put(path, {"data": plan(), "version": 0})
    assert first.headers["etag"] == '"1"'
    again = await chief.put(path, {"data": plan(), "version": 0})
    assert (again.status_code, again.json()["code"]) == (409, "draft-conflict")
    matched = await chief.put(path, {"data": plan()}, headers={"If-Match": '"0"'})
    assert (matched.status_code, matched.json()["code"]) == (412, "precondition-failed")


async def test_approving_costs_three_statements(installation: Installation):
    for group in ("math", "physics"):
        await submit(installation.world, group)
    reviewer = await installation.client(REVIEWER)
    await reviewer.post(f"/tasks/{await task_of(installation.world, 'math')}/approve", {})
    task = await task_of(installation.world, "physics")
    with counted(installation.store) as sent:
        assert (await reviewer.post(f"/tasks/{task}/approve", {"words": "同意"})).status_code == 200
    assert len(sent) == 3


async def test_token_without_the_scope_or_revoked_is_refused(installation: Installation):
    reading = await installation.client("math-chief", "read")
    refused = await reading.post("/me/phrases", {"text": "x"})
    assert (refused.status_code, refused.json()["code"]) == (403, "missing-scope")
    mine = (await reading.get("/me/tokens")).json()[0]["id"]
    assert (await (await installation.client("math-chief")).delete(f"/me/tokens/{mine}")).status_code == 204
    ended = await reading.get("/me")
    assert (ended.status_code, ended.headers["www-authenticate"]) == (401, "Bearer")
    assert (await installation.stranger().get("/me")).status_code == 401


async def test_pages_of_a_list_hold_each_row_once(installation: Installation):
    clerk = await installation.client("basic-clerk")
    seen: list[str] = []
    after = ""
    while after is not None:
        page = (await clerk.get("/cases", params={"limit": 2, **({"after": after} if after else {})})).json()
        seen += [case["id"] for case in page["items"]]
        after = page["next"]
    assert sorted(seen) == sorted(map(str, installation.world.cases.values()))
    assert len(seen) == 6
