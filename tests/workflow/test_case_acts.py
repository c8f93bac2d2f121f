"""What is done with a case as a whole: more time, standing still, moved by the administrator, in bulk, on paper, migrated."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.errors import (
    ClosedError,
    ConflictError,
    ForbiddenError,
    GuantongError,
    IllegalTransitionError,
    InvalidInputError,
    OwnSubmissionError,
)
from services.store.transaction import Store
from services.workflow.acts import approve, submit_plan, withdraw
from services.workflow.administering import end_case, jump, reopen, resume, suspend
from services.workflow.bulk import ListChangedError, approve_all, list_digest, preview
from services.workflow.carry_out import OldFormError
from services.workflow.extending import ask_extension, grant_exception, grant_extension, refuse_extension
from services.workflow.handing import add_signer, transfer
from services.workflow.paper import PrintedForm, Scan, enter_from_paper, printed_form
from tests.conftest import move_clock
from tests.workflow.office import PLAN, Office, make_office
from tests.world import local

pytestmark = pytest.mark.postgres
FINANCE = "finance-office/clerk"
SCAN = Scan("signed.pdf", "ab" * 32, 1000, "application/pdf")


@pytest.fixture
async def office(store: Store) -> Office:
    await move_clock(store, local(2027, 1, 4))
    made = await make_office(store)
    await made.open("rich", "robotics")
    return made


async def due(office: Office, stage: str) -> object:
    async with office.store.transaction() as tx:
        rows = await tx.rows(
            "SELECT due_at FROM task WHERE case_id = $1 AND stage = $2 AND state = 'open'", (office.case_id, stage)
        )
    return rows[0]["due_at"]


async def armed(office: Office) -> int:
    async with office.store.transaction() as tx:
        rows = await tx.rows(
            "SELECT count(*) AS n FROM alarm WHERE case_id = $1 AND next_at IS NOT NULL", (office.case_id,)
        )
    n: int = rows[0]["n"]
    return n


async def test_at_the_very_second_of_the_due_date_it_is_too_late_to_ask_for_more_time(
    office: Office, store: Store
) -> None:
    task = await office.task("plan")
    ends = (await office.visit("plan")).due_at
    assert ends is not None
    until = ends + timedelta(days=5)
    await move_clock(store, ends)
    with pytest.raises(ClosedError):
        await office.do(ask_extension, "robotics-chief", task_id=task.id, until=until, words="Snow")
    await move_clock(store, ends - timedelta(seconds=1))
    await office.do(ask_extension, "robotics-chief", task_id=task.id, until=until, words="Snow")


async def test_more_time_is_asked_for_and_granted_and_the_close_follows(office: Office) -> None:
    task, before = await office.task("plan"), await office.visit("plan")
    assert before.due_at is not None
    assert before.close_at is not None
    until = before.due_at + timedelta(days=7)
    with pytest.raises(InvalidInputError):
        await office.do(
            ask_extension, "robotics-chief", task_id=task.id, until=until + timedelta(days=30), words="Snow"
        )
    await office.do(ask_extension, "robotics-chief", task_id=task.id, until=until, words="Snow")
    with pytest.raises(ForbiddenError):
        await office.do(grant_extension, "robotics-chief", case_id=office.case_id, visit_id=before.id)
    await office.do(grant_extension, "education-head", case_id=office.case_id, visit_id=before.id, words="Granted")
    after = await office.visit("plan")
    assert after.due_at == until
    assert after.close_at is not None
    assert after.close_at > before.close_at
    assert await due(office, "plan") == until


async def test_refused_time_changes_nothing_and_may_be_asked_for_again(office: Office) -> None:
    task, visit = await office.task("plan"), await office.visit("plan")
    assert visit.due_at is not None
    until = visit.due_at + timedelta(days=3)
    await office.do(ask_extension, "robotics-chief", task_id=task.id, until=until, words="Snow")
    with pytest.raises(InvalidInputError):
        await office.do(refuse_extension, "education-head", case_id=office.case_id, visit_id=visit.id, words=" ")
    await office.do(refuse_extension, "education-head", case_id=office.case_id, visit_id=visit.id, words="No")
    assert await due(office, "plan") == visit.due_at
    await office.do(ask_extension, "robotics-chief", task_id=task.id, until=until, words="Still snow")


async def test_a_suspended_case_takes_nothing_reminds_nobody_and_gets_its_days_back(
    office: Office, store: Store
) -> None:
    before, n = await due(office, "plan"), await armed(office)
    await office.do(suspend, "administrator", case_id=office.case_id, words="Audit")
    assert (await armed(office), n > 0) == (0, True)
    with pytest.raises(IllegalTransitionError, match="suspended"):
        await office.submit()
    with pytest.raises(ForbiddenError):
        await office.do(resume, "education-head", case_id=office.case_id)
    await move_clock(store, local(2027, 1, 11))
    await office.do(resume, "administrator", case_id=office.case_id)
    assert await armed(office) > 0
    assert await due(office, "plan") == before + timedelta(days=7), "five workdays"  # type: ignore[operator]
    await office.submit()


async def test_two_administrators_jump_at_once_and_one_moves_the_case(office: Office) -> None:
    version = (await office.state()).version

    async def move(to: str) -> object:
        try:
            return await office.do(jump, "administrator", case_id=office.case_id, to=to, words="Now", version=version)
        except ConflictError as error:
            return error

    results = await asyncio.gather(move("either"), move("posting"))
    assert sorted(isinstance(result, ConflictError) for result in results) == [False, True]
    assert len((await office.state()).open) == 1


async def test_withdrawing_races_with_approving_and_one_of_them_wins(office: Office) -> None:
    await office.submit()
    task = await office.task("countersign", FINANCE)

    async def attempt(act: object, login: str, **more: object) -> object:
        try:
            return await office.do(act, login, **more)  # type: ignore[arg-type]
        except GuantongError as error:
            return error

    results = await asyncio.gather(
        attempt(withdraw, "robotics-chief", case_id=office.case_id), attempt(approve, "finance-clerk", task_id=task.id)
    )
    won = [not isinstance(result, GuantongError) for result in results]
    assert sorted(won) == [False, True]
    stages = {visit.stage for visit in (await office.state()).open}
    assert stages == ({"plan"} if won[0] else {"countersign", "guidance"})


async def test_a_finished_case_is_opened_again_and_keeps_its_number(office: Office) -> None:
    await office.open("simple", "robotics")
    first = (await office.state()).open[0].stage
    await office.fill_in("robotics-chief", first, PLAN)
    await office.do(submit_plan, "robotics-chief", task_id=(await office.task(first)).id)
    judge = (await office.state()).open[0]
    login = "reviewer"
    await office.do(approve, login, task_id=judge.tasks[0].id)
    filed = await office.state()
    assert filed.number is not None
    with pytest.raises(ForbiddenError):
        await office.do(reopen, login, case_id=office.case_id, to=judge.stage, words="Mistake")
    with pytest.raises(IllegalTransitionError):
        await office.do(reopen, "administrator", case_id=office.case_id, to="nowhere", words="Mistake")
    await office.do(reopen, "administrator", case_id=office.case_id, to=judge.stage, words="Mistake")
    assert (await office.state()).status == "open"
    await office.do(approve, login, task_id=(await office.task(judge.stage)).id)
    assert (await office.state()).number == filed.number
    async with office.store.transaction() as tx:
        rows = await tx.rows("SELECT count(*) AS n FROM filing WHERE case_id = $1", (office.case_id,))
    assert rows[0]["n"] == 1
    await office.do(reopen, "administrator", case_id=office.case_id, to=judge.stage, words="Again")
    await office.do(end_case, "administrator", case_id=office.case_id, words="Dissolved")
    async with office.store.transaction() as tx:
        rows = await tx.rows("SELECT void_at FROM filing WHERE case_id = $1", (office.case_id,))
    assert rows[0]["void_at"] is not None


# --- in bulk --------------------------------------------------------------------------------------------------------


async def waiting(office: Office) -> dict[str, UUID]:
    """Let both groups submit; return the finance office's task of each."""
    tasks = {}
    for group in ("robotics", "astronomy"):
        await office.open("rich", group)
        await office.submit(group)
        tasks[group] = (await office.task("countersign", FINANCE)).id
    return tasks


