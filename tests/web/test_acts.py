"""Every act on a task from its page: what is said before, what is refused with words, and what undoes it."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.store.transaction import Store
from tests.conftest import move_clock
from tests.web.lab import FINANCE, Lab, carried, landed
from tests.workflow.office import make_office
from tests.world import local


@pytest.fixture
async def lab(app, store: Store) -> AsyncIterator[Lab]:
    await move_clock(store, local(2027, 1, 4))
    made = Lab(app, await make_office(store))
    yield made
    await made.close()


def more(page: str) -> list[str]:
    """Return what stands under “more” of what changes the task."""
    part = page[page.index('id="more"') :]
    return re.findall(r'data-open="([a-z-]+)"', part) + re.findall(r"/give/([a-z-]+)", part)


async def test_under_more_stands_what_is_possible_and_nothing_else(lab: Lab):
    task = await lab.reviews()
    finance = await lab.sign_in("finance-clerk")
    page = (await finance.get(f"/tasks/{task}")).text
    bar = page[page.index("data-acts") : page.index("<dialog")]
    assert re.findall(r'data-key="(\w)"', bar) == ["a", "r", "m"]
    assert set(more(page)) >= {"claim", "transfer", "delegate", "add-signer"}
    assert not {"put-back", "recall", "oppose", "reject", "ask-extension"} & set(more(page))
    other = await lab.sign_in("teachers-clerk")
    page = (await other.get(f"/tasks/{task}")).text
    assert not {"claim", "transfer", "delegate", "add-signer"} & set(more(page))


async def test_a_task_is_claimed_and_put_back(lab: Lab):
    task = await lab.reviews()
    finance = await lab.sign_in("finance-clerk")
    page = (await finance.get(f"/tasks/{task}")).text
    assert "Putting it back undoes it." in page
    page = await landed(finance, await finance.post(f"/tasks/{task}/acts/claim", carried(page)))
    assert "put-back" in more(page)
    again = await finance.post(f"/tasks/{task}/acts/claim", carried(page) | {"key": "other"})
    assert (again.status_code, "You have claimed this task already." in again.text) == (409, True)
    await landed(finance, await finance.post(f"/tasks/{task}/acts/put-back", carried(page) | {"key": "back"}))
    assert (await lab.office.task("countersign", FINANCE)).person is None


async def test_a_task_is_transferred_to_whom_one_finds_by_name(lab: Lab):
    task = await lab.reviews()
    finance = await lab.sign_in("finance-clerk")
    where = f"/tasks/{task}/give/transfer"
    page = (await finance.get(where)).text
    assert "They decide in the position&#39;s name" in page
    nobody = await finance.post(where, carried(page) | {"act": "transfer", "words": "Leave"})
    assert (nobody.status_code, "Leave</textarea>" in nobody.text) == (422, True)
    found = await finance.post(where, carried(page) | {"act": "find", "q": "殷实"})
    helper = str(lab.office.people["finance-head"])
    assert f'value="{helper}"' in found.text
    chief = str(lab.office.people["robotics-chief"])
    own = await finance.post(where, carried(page) | {"act": "transfer", "to": chief})
    assert (own.status_code, "submitted the case themself" in own.text) == (422, True)
    answer = await finance.post(where, carried(page) | {"act": "transfer", "to": helper, "words": "Leave"})
    assert "is transferred" in await landed(finance, answer)
    head = await lab.sign_in("finance-head")
    assert f"/tasks/{task}" in (await head.get("/tasks")).text
    page = (await head.get(f"/tasks/{task}")).text
    assert "Leave" in page
    assert "殷实" in page
    assert "put-back" in more(page)


async def test_a_delegated_task_shows_its_helper_comes_back_with_the_answer_or_is_recalled(lab: Lab):
    task = await lab.reviews()
    finance, head = await lab.sign_in("finance-clerk"), await lab.sign_in("finance-head")
    where = f"/tasks/{task}/give/delegate"
    helper = str(lab.office.people["finance-head"])

    async def delegate(key: str) -> str:
        page = (await finance.get(where)).text
        sent = carried(page) | {"act": "delegate", "to": helper, "words": "Enough money?", "key": key}
        return await landed(finance, await finance.post(where, sent))

    page = await delegate("one")
    assert "You delegated this to 殷实" in page
    assert "recall" in more(page)
    assert 'data-open="approve"' not in page
    page = await landed(finance, await finance.post(f"/tasks/{task}/acts/recall", carried(page) | {"key": "r"}))
    assert 'data-open="approve"' in page
    await delegate("two")
    page = (await head.get(f"/tasks/{task}")).text
    assert "谷雨 delegated this to you" in page
    empty = await head.post(f"/tasks/{task}/acts/answer", carried(page) | {"words": " "})
    assert (empty.status_code, "Write the answer." in empty.text) == (422, True)
    await head.post(f"/tasks/{task}/acts/answer", carried(page) | {"words": "Enough, <b>yes</b>."})
    page = (await finance.get(f"/tasks/{task}")).text
    assert "Enough, &lt;b&gt;yes" in page
    assert 'data-open="approve"' in page


async def test_a_signer_who_was_added_before_signs_first_and_may_be_taken_out(lab: Lab):
    task = await lab.reviews()
    finance = await lab.sign_in("finance-clerk")
    where = f"/tasks/{task}/give/add-signer"
    page = (await finance.get(where)).text
    assert 'name="how" value="after"' in page
    sent = carried(page) | {"act": "add-signer", "to": str(lab.office.people["finance-head"]), "how": "before"}
    page = await landed(finance, await finance.post(where, sent))
    assert "殷实 was added before you and signs first" in page
    assert "added by 谷雨, signs first" in page
    assert 'data-open="approve"' not in page
    (remove,) = re.findall(r'action="(/cases/[^"]+/signers/[^"]+/remove)"', page)
    refused = await finance.post(remove, carried(page) | {"words": ""})
    assert (refused.status_code, "Say why this signer is taken out." in refused.text) == (422, True)
    page = await landed(finance, await finance.post(remove, carried(page) | {"words": "Ill", "key": "out"}))
    assert "signs first" not in page
    assert 'data-open="approve"' in (await finance.get(f"/tasks/{task}")).text


async def test_a_vote_shows_its_count_and_is_taken_back(lab: Lab):
    await lab.jumped("weighing")
    task = (await lab.office.task("weighing", "teachers-office/head")).id
    teachers = await lab.sign_in("teachers-head")
    page = (await teachers.get(f"/tasks/{task}")).text
    assert "0 for it, 0 against; 3 are needed, 5 still to come." in page
    assert "oppose" in more(page)
    empty = await teachers.post(f"/tasks/{task}/acts/oppose", carried(page) | {"words": ""})
    assert (empty.status_code, "Say why you are against it." in empty.text) == (422, True)
    await landed(teachers, await teachers.post(f"/tasks/{task}/acts/oppose", carried(page) | {"words": "Too dear"}))
    page = (await teachers.get(f"/cases/{lab.office.case_id}")).text
    assert "0 for it, 1 against; 3 are needed, 4 still to come." in page
    (address,) = re.findall(r'action="(/tasks/[^"]+/take-back)"', page)
    page = await landed(teachers, await teachers.post(address, carried(page) | {"key": "back"}))
    assert "the decision is yours again" in page
    assert "oppose" in more(page)


async def test_a_stage_of_signatures_has_sign_and_refuse_to_sign(lab: Lab):
    await lab.jumped("commitment")
    task = (await lab.office.task("commitment", login="robotics-coach-1")).id
    coach = await lab.sign_in("robotics-coach-1")
    page = (await coach.get(f"/tasks/{task}")).text
    bar = page[page.index("data-acts") : page.index("<dialog")]
    assert re.findall(r'data-open="([a-z]+)"', bar) == ["sign", "decline", "more"]
    assert "The case goes back to “Plan” then." in page
    refused = await coach.post(f"/tasks/{task}/acts/decline", carried(page) | {"words": ""})
    assert refused.status_code == 422
    await landed(coach, await coach.post(f"/tasks/{task}/acts/sign", carried(page)))
    assert len((await lab.office.visit("commitment")).opinions) == 1
    other = (await lab.office.task("commitment", login="robotics-coach-2")).id
    second = await lab.sign_in("robotics-coach-2")
    page = (await second.get(f"/tasks/{other}")).text
    await landed(second, await second.post(f"/tasks/{other}/acts/decline", carried(page) | {"words": "Not mine"}))
    assert [visit.stage for visit in (await lab.office.state()).open] == ["plan"]


async def test_a_case_is_rejected_with_a_reason(lab: Lab):
    await lab.reviews()
    task = (await lab.office.task("guidance")).id
    reviewer = await lab.sign_in("reviewer")
    page = (await reviewer.get(f"/tasks/{task}")).text
    assert "Only the administrator may open it again." in page
    said = await landed(reviewer, await reviewer.post(f"/tasks/{task}/acts/reject", carried(page) | {"words": "No"}))
    assert "ended without success" in said
    assert (await lab.office.state()).status == "rejected"
    assert "rejected" in (await reviewer.get(f"/cases/{lab.office.case_id}")).text


async def test_more_time_is_asked_for_on_the_form_found_by_who_gives_it_and_given(lab: Lab):
    await lab.office.open("rich", "robotics")
    visit = await lab.office.visit("plan")
    assert visit.due_at is not None
    case, task = f"/cases/{lab.office.case_id}", visit.tasks[0].id
    chief, head = await lab.sign_in("robotics-chief"), await lab.sign_in("education-head")
    page = (await chief.get(f"{case}/form")).text
    assert "ask-extension" in more(page)
    until = (visit.due_at + timedelta(days=2)).date().isoformat()
    sent = {"version": carried(page)["version"], "words": "Snow", "until": until}
    sent["version"] = str((await lab.office.state()).version)
    assert "asked of me" not in (await head.get("/tasks")).text
    page = await landed(chief, await chief.post(f"/tasks/{task}/acts/ask-extension", sent | {"key": "a"}))
    first = (await head.get("/tasks")).text
    assert "asked of me: more time" in first
    assert f'href="{case}"' in first
    page = (await head.get(case)).text
    assert "Snow" in page
    (address,) = set(re.findall(r'action="(/cases/[^"]+/extension)"', page))
    refused = await head.post(address, carried(page) | {"act": "refuse", "words": ""})
    assert (refused.status_code, "Say why the time is not given." in refused.text) == (422, True)
    assert "due on" in await landed(head, await head.post(address, carried(page) | {"act": "grant", "key": "g"}))
    after = (await lab.office.visit("plan")).due_at
    assert after is not None
    assert after > visit.due_at
    assert "asked of me" not in (await head.get("/tasks")).text


async def test_an_assessment_is_drafted_beside_the_submission_and_filed(lab: Lab):
    await lab.jumped("assessment")
    async with lab.office.store.transaction() as tx:
        rows = await tx.rows("SELECT id FROM cases WHERE parent_id = $1", (lab.office.case_id,))
    lab.office.case_id = rows[0]["id"]
    task = (await lab.office.task("marks", login="expert-1")).id
    expert = await lab.sign_in("expert-1")
    where = f"/tasks/{task}/assessment"
    page = (await expert.get(f"/tasks/{task}", follow_redirects=True)).text
    assert where in page
    page = (await expert.get(where)).text
    form = {"version": "0", "marks.score": "88", "marks.reasons": "", "key": "k", "case_version": "9"}
    saved = await expert.post(f"/tasks/{task}/draft", form)
    assert (saved.status_code, saved.json()["version"]) == (200, 1)
    refused = await expert.post(where, form | {"version": "1", "act": "assess", "case_version": ""})
    assert refused.status_code == 422
    assert 'value="88"' in refused.text
    whole = form | {"version": "2", "marks.reasons": "Clear", "act": "assess", "case_version": ""}
    await landed(expert, await expert.post(where, whole))
    assert len((await lab.office.visit("marks")).opinions) == 1
    other = await lab.sign_in("expert-2")
    second = (await lab.office.task("marks", login="expert-2")).id
    assert 'value="88"' not in (await other.get(f"/tasks/{second}/assessment")).text


async def test_looking_at_any_page_changes_nothing(lab: Lab):
    task = await lab.reviews()
    finance = await lab.sign_in("finance-clerk")
    before = (await lab.office.state()).model_dump()
    seen, wanted = set(), {f"/tasks/{task}", "/tasks", "/queue", f"/cases/{lab.office.case_id}"}
    while wanted:
        path = wanted.pop()
        seen.add(path)
        page = (await finance.get(path)).text
        found = set(re.findall(r'(?:href|action|formaction|hx-get|hx-post)="(/(?:tasks|cases)/[^"#?]+)"', page))
        wanted |= found - seen
    assert len(seen) > 10
    assert (await lab.office.state()).model_dump() == before
