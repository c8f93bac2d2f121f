"""What a person sees of a case: where it stands, what happened, what was submitted, what they may do now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from models.case import Case
from services.errors import NotFoundError
from services.people.access import Reader, case_scope, case_scope_sql
from services.people.directory import local_day
from services.people.holding import holds
from services.process.definitions import ActedStage, ProcessDefinition
from services.process.packs import Pack
from services.process.position import Position, position_of
from services.process.states import CaseState, CaseStatus
from services.programmes.pinned import pinned_pack
from services.store.transaction import Tx
from services.workflow.beside import Priority, actors_of, deliberates
from services.workflow.possible import Beholder, Possible, StageMark, draw_stages, possible_acts
from services.workflow.questions import QuestionView, questions_of
from services.workflow.remarks import RemarkView, remarks_of
from services.workflow.represented import has
from services.workflow.seats import SeatsView, seats_view
from services.workflow.submissions import SubmissionLine, SubmissionView, newest_submissions, submission_lines
from services.workflow.timeline import TimelinePage, read_timeline


@dataclass(frozen=True)
class OpenTask:
    """An open task of the case. mine: it is with the reader. unheld: nobody has it today. person: whom it is with by name."""

    id: UUID
    stage: str
    kind: str
    actor: str
    visit_id: UUID
    position_id: UUID | None
    position_zh: str | None
    position_en: str | None
    person_id: UUID | None
    person: str | None
    due_at: datetime | None
    close_at: datetime | None
    explained: Mapping[str, Any]
    mine: bool
    unheld: bool


@dataclass(frozen=True)
class CaseView:
    """A case whole, for one reader, in as much as a page shows: however long its history is.

    timeline: its newest entries. submissions: the last two whole, oldest first; submitted: how many there are; handed_in:
    the newest of them in a list. remarks: those on the last two. questions: as far as the reader reads them. visited: the
    stages that it has been in. seats: who signs in the open visits.
    """

    id: UUID
    version: int
    status: CaseStatus
    stage: str | None
    number: str | None
    late: bool
    opened_at: datetime
    closed_at: datetime | None
    season_id: UUID
    season_key: str
    group_id: UUID
    group_code: str
    group_zh: str
    group_en: str
    pack: Pack
    definition: ProcessDefinition
    actors: Mapping[str, UUID]
    stages: tuple[StageMark, ...]
    tasks: tuple[OpenTask, ...]
    timeline: TimelinePage
    submissions: tuple[SubmissionView, ...]
    submitted: int
    handed_in: tuple[SubmissionLine, ...]
    submitters: frozenset[UUID]
    remarks: tuple[RemarkView, ...]
    questions: tuple[QuestionView, ...]
    priority: Priority
    exception_until: datetime | None
    suspended_at: datetime | None
    visited: frozenset[str]
    seats: SeatsView
    may: frozenset[Possible]
    state: CaseState

    @property
    def position(self) -> Position:
        """Where the case stands in its process, as it is drawn."""
        return position_of(self.definition, self.state)

    @property
    def suspended(self) -> bool:
        """Whether the case stands still."""
        return self.state.suspended_at is not None

    @property
    def last_submission(self) -> SubmissionView | None:
        """The submission that is being judged or was filed; None before the first."""
        return self.submissions[-1] if self.submissions else None

    def group_title(self, locale: str) -> str:
        """Return the group's title for `locale`."""
        return self.group_zh if locale.startswith("zh") else self.group_en


FACTS = """
SELECT c.version, c.state, c.stage, c.number, c.late, c.opened_at, c.closed_at, c.state_doc::text AS state_doc,
    c.season_id, s.key AS season_key, c.group_id, g.code AS group_code, g.title_zh AS group_zh, g.title_en AS group_en,
    c.version_id, c.process, c.actors::text AS actors, coalesce(c.priority, 'normal') AS priority
FROM cases c JOIN season s ON s.id = c.season_id JOIN project_group g ON g.id = c.group_id
WHERE c.id = $1 AND {scope}
"""
TASKS = f"""
SELECT t.id, t.stage, t.kind, t.actor, t.visit_id, t.position_id, t.person_id, w.name AS person, p.title_zh AS position_zh, p.title_en AS position_en, t.due_at,
    l.close_at, l.explained::text AS explained,
    CASE WHEN t.person_id IS NULL
        THEN NOT EXISTS (SELECT FROM appointment a WHERE a.position_id = t.position_id AND {holds("$2", "$3")})
        ELSE w.left_at <= $3 END IS TRUE AS unheld
FROM task t LEFT JOIN position p ON p.id = t.position_id LEFT JOIN person w ON w.id = t.person_id
LEFT JOIN deadline l ON l.subject_id = t.id
WHERE t.id = ANY($1::uuid[]) AND t.state = 'open' ORDER BY t.id
"""  # noqa: S608 - constant parts


