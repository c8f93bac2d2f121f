"""What a person sees of a case: where it stands, what happened, what was submitted, what they may do now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from models.case import Case, Submission
from services.errors import NotFoundError
from services.people.access import Reader, case_scope, case_scope_sql
from services.people.directory import local_day
from services.people.holding import holds
from services.process.definitions import ProcessDefinition
from services.process.forms import Change, FormDefinition, diff
from services.process.packs import Pack
from services.process.states import CaseState
from services.programmes.pinned import pinned_pack
from services.store.transaction import Tx
from services.workflow.possible import Beholder, Possible, StageMark, draw_stages, possible_acts
from services.workflow.remarks import RemarkView, remarks_of
from services.workflow.represented import has


@dataclass(frozen=True)
class TimelineEntry:
    """One decision of the case's history, with the words that this reader may see."""

    id: UUID
    at: datetime
    kind: str
    stage: str | None
    to_stage: str | None
    person: str
    position_zh: str | None
    position_en: str | None
    words: str
    late: bool
    submission_id: UUID | None


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
class SubmissionView:
    """A submission as it was submitted."""

    id: UUID
    n: int
    form: FormDefinition
    data: Mapping[str, Any]
    attachments: tuple[Mapping[str, Any], ...]
    digest: str
    person_id: UUID
    late: bool
    at: datetime


@dataclass(frozen=True)
class CaseView:
    """A case whole, for one reader."""

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
    stages: tuple[StageMark, ...]
    tasks: tuple[OpenTask, ...]
    timeline: tuple[TimelineEntry, ...]
    submissions: tuple[SubmissionView, ...]
    remarks: tuple[RemarkView, ...]
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
    c.version_id, c.process, c.actors::text AS actors
FROM cases c JOIN season s ON s.id = c.season_id JOIN project_group g ON g.id = c.group_id
WHERE c.id = $1 AND {scope}
"""
TASKS = f"""
SELECT t.id, t.stage, t.kind, t.actor, t.visit_id, t.position_id, t.person_id, w.name AS person, p.title_zh AS position_zh, p.title_en AS position_en, t.due_at,
    l.close_at, l.explained::text AS explained,
    CASE WHEN t.person_id IS NULL
        THEN NOT EXISTS (SELECT FROM appointment a WHERE a.position_id = t.position_id AND {holds("$2", "$3")})
        ELSE w.left_at <= $3 END IS TRUE AS unheld
FROM task t LEFT JOIN position p ON p.id = t.position_id LEFT JOIN person w ON w.id = t.person_id LEFT JOIN deadline l ON l.subject_id = t.id
WHERE t.case_id = $1 AND t.state = 'open' ORDER BY t.id
"""  # noqa: S608 - constant parts
TIMELINE = """
SELECT d.id, d.at, d.kind, d.stage, d.to_stage, w.name AS person, p.title_zh AS position_zh, p.title_en AS position_en,
    d.words, d.late, d.submission_id
FROM decision d JOIN person w ON w.id = d.person_id LEFT JOIN position p ON p.id = d.position_id
WHERE d.case_id = $1 ORDER BY d.at, d.id
"""


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
    actors = {actor: UUID(each) for actor, each in json.loads(row["actors"]).items()}
    tasks = await _open_tasks(tx, reader, case_id, programme=pack.programme, process=row["process"])
    return CaseView(
        id=case_id, version=row["version"], status=row["state"], stage=row["stage"], number=row["number"],
        late=row["late"], opened_at=row["opened_at"], closed_at=row["closed_at"], season_id=row["season_id"],
        season_key=row["season_key"], group_id=row["group_id"], group_code=row["group_code"], group_zh=row["group_zh"],
        group_en=row["group_en"], pack=pack, definition=definition, stages=draw_stages(definition, state), tasks=tasks,
        timeline=tuple(TimelineEntry(**each) for each in await tx.rows(TIMELINE, (case_id,))),
        submissions=await _submissions(tx, pack, case_id), remarks=await remarks_of(tx, by=reader, case_id=case_id),
        exception_until=_exception_until(state, tx.now), may=possible_acts(Beholder(definition, state, reader, actors, tx.now, pack.programme)),
    )  # fmt: skip


async def _open_tasks(tx: Tx, reader: Reader, case_id: UUID, *, programme: str, process: str) -> tuple[OpenTask, ...]:
    rows = await tx.rows(TASKS, (case_id, local_day(tx.now, reader.zone), tx.now))
    return tuple(
        OpenTask(
            **{**row, "explained": json.loads(row["explained"] or "{}")},
            mine=has(reader, row["person_id"] or row["position_id"], programme=programme, process=process),
        )
        for row in rows
    )


async def _submissions(tx: Tx, pack: Pack, case_id: UUID) -> tuple[SubmissionView, ...]:
    found = await tx.session.exec(select(Submission).where(Submission.case_id == case_id).order_by(col(Submission.n)))
    return tuple(
        SubmissionView(
            id=each.id, n=each.n, form=pack.form(each.form), data=each.data, attachments=tuple(each.attachments),
            digest=each.digest, person_id=each.person_id, late=each.late, at=each.at,
        )
        for each in found
    )  # fmt: skip


def _exception_until(state: CaseState, now: datetime) -> datetime | None:
    """Return until when a late exception keeps the case open, while it does."""
    until = [visit.exception.until for visit in state.open if visit.exception is not None]
    return max((each for each in until if now < each), default=None)


def changes_since(view: CaseView, submission: SubmissionView) -> list[Change]:
    """Return what changed in `submission` against the one before it; [] for the first."""
    before = next((each for each in view.submissions if each.n == submission.n - 1), None)
    return diff(submission.form, before.data, submission.data) if before is not None else []


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
