"""What a person sees of a case: where it stands, what happened, what was submitted, what they may do now."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlmodel import col, select

from models.case import Case
from services.errors import NotFoundError
from services.people.access import Reader, case_scope, case_scope_sql
from services.people.directory import local_day
from services.people.holding import holds
from services.process.definitions import ApproveStage, FileStage, Localized, ProcessDefinition, SubmitStage
from services.process.packs import Pack
from services.process.states import CaseState
from services.programmes.pinned import pinned_pack
from services.store.transaction import Tx
from services.workflow.beside import Priority, actors_of, deliberates
from services.workflow.questions import QuestionView, questions_of
from services.workflow.remarks import RemarkView, remarks_of
from services.workflow.submissions import SubmissionLine, SubmissionView, newest_submissions, submission_lines
from services.workflow.timeline import TimelinePage, read_timeline

MarkState = Literal["done", "current", "ahead", "returned"]
Possible = Literal["edit", "submit", "approve", "return", "withdraw", "grant-exception", "end"]


@dataclass(frozen=True)
class StageMark:
    """A stage as it is drawn. returned: the case stands here or before because somebody sent it back."""

    code: str
    kind: str
    title: Localized
    state: MarkState
    visits: int


@dataclass(frozen=True)
class OpenTask:
    """An open task of the case. mine: the reader holds its position. unheld: nobody holds it today."""

    id: UUID
    stage: str
    kind: str
    actor: str
    position_id: UUID
    position_zh: str
    position_en: str
    due_at: datetime | None
    close_at: datetime | None
    explained: Mapping[str, Any]
    mine: bool
    unheld: bool


@dataclass(frozen=True)
class CaseView:
    """A case whole, for one reader, in as much as a page shows: however long its history is.

    timeline: its newest entries. submissions: the last two whole, oldest first; submitted: how many there are; handed_in:
    the newest of them in a list. remarks: those on the last two. questions: as far as the reader reads them.
    """

    id: UUID
    version: int
    status: str
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
    may: frozenset[Possible]

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
SELECT t.id, t.stage, t.kind, t.actor, t.position_id, p.title_zh AS position_zh, p.title_en AS position_en, t.due_at,
    l.close_at, l.explained::text AS explained,
    NOT EXISTS (SELECT FROM appointment a WHERE a.position_id = t.position_id AND {holds("$2", "$3")}) AS unheld
FROM task t JOIN position p ON p.id = t.position_id LEFT JOIN deadline l ON l.subject_id = t.id
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
    tasks = await _open_tasks(tx, reader, state)
    submissions = await newest_submissions(tx, pack, case_id)
    return CaseView(
        id=case_id, version=row["version"], status=row["state"], stage=row["stage"], number=row["number"],
        late=row["late"], opened_at=row["opened_at"], closed_at=row["closed_at"], season_id=row["season_id"],
        season_key=row["season_key"], group_id=row["group_id"], group_code=row["group_code"], group_zh=row["group_zh"],
        group_en=row["group_en"], pack=pack, definition=definition, actors=actors, stages=draw_stages(definition, state), tasks=tasks,
        timeline=await read_timeline(tx, reader, case_id, every=every), submissions=submissions,
        submitted=state.submissions, handed_in=await submission_lines(tx, case_id), submitters=frozenset(state.submitters),
        remarks=await remarks_of(tx, by=reader, case_id=case_id, submissions=[each.id for each in submissions]),
        questions=await questions_of(tx, by=reader, case_id=case_id, every=every), priority=row["priority"],
        exception_until=_exception_until(state, tx.now), may=possible_acts(definition, state, reader, actors, now=tx.now),
    )  # fmt: skip


async def _open_tasks(tx: Tx, reader: Reader, state: CaseState) -> tuple[OpenTask, ...]:
    """Return the open tasks, by the ids that the case's state names: a case has any number of closed ones."""
    tasks = [task.id for task in state.visit.tasks] if state.visit else []
    rows = await tx.rows(TASKS, (tasks, local_day(tx.now, reader.zone), tx.now))
    return tuple(
        OpenTask(
            **{**row, "explained": json.loads(row["explained"] or "{}")}, mine=row["position_id"] in reader.position_ids
        )
        for row in rows
    )


def _exception_until(state: CaseState, now: datetime) -> datetime | None:
    """Return until when a late exception keeps the case open, while it does."""
    exception = state.exception
    return exception.until if exception is not None and now < exception.until else None


def draw_stages(definition: ProcessDefinition, state: CaseState) -> tuple[StageMark, ...]:
    """Return each stage of the definition with where the case stands to it."""
    here = definition.index(state.visit.stage) if state.visit else None
    marks = []
    for place, stage in enumerate(definition.stages):
        mark: MarkState
        if here is None:
            mark = "done" if state.visits.get(stage.code) else "ahead"
        elif place == here:
            mark = "returned" if state.entered_by == "return" else "current"
        else:
            mark = "done" if place < here else "ahead"
        title = stage.title or Localized(zh=stage.code, en=stage.code)
        marks.append(StageMark(stage.code, stage.kind, title, mark, state.visits.get(stage.code, 0)))
    return tuple(marks)


def possible_acts(
    definition: ProcessDefinition, state: CaseState, reader: Reader, actors: Mapping[str, UUID], *, now: datetime
) -> frozenset[Possible]:
    """Return what the reader may do with the case now; what is not in it is not shown, and would be refused."""
    visit = state.visit
    if visit is None:
        return frozenset()
    acts: set[Possible] = {"end"} if reader.is_administrator else set()
    stage = definition.stage(visit.stage)
    mine = any(task.position in reader.position_ids for task in visit.tasks)
    match stage:
        case SubmitStage():
            acts |= set(_submit_acts(stage, state, reader, actors, mine=mine, now=now))
        case ApproveStage() if mine and not _is_own(definition, state, reader, actors):
            acts |= {"approve", "return"} if stage.return_to else {"approve"}
        case ApproveStage() | FileStage():
            pass
    if _may_withdraw(definition, state, reader, actors, now=now):
        acts.add("withdraw")
    return frozenset(acts)


def _submit_acts(
    stage: SubmitStage, state: CaseState, reader: Reader, actors: Mapping[str, UUID], *, mine: bool, now: datetime
) -> Iterable[Possible]:
    visit = state.visit
    closed = visit is not None and visit.close_at is not None and now >= visit.close_at
    if mine:
        yield "edit"
        if not closed:
            yield "submit"
    granter = stage.close.exceptions if stage.close is not None else None
    if granter is not None and actors[granter] in reader.position_ids and not mine:
        yield "grant-exception"


def _is_own(definition: ProcessDefinition, state: CaseState, reader: Reader, actors: Mapping[str, UUID]) -> bool:
    """Tell whether the reader submitted the case, could submit it, or has signed it for another office already."""
    submits = {actors[stage.by] for stage in definition.stages if isinstance(stage, SubmitStage)}
    signed = {opinion.person for opinion in state.visit.opinions} if state.visit else set()
    own = reader.person_id in state.submitters or not submits.isdisjoint(reader.position_ids)
    return own or reader.person_id in signed


def _may_withdraw(
    definition: ProcessDefinition, state: CaseState, reader: Reader, actors: Mapping[str, UUID], *, now: datetime
) -> bool:
    visit = state.visit
    if visit is None or state.entered_by != "submit" or visit.opinions:
        return False
    if state.submit_close_at is not None and now >= state.submit_close_at:
        return False
    before = definition.stages[definition.index(visit.stage) - 1]
    return isinstance(before, SubmitStage) and actors[before.by] in reader.position_ids


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