async def case_view(tx: Tx, reader: Reader, case_id: UUID) -> CaseView:
    """Return the case whole, in a constant number of statements.

    Raises:
        NotFoundError: there is none, or the reader may not see it.
    """
    scope = case_scope_sql(reader, alias="c", first=2)
    facts = await tx.rows(FACTS.format(scope=scope.text), (case_id, *scope.parameters))
    if not facts:
        raise NotFoundError
    row = facts[0]
    pack = await pinned_pack(tx, row["version_id"])
    definition = pack.process(row["process"])
    state = CaseState.model_validate_json(row["state_doc"])
    actors = actors_of(row["actors"])
    every = deliberates(reader, definition, actors, group_id=row["group_id"])
    tasks = await _open_tasks(tx, reader, state, programme=pack.programme, process=row["process"])
    submissions = await newest_submissions(tx, pack, case_id)
    holders = await _holders(tx, reader, definition, state)
    beholder = Beholder(definition, state, reader, actors, tx.now, pack.programme, holders)
    return CaseView(
        id=case_id, version=row["version"], status=row["state"], stage=row["stage"], number=row["number"],
        late=row["late"], opened_at=row["opened_at"], closed_at=row["closed_at"], season_id=row["season_id"],
        season_key=row["season_key"], group_id=row["group_id"], group_code=row["group_code"], group_zh=row["group_zh"],
        group_en=row["group_en"], pack=pack, definition=definition, actors=actors, stages=draw_stages(definition, state), tasks=tasks,
        timeline=await read_timeline(tx, reader, case_id, every=every), submissions=submissions,
        submitted=state.submissions, handed_in=await submission_lines(tx, case_id), submitters=frozenset(state.submitters),
        remarks=await remarks_of(tx, by=reader, case_id=case_id, submissions=[each.id for each in submissions]),
        questions=await questions_of(tx, by=reader, case_id=case_id, every=every), priority=row["priority"],
        exception_until=_exception_until(state, tx.now), suspended_at=state.suspended_at, visited=frozenset(state.visits),
        seats=await seats_view(tx, beholder, case_id), may=possible_acts(beholder), state=state,
    )  # fmt: skip


HOLDERS = f"""
SELECT a.position_id, array_agg(DISTINCT a.person_id) AS people FROM appointment a
WHERE a.position_id = ANY($1::uuid[]) AND {holds("$2", "$3")} GROUP BY a.position_id
"""  # noqa: S608 - constant parts


async def _holders(
    tx: Tx, reader: Reader, definition: ProcessDefinition, state: CaseState
) -> dict[UUID, tuple[UUID, ...]]:
    """Return who holds the positions of tasks that go to their holders only; nothing where no open stage says so."""
    positions = {
        task.position
        for visit in state.open
        if isinstance(stage := definition.stage(visit.stage), ActedStage) and stage.hand_to == "position"
        for task in visit.tasks
        if task.position is not None
    }
    if not positions:
        return {}
    rows = await tx.rows(HOLDERS, (sorted(positions), local_day(tx.now, reader.zone), tx.now))
    return {row["position_id"]: tuple(row["people"]) for row in rows}


async def _open_tasks(
    tx: Tx, reader: Reader, state: CaseState, *, programme: str, process: str
) -> tuple[OpenTask, ...]:
    """Return the open tasks, by the ids that the case's state names: a case has any number of closed ones."""
    tasks = [task.id for task in state.tasks]
    rows = await tx.rows(TASKS, (tasks, local_day(tx.now, reader.zone), tx.now))
    return tuple(
        OpenTask(
            **{**row, "explained": json.loads(row["explained"] or "{}")},
            mine=has(reader, row["person_id"] or row["position_id"], programme=programme, process=process),
        )
        for row in rows
    )


def _exception_until(state: CaseState, now: datetime) -> datetime | None:
    """Return until when a late exception keeps the case open, while it does."""
    until = [visit.exception.until for visit in state.open if visit.exception is not None]
    return max((each for each in until if now < each), default=None)


async def case_of_task(tx: Tx, reader: Reader, task_id: UUID) -> UUID:
    """Return the case of a task that the reader may see.

    Raises:
        NotFoundError: there is none, or the reader may not see it.
    """
    scope = case_scope_sql(reader, alias="c", first=2)
    statement = f"SELECT c.id FROM task t JOIN cases c ON c.id = t.case_id WHERE t.id = $1 AND {scope.text}"  # noqa: S608
    rows = await tx.rows(statement, (task_id, *scope.parameters))
    if not rows:
        raise NotFoundError
    found: UUID = rows[0]["id"]
    return found


async def cases_of_season(tx: Tx, reader: Reader, season_id: UUID) -> list[Case]:
    """Return the season's cases that the reader may see, in the order of their groups' codes."""
    statement = select(Case).where(case_scope(reader), Case.season_id == season_id).order_by(col(Case.group_id))
    return list((await tx.session.exec(statement)).all())
