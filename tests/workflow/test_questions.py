"""Questions about a task: asked, answered, withdrawn, and who reads them; the task stays where it is."""

from __future__ import annotations

import pytest

from services.errors import ForbiddenError, IllegalTransitionError, InvalidInputError, NotFoundError
from services.workflow.cases import case_view
from services.workflow.copies import copies_of, copies_to, revoke_copy
from services.workflow.questions import NotWaitingError, answer, ask, questions_to, withdraw_question
from tests.workflow.acting import guide, submit
from tests.workflow.beside import CLERK, FINANCE, OUTSIDER, REVIEWER, ask_of, events, facts
from tests.world import World, told

pytestmark = pytest.mark.postgres


async def test_a_question_shows_the_case_is_answered_and_changes_no_date(world: World) -> None:
    await submit(world)
    before = await facts(world)
    question = await ask_of(world, OUTSIDER)
    assert await told(world.store, kind="asked") == [("asked", world.people[OUTSIDER])]
    async with world.store.transaction() as tx:
        outsider = await world.reader(tx, OUTSIDER)
        (waiting,), following = await questions_to(tx, by=outsider)
        assert (waiting.id, waiting.text, following) == (question, "经费够吗？", None)
        assert [each.id for each in (await case_view(tx, outsider, world.cases["math"])).questions] == [question]
        assert (await copies_to(tx, by=outsider)).rows == ()
        await answer(tx, by=outsider, question_id=question, text="够。")
    async with world.store.transaction() as tx:
        view = await case_view(tx, await world.reader(tx, REVIEWER), world.cases["math"])
        assert [(each.text, each.answer, each.waits) for each in view.questions] == [("经费够吗？", "够。", False)]
        assert view.timeline.entries[0].kind == "question"
        assert (await questions_to(tx, by=outsider))[0] == ()
        assert (await events(tx, view.id))[-2:] == ["asked", "answered"]
        stored = await tx.rows("SELECT data::text AS data FROM audit_event WHERE kind IN ('asked', 'answered')")
        assert all("经费" not in row["data"] and "够" not in row["data"] for row in stored)
    assert await told(world.store, kind="question-answered") == [("question-answered", world.people[REVIEWER])]
    assert await facts(world) == before


async def test_who_sees_the_case_anyway_gets_no_further_sight(world: World) -> None:
    await submit(world)
    await ask_of(world, CLERK)
    async with world.store.transaction() as tx:
        assert await copies_of(tx, by=await world.reader(tx, "administrator"), case_id=world.cases["math"]) == ()


async def test_only_the_holder_and_the_administrator_ask_about_an_open_task(world: World) -> None:
    await submit(world)
    async with world.store.transaction() as tx:
        task_id = await world.open_task(tx, "math")
    for login, may in ((REVIEWER, True), ("administrator", True), ("math-chief", False), (CLERK, False)):
        async with world.store.transaction() as tx:
            by = await world.reader(tx, login)
            asking = ask(tx, by=by, task_id=task_id, to=world.people[OUTSIDER], text="?")
            if may:
                await asking
            else:
                with pytest.raises(ForbiddenError):
                    await asking
    for text, to in (("", OUTSIDER), ("x" * 4001, OUTSIDER), ("?", REVIEWER)):
        async with world.store.transaction() as tx:
            by = await world.reader(tx, REVIEWER)
            with pytest.raises(InvalidInputError):
                await ask(tx, by=by, task_id=task_id, to=world.people[to], text=text)
    await guide(world)
    async with world.store.transaction() as tx:
        by = await world.reader(tx, REVIEWER)
        with pytest.raises(IllegalTransitionError):
            await ask(tx, by=by, task_id=task_id, to=world.people[OUTSIDER], text="?")


