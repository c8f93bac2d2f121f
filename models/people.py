"""Bureaus, units, people, positions and appointments; accounts, sessions, slips and tokens."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import Json, Moment, Row, document, moment, one_of, same_bureau


class Bureau(SQLModel, table=True):
    """The tenant. Every other row belongs to one; `code` is what a person types to sign in where there are several."""

    __tablename__ = "bureau"
    __table_args__ = (UniqueConstraint("code"),)
    id: UUID = Field(primary_key=True)
    code: str = Field(max_length=60)
    name: str = Field(max_length=200)
    zone: str = Field(max_length=60)
    locale: str = Field(max_length=10)
    settings: Json = document()
    created_at: Moment = moment()


class Unit(Row, table=True):
    """An office, institute, school or base; a tree under the bureau."""

    __tablename__ = "unit"
    __table_args__ = (
        UniqueConstraint("bureau_id", "id"),
        UniqueConstraint("bureau_id", "code"),
        same_bureau("parent_id", "unit"),
        one_of("kind", "bureau", "office", "institute", "school", "base", "government"),
    )
    code: str = Field(max_length=60)
    title_zh: str = Field(max_length=200)
    title_en: str = Field(max_length=200)
    kind: str
    parent_id: UUID | None = None


class ProjectGroup(Row, table=True):
    """A project group of a programme: the subject of most cases."""

    __tablename__ = "project_group"
    __table_args__ = (
        UniqueConstraint("bureau_id", "id"),
        UniqueConstraint("bureau_id", "programme", "code"),
        same_bureau("guiding_unit_id", "unit"),
        same_bureau("base_unit_id", "unit"),
    )
    programme: str = Field(max_length=60)
    code: str = Field(max_length=60)
    title_zh: str = Field(max_length=200)
    title_en: str = Field(max_length=200)
    guiding_unit_id: UUID
    base_unit_id: UUID | None = None


class Person(Row, table=True):
    """A coach, clerk, expert, student or guardian. `sort_key` is the name in pinyin, so that names sort as people expect."""

    __tablename__ = "person"
    __table_args__ = (UniqueConstraint("bureau_id", "id"), same_bureau("unit_id", "unit"))
    name: str = Field(max_length=100)
    sort_key: str = Field(max_length=200)
    email: str | None = Field(default=None, max_length=254)
    locale: str = Field(max_length=10)
    unit_id: UUID | None = None
    created_at: Moment = moment()
    left_at: Moment | None = moment(nullable=True)


class Position(Row, table=True):
    """A role at a unit or in a project group; tasks go to positions. `code` is `unit/role` or `programme:group:role`."""

    __tablename__ = "position"
    __table_args__ = (
        UniqueConstraint("bureau_id", "id"),
        UniqueConstraint("bureau_id", "code"),
        same_bureau("unit_id", "unit"),
        same_bureau("group_id", "project_group"),
        CheckConstraint("(unit_id IS NULL) <> (group_id IS NULL)", name="one_place"),
        Index("ix_position_unit", "unit_id"),
        Index("ix_position_group", "group_id"),
    )
    code: str = Field(max_length=200)
    role: str = Field(max_length=60)
    title_zh: str = Field(max_length=200)
    title_en: str = Field(max_length=200)
    unit_id: UUID | None = None
    group_id: UUID | None = None


class Appointment(Row, table=True):
    """A person holds a position from a day to a day (inclusive; open where `ends_on` is null). Days of the bureau's zone."""

    __tablename__ = "appointment"
    __table_args__ = (
        same_bureau("position_id", "position"),
        same_bureau("person_id", "person"),
        CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name="period"),
        Index("ix_appointment_position", "position_id", "person_id"),
        Index("ix_appointment_person", "person_id", "position_id"),
    )
    position_id: UUID
    person_id: UUID
    starts_on: date
    ends_on: date | None = None
    created_at: Moment = moment()