async def test_a_bulk_approval_decides_what_was_shown_and_says_what_it_refuses(office: Office) -> None:
    tasks = await waiting(office)
    shown = await office.do(preview, "finance-clerk", tasks=[*tasks.values(), uuid4()])
    assert len(shown.items) == len(shown.wanted) == 2
    listed = [(item.task_id, item.version) for item in shown.wanted]
    await office.do(withdraw, "astronomy-chief", case_id=office.case_id)
    results = await office.do(approve_all, "finance-clerk", tasks=listed, shown=shown.digest, words="All fine")
    done = {result.task_id: result.refusal for result in results}
    assert done[tasks["robotics"]] is None
    assert isinstance(done[tasks["astronomy"]], ConflictError)
    assert [visit.stage for visit in (await office.state()).open] == ["plan"]


async def test_a_bulk_list_that_changed_between_preview_and_confirm_decides_nothing(office: Office) -> None:
    tasks = await waiting(office)
    shown = await office.do(preview, "finance-clerk", tasks=[tasks["robotics"]])
    versions = {item.task_id: item.version for item in shown.items}
    more = [(tasks["robotics"], versions[tasks["robotics"]]), (tasks["astronomy"], 2)]
    with pytest.raises(ListChangedError):
        await office.do(approve_all, "finance-clerk", tasks=more, shown=shown.digest)
    assert len((await office.visit("countersign")).tasks) == 2
    assert list_digest(more) == list_digest(reversed(more))


