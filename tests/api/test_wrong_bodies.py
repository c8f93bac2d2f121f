"""What is sent wrong comes back as a problem that can be written and read: whatever it holds, however much it is."""

import json

from tests.api.conftest import Installation

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