class Substitution(Row, table=True):
    """代理: somebody stands in for a person from a day to a day (both inclusive), or until `ended_at` where that is sooner.

    `processes` are [programme, process] pairs; null for all. Never changed but to be ended, so that who acted for whom
    can always be told.
    """

    __tablename__ = "substitution"
    __table_args__ = (
        UniqueConstraint("bureau_id", "id"),
        same_bureau("person_id", "person"),
        same_bureau("substitute_id", "person"),
        CheckConstraint("ends_on >= starts_on", name="period"),
        CheckConstraint("substitute_id <> person_id", name="somebody_else"),
        CheckConstraint("processes IS NULL OR jsonb_array_length(processes) > 0", name="processes_named"),
        Index(
            "ix_substitution_substitute", "substitute_id", "ends_on", "starts_on", postgresql_where="ended_at IS NULL"
        ),
        Index("ix_substitution_person", "person_id", "id"),
    )
    person_id: UUID
    substitute_id: UUID
    starts_on: date
    ends_on: date
    processes: list[list[str]] | None = document(nullable=True)
    reason: str = Field(max_length=500)
    named_by: UUID | None = None
    created_at: Moment = moment()
    ended_at: Moment | None = moment(nullable=True)


class Account(Row, table=True):
    """How a person signs in. No mailbox is needed: a slip with a one-time code activates it."""

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("bureau_id", "login"),
        UniqueConstraint("bureau_id", "person_id"),
        same_bureau("person_id", "person"),
        CheckConstraint("login = lower(login)", name="login_lower"),
    )
    person_id: UUID
    login: str = Field(max_length=60)
    password_hash: str | None = Field(default=None, max_length=300)
    failures: int = 0
    locked_until: Moment | None = moment(nullable=True)
    disabled_at: Moment | None = moment(nullable=True)
    created_at: Moment = moment()


class ActivationSlip(Row, table=True):
    """A printed one-time code that sets a password. Only its digest is kept; a newer slip voids the older ones."""

    __tablename__ = "activation_slip"
    __table_args__ = (
        UniqueConstraint("bureau_id", "code_hash"),
        same_bureau("person_id", "person"),
        one_of("purpose", "activate", "reset"),
    )
    person_id: UUID
    code_hash: str = Field(max_length=64)
    purpose: str
    issued_by: UUID | None = None
    issued_at: Moment = moment()
    expires_at: Moment = moment()
    used_at: Moment | None = moment(nullable=True)
    void_at: Moment | None = moment(nullable=True)


class SignIn(Row, table=True):
    """A server-side session. The cookie holds the token, the row its digest. Expiry uses the real clock."""

    __tablename__ = "sign_in"
    __table_args__ = (UniqueConstraint("token_hash"), same_bureau("person_id", "person"))
    person_id: UUID
    token_hash: str = Field(max_length=64)
    csrf: str = Field(max_length=64)
    created_at: Moment = moment()
    expires_at: Moment = moment()
    ended_at: Moment | None = moment(nullable=True)


class ApiToken(Row, table=True):
    """A bearer token of the API. Only its digest is kept. scopes: `read`, `write`, `admin`, `metrics`."""

    __tablename__ = "api_token"
    __table_args__ = (UniqueConstraint("token_hash"), same_bureau("person_id", "person"))
    person_id: UUID
    name: str = Field(max_length=100)
    token_hash: str = Field(max_length=64)
    scopes: list[str] = document()
    created_at: Moment = moment()
    expires_at: Moment | None = moment(nullable=True)
    revoked_at: Moment | None = moment(nullable=True)


class Phrase(Row, table=True):
    """One of a person's own stock phrases for opinions."""

    __tablename__ = "phrase"
    __table_args__ = (same_bureau("person_id", "person"), Index("ix_phrase_person", "person_id"))
    person_id: UUID
    text: str = Field(max_length=500)
    created_at: Moment = moment()