# --- on paper -------------------------------------------------------------------------------------------------------


async def test_a_decision_on_paper_is_entered_by_the_office_and_never_by_the_submitter(office: Office) -> None:
    await office.submit()
    task = await office.task("countersign", FINANCE)
    form = await office.do(printed_form, "finance-head", case_id=office.case_id)
    assert PrintedForm.read(form.code).digest == form.digest[:16]
    more = {"task_id": task.id, "person_id": office.people["finance-clerk"], "decision": "approve", "printed": form}
    with pytest.raises(InvalidInputError):
        await office.do(enter_from_paper, "finance-head", scans=[], **more)
    with pytest.raises(ForbiddenError):
        await office.do(enter_from_paper, "teachers-clerk", scans=[SCAN], **more)
    with pytest.raises((ForbiddenError, OwnSubmissionError)):
        await office.do(enter_from_paper, "robotics-chief", scans=[SCAN], **more)
    with pytest.raises(ForbiddenError):
        await office.do(enter_from_paper, "finance-clerk", scans=[SCAN], **more)
    outcome = await office.do(enter_from_paper, "finance-head", scans=[SCAN], words="Agreed", **more)
    async with office.store.transaction() as tx:
        rows = await tx.rows(
            "SELECT person_id, entered_by_id, paper FROM decision WHERE id = $1", (outcome.decision_id,)
        )
    assert (rows[0]["person_id"], rows[0]["entered_by_id"]) == (
        office.people["finance-clerk"],
        office.people["finance-head"],
    )
    assert rows[0]["paper"][0]["sha256"] == SCAN.sha256


async def test_a_form_printed_from_an_older_version_is_refused(office: Office) -> None:
    await office.submit()
    form = await office.do(printed_form, "finance-head", case_id=office.case_id)
    await office.do(withdraw, "robotics-chief", case_id=office.case_id)
    await office.submit(data={**PLAN, "basics": {**PLAN["basics"], "name": "Other robots"}})
    task = await office.task("countersign", FINANCE)
    with pytest.raises(OldFormError):
        await office.do(
            enter_from_paper, "finance-head", task_id=task.id, person_id=office.people["finance-clerk"],
            decision="approve", scans=[SCAN], printed=form,
        )  # fmt: skip


# --- one's own ------------------------------------------------------------------------------------------------------


async def test_nobody_adds_themself_as_a_signer(office: Office) -> None:
    await office.submit()
    task = await office.task("countersign", FINANCE)
    own = office.people["finance-clerk"]
    with pytest.raises(InvalidInputError):
        await office.do(add_signer, "finance-clerk", task_id=task.id, person=own, how="beside")


async def test_nobody_grants_a_late_exception_for_a_task_that_was_handed_to_them(office: Office) -> None:
    task, head = await office.task("plan"), office.people["education-head"]
    more = {"case_id": office.case_id, "until": local(2027, 6, 1), "words": "Snow"}
    await office.do(transfer, "robotics-chief", task_id=task.id, to=head)
    with pytest.raises(OwnSubmissionError):
        await office.do(grant_exception, "education-head", **more)
    await office.do(transfer, "education-head", task_id=task.id, to=office.people["robotics-coach-1"])
    await office.do(grant_exception, "education-head", **more)