async def test_only_whom_it_asks_answers_and_only_once(world: World) -> None:
    await submit(world)
    question = await ask_of(world, OUTSIDER)
    async with world.store.transaction() as tx:
        with pytest.raises(ForbiddenError):
            await answer(tx, by=await world.reader(tx, CLERK), question_id=question, text="x")
        with pytest.raises(NotFoundError):
            await answer(tx, by=await world.reader(tx, "physics-chief"), question_id=question, text="x")
    await guide(world)  # the task is done meanwhile: the answer may still come
    async with world.store.transaction() as tx:
        outsider = await world.reader(tx, OUTSIDER)
        await answer(tx, by=outsider, question_id=question, text="x")
        with pytest.raises(NotWaitingError):
            await answer(tx, by=outsider, question_id=question, text="y")
        with pytest.raises(NotWaitingError):
            await withdraw_question(tx, by=await world.reader(tx, REVIEWER), question_id=question)


async def test_a_withdrawn_question_shows_nothing_any_more(world: World) -> None:
    await submit(world)
    question = await ask_of(world, OUTSIDER)
    async with world.store.transaction() as tx:
        with pytest.raises(ForbiddenError):
            await withdraw_question(tx, by=await world.reader(tx, OUTSIDER), question_id=question)
        await withdraw_question(tx, by=await world.reader(tx, REVIEWER), question_id=question)
    async with world.store.transaction() as tx:
        outsider = await world.reader(tx, OUTSIDER)
        with pytest.raises(NotFoundError):
            await case_view(tx, outsider, world.cases["math"])
        with pytest.raises(NotFoundError):
            await answer(tx, by=outsider, question_id=question, text="x")
        assert (await events(tx, world.cases["math"]))[-1] == "question-withdrawn"
    assert await told(world.store, kind="asked") == []
    assert await told(world.store, kind="question-withdrawn") == []


async def test_who_was_told_of_a_question_is_told_that_it_was_withdrawn(world: World) -> None:
    await submit(world)
    question = await ask_of(world, OUTSIDER)
    async with world.store.transaction() as tx:
        await tx.rows("UPDATE notification SET state = 'void' WHERE subject_id = $1", (question,))
        await withdraw_question(tx, by=await world.reader(tx, REVIEWER), question_id=question)
    assert await told(world.store, kind="question-withdrawn") == [("question-withdrawn", world.people[OUTSIDER])]


async def test_the_group_that_submits_does_not_read_what_the_offices_ask_each_other(world: World) -> None:
    await submit(world)
    await ask_of(world, OUTSIDER, text="可疑吗？")
    await ask_of(world, "math-chief", text="为什么？")
    seen = {}
    async with world.store.transaction() as tx:
        for login in ("math-chief", "math-coach-1", "school-1-office", OUTSIDER, FINANCE, "administrator"):
            view = await case_view(tx, await world.reader(tx, login), world.cases["math"])
            seen[login] = {each.text for each in view.questions}
            told_of = {each.words for each in view.timeline.entries if each.kind == "question"}
            assert told_of == seen[login], login
    both = {"可疑吗？", "为什么？"}
    assert seen == {
        "math-chief": {"为什么？"}, "math-coach-1": set(), "school-1-office": set(), OUTSIDER: {"可疑吗？"},
        FINANCE: both, "administrator": both,
    }  # fmt: skip


async def test_the_copy_of_a_waiting_question_is_not_revoked_alone(world: World) -> None:
    await submit(world)
    question = await ask_of(world, OUTSIDER)
    async with world.store.transaction() as tx:
        reviewer = await world.reader(tx, REVIEWER)
        (copy,) = await copies_of(tx, by=reviewer, case_id=world.cases["math"])
        assert copy.question_id == question
        with pytest.raises(IllegalTransitionError):
            await revoke_copy(tx, by=reviewer, copy_id=copy.id)
        await answer(tx, by=await world.reader(tx, OUTSIDER), question_id=question, text="x")
        await revoke_copy(tx, by=reviewer, copy_id=copy.id)
        with pytest.raises(NotFoundError):
            await case_view(tx, await world.reader(tx, OUTSIDER), world.cases["math"])
