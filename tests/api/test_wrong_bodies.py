"""What is sent wrong comes back as a problem that can be written and read: whatever it holds, however much it is."""

import json

from tests.api.conftest import Installation, submit

KIND = {"Content-Type": "application/json"}


async def test_half_a_character_in_a_name_is_said_back_as_a_question_mark(installation: Installation):
    chief = await installation.client("math-chief")
    path = f"/cases/{installation.world.cases['math']}/draft"
    for body in (
        {"data": {"\ud800": {}}},
        {"data": {"goals": {"\ud800": 1}}},
        {"\ud800": 1},
        {"data": {"goals": "\ud800"}},
    ):
        answer = await chief.call("PUT", path, content=json.dumps(body).encode(), headers=KIND)
        assert answer.status_code == 422, answer.text
        assert answer.json()["problems"], body


async def test_fifty_problems_are_enough(installation: Installation):
    chief = await installation.client("math-chief")
    path = f"/cases/{installation.world.cases['math']}/draft"
    answer = await chief.put(path, {"data": {}, **{f"no{n}": n for n in range(2000)}})
    assert (answer.status_code, len(answer.json()["problems"])) == (422, 50)


async def test_a_message_that_was_never_sent_says_the_public_address(installation: Installation):
    await submit(installation.world, "math")
    administrator = await installation.client("administrator")
    items = (await administrator.get("/messages")).json()["items"]
    assert items
    texts = [(await administrator.get(f"/messages/{each['id']}")).json()["text"] for each in items]
    said = [text for text in texts if text]
    assert said
    assert all(installation.app.state.settings.public_url in text for text in said)
