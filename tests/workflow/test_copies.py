"""Copies of a case: who may send them, what they show, who has read them, and how they end."""

from __future__ import annotations

from uuid import uuid4

import pytest

from services.errors import ForbiddenError, InvalidInputError, NotFoundError
from services.workflow.acts import approve
from services.workflow.case_list import CaseFilter, cases_page
from services.workflow.cases import case_view
from services.workflow.copies import copies_of, copies_to, read_copy, revoke_copy, send_copies, unread_copies
from tests.conftest import move_clock
from tests.statements import counted
from tests.workflow.acting import guide, submit
from tests.workflow.beside import CLERK, OUTSIDER, REVIEWER, copy_to, events, facts
from tests.world import World, local, told

pytestmark = pytest.mark.postgres


async def test_a_copy_shows_the_case_and_tells_its_person_and_moves_nothing(world: World) -> None:
    await submit(world)
    before = await facts(world)
    async with world.store.transaction() as tx:
        outsider = await world.reader(tx, OUTSIDER)
        with pytest.raises(NotFoundError):
            await case_view(tx, outsider, world.cases["math"])
    await copy_to(world, OUTSIDER)
    assert await facts(world) == before
    async with world.store.transaction() as tx:
        view = await case_view(tx, outsider, world.cases["math"])
        assert (view.may, view.tasks[0].mine) == (frozenset(), False)
        assert [row.id for row in (await cases_page(tx, outsider, CaseFilter())).rows] == [view.id]
        assert (await events(tx, view.id))[-1] == "copied"
        with pytest.raises(NotFoundError):
            await case_view(tx, outsider, world.cases["physics"])
    assert await told(world.store, kind="copied") == [("copied", world.people[OUTSIDER])]


async def test_who_reads_by_a_copy_decides_nothing(world: World) -> None:
    await submit(world)
    await copy_to(world, OUTSIDER)
    async with world.store.transaction() as tx:
        outsider, task_id = await world.reader(tx, OUTSIDER), await world.open_task(tx, "math")
        with pytest.raises((ForbiddenError, NotFoundError)):
            await approve(tx, by=outsider, task_id=task_id)
        with pytest.raises(ForbiddenError):
            await send_copies(tx, by=outsider, case_id=world.cases["math"], to=[world.people[CLERK]])


async def test_only_who_holds_a_task_or_has_acted_sends_one(world: World) -> None:
    await submit(world)
    for login, may in ((REVIEWER, True), ("math-chief", True), (CLERK, False), ("administrator", False)):
        async with world.store.transaction() as tx:
            by = await world.reader(tx, login)
            send = send_copies(tx, by=by, case_id=world.cases["math"], to=[world.people[OUTSIDER]])
            if may:
                assert len(await send) == 1
            else:
                with pytest.raises(ForbiddenError):
                    await send
    await guide(world)
    await copy_to(world, "finance-head")


async def test_wrong_people_are_refused_in_words(world: World) -> None:
    await submit(world)
    await copy_to(world, OUTSIDER)
    wrong = {
        "yourself": [world.people[REVIEWER]],
        "nobody": [uuid4()],
        "already": [world.people[OUTSIDER]],
        "one person": [],
    }
    for words, people in wrong.items():
        async with world.store.transaction() as tx:
            by = await world.reader(tx, REVIEWER)
            with pytest.raises(InvalidInputError) as refused:
                await send_copies(tx, by=by, case_id=world.cases["math"], to=people)
            assert words in refused.value.problems[0]["message"], words


async def test_the_sender_sees_who_has_read_and_when(world: World) -> None:
    await submit(world)
    copy = await copy_to(world, OUTSIDER)
    await copy_to(world, "finance-head")
    now = local(2026, 12, 2)
    await move_clock(world.store, now)
    async with world.store.transaction() as tx:
        await read_copy(tx, by=await world.reader(tx, OUTSIDER), copy_id=copy)
    await move_clock(world.store, local(2026, 12, 3))
    async with world.store.transaction() as tx:
        await read_copy(tx, by=await world.reader(tx, OUTSIDER), copy_id=copy)
        sent = await copies_of(tx, by=await world.reader(tx, REVIEWER), case_id=world.cases["math"])
        assert {each.person_id: each.read_at for each in sent} == {
            world.people[OUTSIDER]: now, world.people["finance-head"]: None,
        }  # fmt: skip
        own = await copies_of(tx, by=await world.reader(tx, OUTSIDER), case_id=world.cases["math"])
        assert [each.id for each in own] == [copy]
        assert (await events(tx, world.cases["math"])).count("copy-read") == 1
        with pytest.raises(NotFoundError):
            await read_copy(tx, by=await world.reader(tx, REVIEWER), copy_id=copy)


async def test_a_revoked_copy_shows_nothing_and_its_unsent_mail_is_not_sent(world: World) -> None:
    await submit(world)
    copy = await copy_to(world, OUTSIDER)
    async with world.store.transaction() as tx:
        with pytest.raises(ForbiddenError):
            await revoke_copy(tx, by=await world.reader(tx, "math-chief"), copy_id=copy)
        await revoke_copy(tx, by=await world.reader(tx, REVIEWER), copy_id=copy)
    assert await told(world.store, kind="copied") == []
    async with world.store.transaction() as tx:
        outsider = await world.reader(tx, OUTSIDER)
        with pytest.raises(NotFoundError):
            await case_view(tx, outsider, world.cases["math"])
        assert (await copies_to(tx, by=outsider)).rows == ()
        with pytest.raises(NotFoundError):
            await read_copy(tx, by=outsider, copy_id=copy)
        sent = await copies_of(tx, by=await world.reader(tx, REVIEWER), case_id=world.cases["math"])
        assert sent[0].revoked_at is not None
        assert (await events(tx, world.cases["math"]))[-1] == "copy-revoked"
    await copy_to(world, OUTSIDER)


async def test_my_copies_are_listed_unread_first_a_page_at_a_time(world: World) -> None:
    groups = ("math", "physics", "chemistry", "biology")
    copies = {}
    for group in groups:
        await submit(world, group)
        copies[group] = await copy_to(world, OUTSIDER, by=f"{group}-chief", group=group)
    async with world.store.transaction() as tx:
        outsider = await world.reader(tx, OUTSIDER)
        await read_copy(tx, by=outsider, copy_id=copies["biology"])
        assert await unread_copies(tx, by=outsider) == 3
        found, after = [], None
        while True:
            page = await copies_to(tx, by=outsider, after=after, limit=1)
            found += [row.group_code for row in page.rows]
            after = page.next
            if after is None:
                break
        assert found == ["chemistry", "physics", "math", "biology"]
        with counted(world.store) as one:
            await copies_to(tx, by=outsider, limit=1)
        with counted(world.store) as many:
            await copies_to(tx, by=outsider, limit=50)
        assert len(one) == len(many) == 2
