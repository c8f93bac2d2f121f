"""Every role on every operation of the API: one table. Nothing is kept, so that each cell is tried on the same state."""

from collections.abc import AsyncIterator

import pytest

from tests.api.conftest import PDF, Installation, installed
from tests.api.rights import ROLES, Forgetful, api_routes, attach_files, fill, filled
from tests.api.test_act_rights import expected as acts_expected
from tests.world import plan

JSON = {
    "create_token": {"name": "x", "scopes": ["read"]},
    "add_phrase": {"text": "x"},
    "save_draft": {"data": plan()},
    "pin_remark": {"path": "budget.total", "text": "x"},
    "return_case": {"to": "plan", "words": "x"},
    "grant_late_exception": {"until": "2027-03-01T00:00:00+08:00", "words": "x"},
    "end_case": {"words": "x"},
    "issue_slip": {"purpose": "reset"},
    "preview_overlay": {"values": {"settings/near_days": 9}},
    "set_overlay": {"values": {"settings/near_days": 9}, "reason": "x"},
    "send_copies": {"to": ["{colleague_id}"], "words": "x"},
    "ask": {"to": "{colleague_id}", "text": "x"},
    "answer": {"text": "x"},
    "give_priority": {"priority": "urgent", "words": "x"},
    "snooze": {"until": "2027-01-26"},
    "keep_opinion": {"words": "x"},
    "oppose": {"words": "x"},
    "decline": {"words": "x"},
    "reject": {"words": "x"},
    "transfer": {"to": "{colleague_id}"},
    "delegate": {"to": "{colleague_id}"},
    "answer_delegation": {"words": "x"},
    "add_signer": {"to": "{colleague_id}", "how": "beside"},
    "remove_signer": {"words": "x"},
    "ask_extension": {"until": "2027-02-05T00:00:00+08:00", "words": "x"},
    "refuse_extension": {"words": "x"},
    "suspend_case": {"words": "x"},
    "jump_case": {"to": "guidance", "words": "x", "version": 2},
    "reopen_case": {"to": "plan", "words": "x"},
    "preview_bulk": {"tasks": ["{guidance_id}"]},
    "approve_bulk": {"tasks": [{"id": "{guidance_id}", "version": 2}], "digest": "00"},
}
DAYS = {"starts_on": "2027-02-01", "ends_on": "2027-02-05", "reason": "x"}


def body_of(operation: str, ids: dict[str, str]) -> dict[str, object]:
    """Return a call's body, as more of the request."""
    if operation == "name_substitute":
        return {"json": {"substitute_id": ids["spare_id"], **DAYS}}
    return {"json": filled(JSON[operation], ids)} if operation in JSON else {}


CASE_OF = {
    "withdraw": "math", "read_draft": "physics", "save_draft": "physics", "upload_attachment": "physics",
    "remove_attachment": "physics", "grant_late_exception": "physics", "end_case": "physics",
}  # fmt: skip
TASK_OF = {"submit_plan": "plan_id"}
COLUMNS = (*ROLES, "nobody")


@pytest.fixture(scope="module")
async def full(module_database, tmp_path_factory) -> AsyncIterator[Installation]:
    """One bureau with everything in it; from here on nothing is kept."""
    async with installed(module_database, tmp_path_factory.mktemp("rights"), "qd") as made:
        made.ids["qd"] = await fill(made.world, "qd")
        await attach_files(made)
        for login in ROLES.values():
            await made.client(login)
        kept = made.store
        made.app.state.store = Forgetful(module_database, clock=kept.clock, pool_size=5)
        yield made
        await made.app.state.store.close()
        made.app.state.store = kept


async def status(full: Installation, operation: str, column: str) -> int:
    method, template = api_routes(full.app)[operation]
    ids = full.ids["qd"]
    path = template.format(
        **ids
        | {
            "case_id": ids[f"{CASE_OF.get(operation, 'math')}_id"],
            "task_id": ids[TASK_OF.get(operation, "guidance_id")],
        }
    )
    client = full.stranger() if column == "nobody" else await full.client(ROLES[column])
    more = body_of(operation, ids)
    if operation == "upload_attachment":
        more = {"params": {"field": "attachments.files", "name": "a.pdf"}, "content": PDF}
    answer = await client.call(method, path, **more)
    if column == "nobody":
        await client.http.aclose()
    return answer.status_code


