"""What people are told when tasks change hands and cases are moved: real acts, real sweeps, real mails."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from icalendar import Calendar

from services.messages.assemble import assemble_all
from services.messages.dispatch import Dispatcher
from services.messages.sweep import sweep_all
from services.store.transaction import Store
from services.workflow.acts import approve, reject, take_back
from services.workflow.administering import end_case, jump, reopen, resume, suspend
from services.workflow.arrivals import let_go_on
from services.workflow.extending import ask_extension, grant_extension, refuse_extension
from services.workflow.handing import add_signer, answer, claim, delegate, put_back, recall, remove_signer, transfer
from services.workflow.leaving import hand_over_tasks
from tests.conftest import START, move_clock
from tests.messages.office import ADMIN, CHIEF, EACH, HEAD, REVIEWER, RULES, Office, opened, subject
from tests.smtp_servers import RecordingServer
from tests.workflow.acting import submit
from tests.world import local

pytestmark = pytest.mark.postgres


@pytest.fixture
async def office(store: Store, tmp_path: Path, dispatcher: Dispatcher, server: RecordingServer) -> Office:
    office = await opened(store, tmp_path / "pack", dispatcher, server, RULES)
    await submit(office.world)
    return office


async def test_a_transferred_task_is_told_to_its_new_person_and_to_the_old_one_no_more(office: Office):
    await office.person("other")
    task = await office.task()
    await office.do(transfer, REVIEWER, task_id=task, to=office.world.people["other"], words="I am <b>away</b>.")
    got = await office.mails()
    assert REVIEWER not in got
    [mail] = got["other"]
    assert subject(mail) == "To do, transferred to you: Guidance, Mathematics group: Annual plan filing 2027"
    assert "Note: I am <b>away</b>." in mail.text
    assert "I am &lt;b&gt;away&lt;/b&gt;." in mail.html
    assert f"/tasks/{task}" in mail.text
    assert "(Education research institute: Guiding reviewer)" in mail.text, "who gave it, in which position"
    assert len(Calendar.from_ical(str(mail.calendar)).walk("VEVENT")) == 1
    assert await office.rows("SELECT 1 FROM notification WHERE kind = 'task-opened' AND state = 'pending'") == []


async def test_a_task_that_comes_back_within_one_visit_is_told_again(office: Office):
    people = [await office.person("one"), await office.person("two")]
    await office.mails()
    task = await office.task()
    heard = []
    for giver, to in ((REVIEWER, 0), ("one", 1), ("two", 0)):
        await office.do(transfer, giver, task_id=task, to=people[to])
        heard.append(set(await office.subjects()))
    assert heard == [{"one"}, {"two"}, {"one"}]


async def test_a_delegated_task_asks_its_helper_and_the_answer_its_owner(office: Office):
    helper = await office.person("helper", locale="zh")
    await office.mails()
    task = await office.task()
    await office.do(delegate, REVIEWER, task_id=task, to=helper, words="预算是否合理？")
    [mail] = (await office.mails())["helper"]
    assert subject(mail).startswith("请您答复（委派）：指导单位审核")
    assert "委派事项： 预算是否合理？" in mail.text
    await office.do(answer, "helper", task_id=task, words="It is.")
    got = await office.mails()
    assert set(got) == {REVIEWER}
    assert "Answer: It is." in got[REVIEWER][0].text
    assert f"/tasks/{task}" in got[REVIEWER][0].text


async def test_a_recalled_delegation_is_not_asked_for_any_more(office: Office):
    helper = await office.person("helper")
    await office.mails()
    task = await office.task()
    await office.do(delegate, REVIEWER, task_id=task, to=helper)
    await office.do(recall, REVIEWER, task_id=task)
    subjects = await office.subjects()
    assert set(subjects) == {"helper"}
    assert subjects["helper"][0].startswith("No answer needed any more:")


async def test_an_added_signer_is_asked_by_name_and_one_who_waits_only_told(office: Office):
    beside, after = await office.person("beside"), await office.person("after")
    task = await office.task()
    await office.do(add_signer, REVIEWER, task_id=task, person=beside, how="beside", words="Please look, too.")
    await office.do(add_signer, REVIEWER, task_id=task, person=after, how="after")
    got = await office.mails()
    [now], [later] = got["beside"], got["after"]
    [own] = await office.rows("SELECT id FROM task WHERE person_id = $1", beside)
    assert subject(now).startswith("To do, you were added: Guidance")
    assert "Note: Please look, too." in now.text
    assert f"/tasks/{own['id']}" in now.text
    assert subject(later).startswith("You were added to those who decide:")
    assert later.calendar is None
    await office.do(remove_signer, REVIEWER, case_id=office.case_id, task_id=own["id"], words="No need.")
    await office.do(approve, REVIEWER, task_id=task)
    subjects = await office.subjects()
    assert subjects["beside"][0].startswith("Your opinion is not needed any more:")
    assert subjects["after"][0].startswith("To do: Guidance")


async def test_a_personal_task_of_somebody_who_has_left_is_told_to_the_administrator_by_name(office: Office):
    signer = await office.person("signer", name="Gone <Away>")
    await office.do(add_signer, REVIEWER, task_id=await office.task(), person=signer, how="beside")
    await office.rows("UPDATE person SET left_at = $2 WHERE id = $1", signer, START)
    [mail] = (await office.mails())[ADMIN]
    assert subject(mail).startswith("The task is with somebody who has left:")
    assert "is with Gone <Away>, who has left" in mail.text
    assert "Gone &lt;Away&gt;" in mail.html
    assert [
        row["kind"]
        for row in await office.rows("SELECT kind FROM notification WHERE person_id = $1 AND state <> 'void'", signer)
    ] == []


async def test_what_a_leaving_person_was_told_goes_to_whoever_the_task_was_handed_to(office: Office):
    leaving, heir = await office.person("leaving"), await office.person("heir")
    task = await office.task()
    await office.do(transfer, REVIEWER, task_id=task, to=leaving)
    await office.mails()
    await move_clock(office.world.store, local(2027, 1, 29))
    await sweep_all(office.world.store)
    await office.do(hand_over_tasks, ADMIN, leaving=leaving, to=heir)
    await office.rows("UPDATE person SET left_at = $2 WHERE id = $1", leaving, local(2027, 1, 29))
    subjects = await office.subjects()
    assert "leaving" not in subjects
    assert subjects["heir"][0].startswith("To do, transferred to you: Guidance")


async def test_more_time_is_asked_of_the_head_and_given_with_a_new_date(office: Office):
    await office.mails()
    task, until = await office.task(), local(2027, 2, 6, 0)
    await office.do(ask_extension, REVIEWER, task_id=task, until=until, words="Too many plans.")
    got = await office.mails()
    assert set(got) == {HEAD}
    assert "until Friday 5 February 2027 24:00" in got[HEAD][0].text
    assert "Reason: Too many plans." in got[HEAD][0].text
    assert f"/cases/{office.case_id}" in got[HEAD][0].text
    await office.do(grant_extension, HEAD, case_id=office.case_id, visit_id=await office.visit(), words="Granted.")
    [mail] = (await office.mails())[REVIEWER]
    assert "is now due on Friday 5 February 2027" in mail.text
    [event] = Calendar.from_ical(str(mail.calendar)).walk("VEVENT")
    assert (event["SEQUENCE"], event.decoded("dtstart")) == (1, date(2027, 2, 5))


async def test_what_was_asked_and_decided_before_it_was_sent_is_not_asked(office: Office):
    await office.mails()
    asked = {"task_id": await office.task(), "until": local(2027, 2, 6, 0), "words": "Too many plans."}
    await office.do(ask_extension, REVIEWER, **asked)
    await office.do(refuse_extension, HEAD, case_id=office.case_id, visit_id=await office.visit(), words="No.")
    subjects = await office.subjects()
    assert set(subjects) == {REVIEWER}
    assert subjects[REVIEWER][0].startswith("More time refused: Guidance")


async def test_a_request_that_nobody_can_decide_on_is_told_to_the_administrator(office: Office):
    await office.mails()
    await office.rows("DELETE FROM appointment WHERE person_id = $1", office.world.people[HEAD])
    await office.do(ask_extension, REVIEWER, task_id=await office.task(), until=local(2027, 2, 6, 0), words="Why not.")
    subjects = await office.subjects()
    assert set(subjects) == {ADMIN}
    assert "Head”" in subjects[ADMIN][0]


async def test_a_suspended_case_asks_for_nothing_and_reminds_nobody_until_it_is_resumed(office: Office):
    await office.do(suspend, ADMIN, case_id=office.case_id, words="An <audit> runs.")
    got = await office.mails()
    assert "An <audit> runs." in got[CHIEF][0].text
    assert "To do" not in "".join(subject(mail) for mail in got[REVIEWER])
    assert await office.remind(local(2027, 2, 3)) == {}
    await office.do(resume, ADMIN, case_id=office.case_id)
    [mail] = (await office.mails())[REVIEWER]
    assert "To do: Guidance" in mail.text, "what was held is asked now"
    assert "goes on again" in mail.text
    assert "Wednesday 10 February 2027" in mail.text, "with the new date"


async def test_a_message_that_waits_when_its_case_is_suspended_is_taken_apart_and_made_again(office: Office):
    await assemble_all(office.world.store)
    await office.do(suspend, ADMIN, case_id=office.case_id, words="An audit runs.")
    subjects = (await office.subjects())[REVIEWER]
    assert [subject.partition(":")[0] for subject in subjects] == ["Suspended"]
    await office.do(resume, ADMIN, case_id=office.case_id)
    [mail] = (await office.mails())[REVIEWER]
    assert "To do: Guidance" in mail.text


async def test_a_suspension_that_was_lifted_before_it_was_sent_is_not_told(office: Office):
    await office.mails()
    await office.do(suspend, ADMIN, case_id=office.case_id, words="An audit runs.")
    await office.do(resume, ADMIN, case_id=office.case_id)
    subjects = await office.subjects()
    assert {subject for each in subjects.values() for subject in each} == {
        "Resumed: Mathematics group: Annual plan filing 2027"
    }
    assert set(subjects) == {REVIEWER, CHIEF}


async def test_a_decision_that_is_taken_back_asks_nobody_of_the_next_stage(office: Office):
    task = await office.task()
    await office.mails()
    await office.do(approve, REVIEWER, task_id=task)
    await office.do(take_back, REVIEWER, case_id=office.case_id, task_id=task)
    subjects = await office.subjects()
    assert set(subjects) == {"basic-clerk", "finance-clerk", CHIEF}
    assert all(each[0].startswith("Taken back:") for each in subjects.values())


async def test_a_rejection_is_told_with_its_reason_and_by_whom(office: Office):
    await office.mails()
    await office.do(reject, REVIEWER, task_id=await office.task(), words="It is <no> plan.")
    await office.rows(
        "UPDATE decision SET on_behalf_id = $1, entered_by_id = $2 WHERE kind = 'reject'",
        await office.person("absent", name="Absent <One>"), await office.person("clerk", name="Entering Two"),
    )  # fmt: skip
    [mail] = (await office.mails())[CHIEF]
    assert subject(mail).startswith("Rejected:")
    assert "Reason: It is <no> plan." in mail.text
    assert "on behalf of Absent <One>, on paper; entered by Entering Two" in mail.text
    assert "Absent &lt;One&gt;" in mail.html
    assert "<no>" not in mail.html


async def test_whoever_sets_a_case_into_a_stage_tells_where_and_a_stage_entered_again_asks_again(office: Office):
    await office.mails()
    version = (await office.rows("SELECT version FROM cases WHERE id = $1", office.case_id))[0]["version"]
    await office.do(jump, ADMIN, case_id=office.case_id, to="guidance", words="Anew.", version=version)
    subjects = await office.subjects()
    assert subjects[CHIEF] == ["Moved to “Guidance”: Mathematics group: Annual plan filing 2027"]
    assert subjects[REVIEWER][0].startswith("2 items, first: To do: Guidance")
    await office.do(end_case, ADMIN, case_id=office.case_id, words="The group was dissolved.")
    subjects = await office.subjects()
    assert {who: len(each) for who, each in subjects.items()} == {CHIEF: 1, REVIEWER: 1}
    await office.do(reopen, ADMIN, case_id=office.case_id, to="guidance", words="It was not.")
    got = await office.mails()
    assert "is now in the stage “Guidance”" in got[CHIEF][0].text
    assert "Reason: It was not." in got[CHIEF][0].text
    assert subject(got[REVIEWER][0]).startswith("To do: Guidance")
    rows = await office.rows(
        "SELECT visit_n FROM notification WHERE kind = 'task-opened' AND person_id = $1 ORDER BY 1",
        office.world.people[REVIEWER],
    )
    assert [row["visit_n"] for row in rows] == [1, 2, 3]


async def test_a_claimed_task_is_reminded_to_its_claimant_and_to_all_once_it_is_put_back(office: Office):
    await office.person("second", like=REVIEWER)
    await office.mails()
    task = await office.task()
    await office.do(claim, "second", task_id=task)
    assert await office.subjects() == {}
    assert set(await office.remind(local(2027, 1, 28))) == {"second"}
    await office.do(put_back, "second", task_id=task)
    subjects = await office.subjects()
    assert set(subjects) == {REVIEWER}, "nobody is told what they did themself"
    assert subjects[REVIEWER][0].startswith("To do again: Guidance")
    assert set(await office.remind(local(2027, 1, 29))) == {"second", REVIEWER}
    await office.do(claim, REVIEWER, task_id=task)
    await office.do(put_back, REVIEWER, task_id=task)
    assert set(await office.subjects()) == {"second"}


async def test_reminders_that_were_swept_before_a_claim_are_said_to_the_claimant_only(office: Office):
    await office.person("second", like=REVIEWER)
    await office.mails()
    await move_clock(office.world.store, local(2027, 1, 29))
    await sweep_all(office.world.store)
    await office.do(claim, "second", task_id=await office.task())
    assert set(await office.subjects()) == {"second"}


async def test_a_stage_that_could_ask_no_member_is_told_and_asks_once_somebody_is_there(
    store: Store, tmp_path: Path, dispatcher: Dispatcher, server: RecordingServer
):
    office = await opened(store, tmp_path / "pack", dispatcher, server, EACH)
    held = await office.rows("SELECT * FROM appointment WHERE person_id = $1", office.world.people[REVIEWER])
    await office.rows("DELETE FROM appointment WHERE id = $1", held[0]["id"])
    await submit(office.world)
    visit = await office.visit()
    [mail] = (await office.mails())[ADMIN]
    assert subject(mail).startswith("Nobody holds “Education research institute: Guiding reviewer”")
    assert "so nobody was told: Guidance of Mathematics group" in mail.text
    [row] = await office.rows("SELECT subject_id, task_id FROM notification WHERE kind = 'unheld'")
    assert (row["subject_id"], row["task_id"]) == (visit, None)
    await office.rows("UPDATE notification SET state = 'pending', message_id = NULL WHERE kind = 'unheld'")
    await office.rows(
        "INSERT INTO appointment (id, bureau_id, position_id, person_id, starts_on, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        *(held[0][name] for name in ("id", "bureau_id", "position_id", "person_id", "starts_on", "created_at")),
    )
    assert await let_go_on(store) == 1
    subjects = await office.subjects()
    assert set(subjects) == {REVIEWER}, "the vacancy is past"
    assert subjects[REVIEWER][0].startswith("To do: Guidance")
