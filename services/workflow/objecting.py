"""公示异议: an office registers an objection against what is posted; the position that the stage names settles it.

Name and contact of who objects are personal data: they stand in the objection's row alone, readable by the offices, and
the chain holds salted digests of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.errors import ForbiddenError, IllegalTransitionError, InvalidInputError
from services.people.access import Reader, may_register_objections
from services.process.definitions import PublishStage
from services.process.events import Object, Settle
from services.process.states import VisitState
from services.store.transaction import Tx
from services.workflow.carry_out import Asked, Outcome, carry_out, decide, lock
from services.workflow.cases import CaseView

MOST_NAME, MOST_CONTACT, MOST_WORDS = 200, 300, 4000


@dataclass(frozen=True)
class ObjectionView:
    """An objection as a reader sees it. name, contact: None for who may not know who objects."""

    id: UUID
    stage: str
    visit_id: UUID
    words: str
    at: datetime
    entered_by: str
    name: str | None
    contact: str | None
    settled_at: datetime | None
    settled_by: str | None
    upheld: bool | None
    answer: str


@dataclass(frozen=True)
class Posting:
    """An open posting of the case. settles: whether the reader settles its objections; registers: whether they enter one."""

    visit: VisitState
    stage: PublishStage
    settles: bool
    registers: bool


INSERT = """
INSERT INTO objection (id, bureau_id, case_id, visit_id, stage, name, contact, words, entered_by, at, answer)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '')
"""
SETTLED = """
UPDATE objection SET settled_at = $3, settled_by = $4, upheld = $5, answer = $6 WHERE bureau_id = $1 AND id = $2
"""
LIST = """
SELECT o.id, o.stage, o.visit_id, o.words, o.at, e.name AS entered_by, o.name, o.contact, o.settled_at, s.name AS settled_by,
    o.upheld, o.answer
FROM objection o JOIN person e ON e.id = o.entered_by LEFT JOIN person s ON s.id = o.settled_by
WHERE o.bureau_id = $1 AND o.case_id = $2 ORDER BY o.at, o.id
"""


def postings(by: Reader, view: CaseView) -> list[Posting]:
    """Return the open postings of a case that the reader sees, with what they may do there."""
    found = []
    for visit in view.state.open:
        stage = view.definition.stage(visit.stage)
        if isinstance(stage, PublishStage):
            named = view.actors[stage.objections_to]
            settles = named in by.position_ids and not view.suspended
            registers = may_register_objections(by, named, view.actors.values()) and not view.suspended
            found.append(Posting(visit, stage, settles, registers))
    return found


async def objections_of(tx: Tx, *, by: Reader, view: CaseView) -> list[ObjectionView]:
    """Return the objections of a case that the reader sees; who objects is said to those who may register or settle them."""
    stages = [each for each in view.definition.all_stages if isinstance(each, PublishStage)]
    if not stages:
        return []
    known = any(may_register_objections(by, view.actors[each.objections_to], view.actors.values()) for each in stages)
    rows = await tx.rows(LIST, (by.bureau_id, view.id))
    return [ObjectionView(**{**row, **({} if known else {"name": None, "contact": None})}) for row in rows]


async def raise_objection(  # noqa: PLR0913 - who objects, and against what
    tx: Tx,
    *,
    by: Reader,
    case_id: UUID,
    visit_id: UUID,
    name: str,
    words: str,
    contact: str = "",
    version: int | None = None,
    key: str | None = None,
) -> Outcome:
    """Register an objection against what is posted, while the period lasts; the position that settles it is told.

    Args:
        tx: the transaction.
        by: who enters it: the position that settles objections, its office, an office of the case, or the administrator.
        case_id: the case.
        visit_id: the open posting.
        name: who objects; not empty.
        words: what the objection is; not empty.
        contact: how to reach them; may be empty.
        version: the case's version as the caller saw it, or None.
        key: an idempotency key, or None.

    Raises:
        ForbiddenError: the person may not register objections.
        InvalidInputError: there is no name or no words.
        ConflictError: the period has ended.
    """
    name, contact, words = name.strip()[:MOST_NAME], contact.strip()[:MOST_CONTACT], words.strip()[:MOST_WORDS]
    asked = Asked(
        by, "object", case_id=case_id, words=words, version=version, key=key, more="\n".join([str(visit_id), name, contact]),
        personal={"name": name, "contact": contact},
    )  # fmt: skip
    case, before = await lock(tx, asked)
    if before is not None:
        return before
    stage = _stage(case.definition.places, case.state.open, visit_id)
    if not may_register_objections(by, case.actors[stage.objections_to], case.actors.values()):
        raise ForbiddenError("Only the offices of the case register objections.")
    if not name:
        raise InvalidInputError([{"field": "name", "message": "Say who objects."}])
    objection = tx.new_id()
    outcome = await carry_out(tx, case, asked, await decide(tx, case, asked, Object(visit_id, objection, words)))
    row = (objection, by.bureau_id, case_id, visit_id, stage.code, name, contact, words, by.person_id, tx.now)
    await tx.rows(INSERT, row)
    return outcome


def _stage(places: Mapping[str, Any], open_: Iterable[VisitState], visit_id: UUID) -> PublishStage:
    visit = next((each for each in open_ if each.id == visit_id), None)
    stage = places[visit.stage].stage if visit is not None else None
    if not isinstance(stage, PublishStage):
        raise IllegalTransitionError("Nothing is posted here any more.", state="", act="object")
    return stage


async def settle_objection(  # noqa: PLR0913 - the parts of a decision
    tx: Tx,
    *,
    by: Reader,
    case_id: UUID,
    visit_id: UUID,
    objection_id: UUID,
    upheld: bool,
    words: str,
    version: int | None = None,
    key: str | None = None,
) -> Outcome:
    """Settle an objection with words: upheld, the case goes where the stage says; else the posting goes on.

    Args:
        tx: the transaction.
        by: holds the position that the stage names.
        case_id: the case.
        visit_id: the open posting.
        objection_id: the open objection.
        upheld: whether it is.
        words: why; not empty.
        version: the case's version as the caller saw it, or None.
        key: an idempotency key, or None.

    Raises:
        ForbiddenError: the person does not hold that position.
        IllegalTransitionError: it is settled already.
        InvalidInputError: no words.
    """
    words = words.strip()[:MOST_WORDS]
    more = f"{objection_id}:{upheld}"
    asked = Asked(by, "settle", case_id=case_id, words=words, version=version, key=key, more=more)
    case, before = await lock(tx, asked)
    if before is not None:
        return before
    event = Settle(visit_id, objection_id, upheld, words)
    outcome = await carry_out(tx, case, asked, await decide(tx, case, asked, event))
    await tx.rows(SETTLED, (by.bureau_id, objection_id, tx.now, by.person_id, upheld, words))
    return outcome