# operation           chief coach other-chief base unit-admin reviewer clerk head finance outsider administrator auditor security nobody
TABLE = """
submit_plan           404 404 200 404 404 403 403 403 403 404 403 404 404 401
approve               403 403 404 403 404 200 403 403 403 404 403 404 404 401
return_case           403 403 404 403 404 200 403 403 403 404 403 404 404 401
withdraw              200 403 404 403 404 403 403 403 403 404 403 404 404 401
grant_late_exception  404 404 403 404 404 403 403 200 403 404 403 404 404 401
end_case              403 403 403 403 403 403 403 403 403 403 200 403 403 401
upload_attachment     404 404 201 404 404 403 403 403 403 404 403 404 404 401
download_attachment   404 404 200 404 404 200 200 200 200 404 200 404 404 401
remove_attachment     404 404 204 404 404 403 403 403 403 404 403 404 404 401
list_audit_events     403 403 403 403 403 403 403 403 403 403 403 200 403 401
verify_audit          403 403 403 403 403 403 403 403 403 403 403 200 403 401
list_seasons          403 403 403 200 403 200 200 200 200 200 200 403 403 401
season_overview       403 403 403 200 403 200 200 200 200 200 200 403 403 401
list_cases            200 200 200 200 200 200 200 200 200 200 200 200 200 401
read_case             200 200 404 200 404 200 200 200 200 404 200 404 404 401
case_timeline         200 200 404 200 404 200 200 200 200 404 200 404 404 401
list_submissions      200 200 404 200 404 200 200 200 200 404 200 404 404 401
case_changes          200 200 404 200 404 200 200 200 200 404 200 404 404 401
read_draft            404 404 200 404 404 403 403 403 403 404 403 404 404 401
save_draft            404 404 200 404 404 403 403 403 403 404 403 404 404 401
list_messages         200 200 200 200 200 200 200 200 200 200 200 200 200 401
read_message          200 404 404 404 404 404 404 404 404 404 200 404 404 401
send_again            403 403 403 403 403 403 403 403 403 403 204 403 403 401
me                    200 200 200 200 200 200 200 200 200 200 200 200 200 401
list_tokens           200 200 200 200 200 200 200 200 200 200 200 200 200 401
create_token          201 201 201 201 201 201 201 201 201 201 201 201 201 401
revoke_token          204 404 404 404 404 404 404 404 404 404 204 404 404 401
list_units            200 200 200 200 200 200 200 200 200 200 200 200 200 401
people_of_unit        403 403 403 403 200 403 403 403 403 403 200 403 200 401
issue_slip            403 403 403 403 201 403 403 403 403 403 201 403 201 401
unlock_person         403 403 403 403 204 403 403 403 403 403 204 403 204 401
list_remarks          200 200 404 200 404 200 200 200 200 404 200 404 404 401
pin_remark            403 403 404 403 404 201 403 403 403 404 403 404 404 401
unpin_remark          404 404 404 404 404 204 404 404 404 404 404 404 404 401
list_phrases          200 200 200 200 200 200 200 200 200 200 200 200 200 401
add_phrase            201 201 201 201 201 201 201 201 201 201 201 201 201 401
remove_phrase         204 404 404 404 404 404 404 404 404 404 404 404 404 401
list_tasks            200 200 200 200 200 200 200 200 200 200 200 200 200 401
count_tasks           200 200 200 200 200 200 200 200 200 200 200 200 200 401
list_substitutions    200 200 200 200 200 200 200 200 200 200 200 200 200 401
name_substitute       201 201 201 201 201 201 201 201 201 201 201 201 201 401
end_substitution      204 403 403 403 204 403 403 403 403 403 204 403 403 401
list_programmes       403 403 403 403 403 403 403 403 403 403 200 403 403 401
list_versions         403 403 403 403 403 403 403 403 403 403 200 403 403 401
version_differences   403 403 403 403 403 403 403 403 403 403 200 403 403 401
read_overlay          403 403 403 403 403 403 403 403 403 403 200 403 403 401
preview_overlay       403 403 403 403 403 403 403 403 403 403 200 403 403 401
set_overlay           403 403 403 403 403 403 403 403 403 403 200 403 403 401
find_people           200 200 200 200 200 200 200 200 200 200 200 200 200 401
send_copies           201 403 404 403 404 201 403 403 403 404 403 404 404 401
list_copies           200 200 404 200 404 200 200 200 200 404 200 404 404 401
copies_to_me          200 200 200 200 200 200 200 200 200 200 200 200 200 401
read_copy             404 404 404 404 404 404 404 204 404 404 404 404 404 401
revoke_copy           403 403 404 403 404 204 403 403 403 404 204 404 404 401
ask                   403 403 404 403 404 201 403 403 403 404 201 404 404 401
list_questions        200 200 404 200 404 200 200 200 200 404 200 404 404 401
questions_to_me       200 200 200 200 200 200 200 200 200 200 200 200 200 401
answer                403 403 404 403 404 403 403 403 204 404 403 404 404 401
withdraw_question     403 403 404 403 404 204 403 403 403 404 403 404 404 401
urge                  200 403 404 200 404 403 200 200 200 404 200 404 404 401
give_priority         403 403 404 403 404 403 204 204 204 404 204 404 404 401
snooze                403 403 404 403 404 200 403 403 403 404 403 404 404 401
wake                  404 404 404 404 404 204 404 404 404 404 404 404 404 401
read_opinion          403 403 404 403 404 200 403 403 403 404 403 404 404 401
keep_opinion          403 403 404 403 404 204 403 403 403 404 403 404 404 401
read_task             200 200 404 200 404 200 200 200 200 404 200 404 404 401
"""


def expected() -> dict[str, dict[str, int]]:
    rows = [line.split() for line in TABLE.strip().splitlines()]
    return {row[0]: dict(zip(COLUMNS, map(int, row[1:]), strict=True)) for row in rows}


async def test_every_role_on_every_operation(full: Installation):
    wanted = expected()
    assert set(wanted) | set(acts_expected()) == set(api_routes(full.app))
    found = {name: {column: await status(full, name, column) for column in COLUMNS} for name in wanted}
    differing = {
        (name, column): (found[name][column], wanted[name][column])
        for name in wanted
        for column in COLUMNS
        if found[name][column] != wanted[name][column]
    }
    assert differing == {}


def test_each_operation_is_allowed_to_somebody_and_nobody_without_a_token():
    for name, row in expected().items():
        assert row["nobody"] == 401, name
        assert any(status < 300 for status in row.values()), name
