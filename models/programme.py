"""Programmes, their versions, calendars and seasons."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from models.base import Json, Moment, Row, document, moment, one_of, same_bureau


class Programme(Row, table=True):
    """What one policy document sets up; `version_id` is what a new season begins under."""

    __tablename__ = "programme"
    __table_args__ = (UniqueConstraint("bureau_id", "id"), UniqueConstraint("bureau_id", "code"))
    code: str = Field(max_length=60)
    title_zh: str = Field(max_length=200)
    title_en: str = Field(max_length=200)
    version_id: UUID


class ProgrammeVersion(Row, table=True):
    """A resolved pack, never changed once stored; `digest` is the SHA-256 of its canonical JSON."""

    __tablename__ = "programme_version"
    __table_args__ = (UniqueConstraint("bureau_id", "id"), UniqueConstraint("bureau_id", "programme", "digest"))
    programme: str = Field(max_length=60)
    digest: str = Field(max_length=64)
    resolved: Json = document()
    loaded_at: Moment = moment()
    loaded_by: UUID | None = None


class ProgrammeOverlay(Row, table=True):
    """A bureau's own values over a programme's pack; every version of it stays, and the highest `n` is in force.

    `changes` is a list of {place, base, value}. `base_id` is the pack without them, `version_id` with them.
    """

    __tablename__ = "programme_overlay"
    __table_args__ = (
        UniqueConstraint("bureau_id", "programme", "n"),
        same_bureau("base_id", "programme_version"),
        same_bureau("version_id", "programme_version"),
        CheckConstraint("n > 0", name="n"),
    )
    programme: str = Field(max_length=60)
    n: int
    base_id: UUID
    version_id: UUID
    changes: list[dict[str, Any]] = document()
    reason: str = Field(max_length=2000)
    person_id: UUID | None = None
    at: Moment = moment()


class CalendarVersion(Row, table=True):
    """The bureau's own calendar years, whole, at one moment; the newest is in force."""

    __tablename__ = "calendar_version"
    __table_args__ = (UniqueConstraint("bureau_id", "digest"),)
    digest: str = Field(max_length=64)
    data: Json = document()
    source: str = Field(max_length=300)
    created_at: Moment = moment()


class Season(Row, table=True):
    """One run of a process, with its key, e.g. `2027`. Carried by a flow run that may die; the row is the truth.

    `lease_until` and `carried_at` are by the real clock; everything else by business time.
    """

    __tablename__ = "season"
    __table_args__ = (
        UniqueConstraint("bureau_id", "id"),
        UniqueConstraint("bureau_id", "programme", "process", "key"),
        same_bureau("version_id", "programme_version"),
        one_of("state", "planned", "running", "completed", "cancelled"),
        CheckConstraint("generation >= 0", name="generation"),
        Index("ix_season_unfinished", "opens_at", postgresql_where="state IN ('planned', 'running')"),
    )
    programme: str = Field(max_length=60)
    process: str = Field(max_length=60)
    key: str = Field(max_length=20)
    version_id: UUID
    state: str
    opens_at: Moment = moment()
    due_at: Moment = moment()
    due: Json = document()
    started_at: Moment | None = moment(nullable=True)
    ended_at: Moment | None = moment(nullable=True)
    summary: Json | None = document(nullable=True)
    flow_run_id: str | None = Field(default=None, max_length=40)
    generation: int = 0
    lease_until: Moment | None = moment(nullable=True)
    audit_seq: int = 0
    audit_hash: str = Field(max_length=64)


class SeasonStep(Row, table=True):
    """A finished step of a season's flow: it is not repeated by a later generation."""

    __tablename__ = "season_step"
    __table_args__ = (UniqueConstraint("season_id", "name"), same_bureau("season_id", "season"))
    season_id: UUID
    name: str = Field(max_length=80)
    generation: int
    result: Json = document()
    finished_at: Moment = moment()


class SeasonWait(Row, table=True):
    """What a suspended flow waits for. Level-triggered: whoever looks decides by the facts whether it is met.

    `suspensions` is the committed counter that makes each suspension's key fresh.
    """

    __tablename__ = "season_wait"
    __table_args__ = (
        UniqueConstraint("season_id", "name"),
        same_bureau("season_id", "season"),
        Index("ix_season_wait_unmet", "season_id", postgresql_where="met_at IS NULL"),
    )
    season_id: UUID
    name: str = Field(max_length=80)
    suspensions: int = 0
    asked_at: Moment = moment()
    met_at: Moment | None = moment(nullable=True)


class NumberSeries(Row, table=True):
    """The last serial given in a season. Locked last in the filing transaction, so a rollback leaves no gap."""

    __tablename__ = "number_series"
    __table_args__ = (UniqueConstraint("season_id", "stage"), same_bureau("season_id", "season"))
    season_id: UUID
    stage: str = Field(max_length=60)
    last: int = 0
