"""A case's history: newest first, a page at a time, none lost or doubled, and as cheap after many decisions as after few."""

from __future__ import annotations

import pytest

from services.web.errors import words as said
from services.workflow.cases import case_view
from services.workflow.submissions import SHOWN, submission_lines
from services.workflow.timeline import timeline_page
from services.workflow.urging import urge
from tests.statements import counted
from tests.workflow.acting import submit
from tests.workflow.beside import REVIEWER, ask_of
from tests.world import World

pytestmark = pytest.mark.postgres

MANY = """
INSERT INTO decision (id, bureau_id, case_id, visit_id, task_id, stage, kind, person_id, position_id, words, late, at)
SELECT ('00000000-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid, d.bureau_id, d.case_id, d.visit_id, d.task_id,
    d.stage, 'approve', d.person_id, d.position_id, 'no. ' || i, false, d.at - make_interval(mins => (i / 3)::int)
FROM decision d, generate_series(1, $2::int) i WHERE d.case_id = $1 AND d.kind = 'submit'
"""
SUBMISSIONS = """
INSERT INTO submission (id, bureau_id, case_id, n, form, data, digest, attachments, person_id, late, at)
SELECT ('00000000-0000-7000-9000-' || lpad(i::text, 12, '0'))::uuid, s.bureau_id, s.case_id, i + 1, s.form, s.data,
    s.digest, s.attachments, s.person_id, s.late, s.at FROM submission s, generate_series(1, $2::int) i
WHERE s.case_id = $1
"""
STATE = """
UPDATE cases SET state_doc = jsonb_set(state_doc, '{submissions}', to_jsonb($2::int)) WHERE id = $1
"""


async def lengthen(world: World, n: int) -> None:
    async with world.store.transaction() as tx:
        await tx.rows(MANY, (world.cases["math"], n))
        await tx.rows(SUBMISSIONS, (world.cases["math"], n // 3))
        await tx.rows(STATE, (world.cases["math"], n // 3 + 1))


async def test_pages_hold_every_entry_once_newest_first(world: World) -> None:
    await submit(world)
    await ask_of(world, "sports-clerk")
    async with world.store.transaction() as tx:
        chief, task_id = await world.reader(tx, "math-chief"), await world.open_task(tx, "math")
        await urge(tx, by=chief, task_id=task_id)
    await lengthen(world, 50)
    found, after = [], None
    async with world.store.transaction() as tx:
        reviewer = await world.reader(tx, REVIEWER)
        while True:
            page = await timeline_page(tx, reviewer, world.cases["math"], after=after, limit=7)
            found += page.entries
            after = page.next
            if after is None:
                break
    assert len(found) == len({each.id for each in found}) == 53
    assert [(each.at, each.id) for each in found] == sorted(((each.at, each.id) for each in found), reverse=True)
    assert {each.kind for each in found} == {"submit", "approve", "question", "urge"}


async def test_a_long_history_costs_no_more_statements_and_rows(world: World) -> None:
    await submit(world)

    async def look() -> tuple[int, int, int]:
        async with world.store.transaction() as tx:
            reader = await world.reader(tx, "basic-clerk")
            with counted(world.store) as sent:
                view = await case_view(tx, reader, world.cases["math"])
        return len(sent), len(view.timeline.entries), len(view.submissions)

    few = await look()
    await lengthen(world, 300)
    many = await look()
    assert (few[0], many) == (many[0], (few[0], 20, 2))
    async with world.store.transaction() as tx:
        view = await case_view(tx, await world.reader(tx, "basic-clerk"), world.cases["math"])
        assert (view.submitted, len(view.handed_in), view.handed_in[0].n) == (101, SHOWN, 101)
        older = await submission_lines(tx, view.id, before=view.handed_in[-1].n)
        assert [each.n for each in older] == list(range(91, 81, -1))


def test_a_refusal_names_the_act_in_words() -> None:
    from services.errors import IllegalTransitionError  # noqa: PLC0415

    assert said(IllegalTransitionError(state="filed", act="urge"), "zh").count("催办") == 1
