"""Bureaus, units, positions, people and appointments: making them and asking who they are.

`by` is who does it; None is the installation itself (a first start, a programme being loaded), which may do everything.
Every write is an event of the bureau's stream, names and addresses in it as salted digests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlmodel import SQLModel, select

from models.people import Account, Appointment, Bureau, Person, Position, Unit
from services.errors import ConflictError, InvalidInputError, NotFoundError
from services.i18n import Message, language
from services.people.access import Reader, may_appoint, may_manage_people, require
from services.people.accounts import clean_login
from services.people.names import clean_name, sort_key
from services.people.positions import BUREAU_ROLES
from services.people.seats import refuse_full
from services.store.chain import append_event
from services.store.transaction import Tx

CODE = re.compile(r"[a-z][a-z0-9-]{1,59}")
LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,59}")
EMAIL = re.compile(r"[^@\s\x00]+@[^@\s\x00]+\.[^@\s\x00]+")
EMAIL_LIMIT = 254


class TakenError(ConflictError):
    code, default = "taken", "“{name}” is taken already."


class SeparationError(ConflictError):
    """三员分立: the bureau's administrators are different people."""

    code, default = (
        "separation-of-duties",
        "Administrator, security administrator and audit administrator are three different people.",
    )


class AppointedError(ConflictError):
    code, default = "appointed", "This person holds this position in that time already."


@dataclass(frozen=True)
class Titles:
    """A title in both languages."""

    zh: str
    en: str


# --- bureaus, units, positions --------------------------------------------------------------------------------------


async def create_bureau(tx: Tx, *, code: str, name: str, zone: str = "Asia/Shanghai", locale: str = "zh") -> Bureau:
    """Create a tenant.

    Raises:
        InvalidInputError: the code, the name or the zone is none.
        TakenError: there is a bureau of this code.
    """
    _refuse_wrong_bureau(code, name, zone)
    if await tx.rows("SELECT id FROM bureau WHERE code = $1", (code,)):
        raise TakenError(name=code)
    bureau = Bureau(
        id=tx.new_id(), code=code, name=name.strip(), zone=zone, locale=language(locale), settings={}, created_at=tx.now
    )
    await _add(tx, bureau)
    await _note(tx, None, bureau.id, "bureau-created", code=code)
    return bureau


def _refuse_wrong_bureau(code: str, name: str, zone: str) -> None:
    problems = []
    if not CODE.fullmatch(code):
        message = Message("A code has small letters, digits and hyphens and begins with a letter, like qingdao.")
        problems.append({"field": "code", "message": message})
    if not 0 < len(name.strip()) <= 200 or not name.isprintable():  # noqa: PLR2004 - the column's length
        problems.append({"field": "name", "message": Message("A name is needed.")})
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problems.append({"field": "zone", "message": Message("“{name}” is no time zone.", {"name": zone})})
    if problems:
        raise InvalidInputError(problems)


async def create_unit(
    tx: Tx, by: Reader | None, *, bureau_id: UUID, code: str, titles: Titles, kind: str, parent_id: UUID | None
) -> Unit:
    """Create a unit under `parent_id` (None for the bureau's root).

    Raises:
        ForbiddenError: the reader may not.
        TakenError: the bureau has a unit of this code.
    """
    require(by is None or (by.is_administrator and by.bureau_id == bureau_id))
    if await tx.rows("SELECT id FROM unit WHERE bureau_id = $1 AND code = $2", (bureau_id, code)):
        raise TakenError(name=code)
    unit = Unit(
        id=tx.new_id(),
        bureau_id=bureau_id,
        code=code,
        title_zh=titles.zh,
        title_en=titles.en,
        kind=kind,
        parent_id=parent_id,
    )
    await _add(tx, unit)
    await _note(tx, by, bureau_id, "unit-created", code=code)
    return unit


async def create_position(
    tx: Tx, by: Reader | None, *, bureau_id: UUID, code: str, role: str, titles: Titles,
    unit_id: UUID | None = None, group_id: UUID | None = None,
) -> Position:  # fmt: skip
    """Create a position at a unit or in a project group.

    Raises:
        ForbiddenError: the reader may not.
        TakenError: the bureau has a position of this code.
    """
    require(by is None or (by.is_administrator and by.bureau_id == bureau_id))
    if await tx.rows("SELECT id FROM position WHERE bureau_id = $1 AND code = $2", (bureau_id, code)):
        raise TakenError(name=code)
    position = Position(
        id=tx.new_id(),
        bureau_id=bureau_id,
        code=code,
        role=role,
        title_zh=titles.zh,
        title_en=titles.en,
        unit_id=unit_id,
        group_id=group_id,
    )
    await _add(tx, position)
    await _note(tx, by, bureau_id, "position-created", code=code)
    return position


# --- people and accounts --------------------------------------------------------------------------------------------


async def create_person(
    tx: Tx, by: Reader | None, *, bureau_id: UUID, name: str, unit_id: UUID | None,
    email: str | None = None, locale: str = "zh",
) -> Person:  # fmt: skip
    """Create a person; a mailbox is not needed.

    Raises:
        InvalidInputError: the name or the address is none.
        ForbiddenError: the reader does not look after this unit's people.
    """
    require(by is None or (by.bureau_id == bureau_id and may_manage_people(by, unit_id)))
    name, email = clean_name(name), _clean_email(email)
    person = Person(
        id=tx.new_id(),
        bureau_id=bureau_id,
        name=name,
        sort_key=sort_key(name),
        email=email,
        locale=language(locale),
        unit_id=unit_id,
        created_at=tx.now,
    )
    await _add(tx, person)
    personal = {"name": name, **({"email": email} if email else {})}
    await _note(tx, by, bureau_id, "person-created", personal=personal, person=str(person.id))
    return person


def _clean_email(email: str | None) -> str | None:
    email = (email or "").strip()
    if email and (len(email) > EMAIL_LIMIT or not EMAIL.fullmatch(email) or not email.isprintable()):
        raise InvalidInputError([{"field": "email", "message": Message("This is not a mail address.")}])
    return email or None


async def create_account(
    tx: Tx, by: Reader | None, *, person: Person, login: str, password_hash: str | None = None
) -> Account:
    """Give a person a way to sign in. Without a hash it waits for an activation slip.

    Raises:
        InvalidInputError: the name has other characters than small letters, digits, dots and hyphens.
        TakenError: the bureau has such an account, or the person has one.
        ForbiddenError: the reader does not look after this person's unit.
    """
    require(by is None or (by.bureau_id == person.bureau_id and may_manage_people(by, person.unit_id)))
    cleaned = clean_login(login)
    if not LOGIN.fullmatch(cleaned):
        message = Message("A sign-in name has 2 to 60 small letters, digits, dots and hyphens.")
        raise InvalidInputError([{"field": "login", "message": message}])
    taken = "SELECT id FROM account WHERE bureau_id = $1 AND (login = $2 OR person_id = $3)"
    if await tx.rows(taken, (person.bureau_id, cleaned, person.id)):
        raise TakenError(name=cleaned)
    account = Account(
        id=tx.new_id(),
        bureau_id=person.bureau_id,
        person_id=person.id,
        login=cleaned,
        password_hash=password_hash,
        created_at=tx.now,
    )
    await _add(tx, account)
    await _note(tx, by, person.bureau_id, "account-created", personal={"login": cleaned}, person=str(person.id))
    return account


# --- appointments ---------------------------------------------------------------------------------------------------

_OVERLAPPING = """
SELECT a.id, o.id AS position_id, o.role, u.kind FROM appointment a
JOIN position o ON o.bureau_id = a.bureau_id AND o.id = a.position_id
LEFT JOIN unit u ON u.bureau_id = o.bureau_id AND u.id = o.unit_id
WHERE a.bureau_id = $1 AND a.person_id = $2 AND (a.ends_on IS NULL OR a.ends_on >= $3)
AND ($4::date IS NULL OR a.starts_on <= $4)
"""


async def appoint(
    tx: Tx, by: Reader | None, *, bureau_id: UUID, position_id: UUID, person_id: UUID,
    starts_on: date, ends_on: date | None = None,
) -> Appointment:  # fmt: skip
    """Give a person a position from a day to a day, both included (open where `ends_on` is None).

    Raises:
        ForbiddenError: the reader may not.
        NotFoundError: the bureau has no such position or person.
        InvalidInputError: it would end before it begins, or outlast the person's last day.
        AppointedError: the person holds the position in that time already.
        SeatsTakenError: as many hold it on some day of that time as the programme in force allows (QD-02).
        SeparationError: the person holds another of the bureau's three administrators' offices.
    """
    require(by is None or (by.bureau_id == bureau_id and may_appoint(by)))
    if ends_on is not None and ends_on < starts_on:
        raise _wrong_end()
    position = await _position_for(tx, bureau_id, position_id, person_id)
    _refuse_after_leaving(position["last_day"], ends_on)
    held = await tx.rows(_OVERLAPPING, (bureau_id, person_id, starts_on, ends_on))
    if any(row["position_id"] == position_id for row in held):
        raise AppointedError
    _refuse_joined_offices(position, held)
    await refuse_full(tx, bureau_id, position, starts_on=starts_on, ends_on=ends_on)
    appointment = Appointment(
        id=tx.new_id(),
        bureau_id=bureau_id,
        position_id=position_id,
        person_id=person_id,
        starts_on=starts_on,
        ends_on=ends_on,
        created_at=tx.now,
    )
    await _add(tx, appointment)
    days: dict[str, Any] = {"starts_on": starts_on.isoformat(), "ends_on": ends_on.isoformat() if ends_on else None}
    await _note(tx, by, bureau_id, "appointed", person=str(person_id), position=position["code"], **days)
    return appointment


async def _position_for(tx: Tx, bureau_id: UUID, position_id: UUID, person_id: UUID) -> Mapping[str, Any]:
    # Person and position are locked, so that two appointments at once cannot together break a rule that each keeps.
    found = await tx.rows(
        "SELECT o.id, o.code, o.role, o.title_zh, o.title_en, u.kind,"
        " (p.left_at AT TIME ZONE b.zone - interval '1 day')::date AS last_day"
        " FROM person p JOIN position o ON o.bureau_id = p.bureau_id AND o.id = $2 JOIN bureau b ON b.id = p.bureau_id"
        " LEFT JOIN unit u ON u.bureau_id = o.bureau_id AND u.id = o.unit_id"
        " WHERE p.bureau_id = $1 AND p.id = $3 FOR NO KEY UPDATE OF p, o",
        (bureau_id, position_id, person_id),
    )
    if not found:
        raise NotFoundError
    return found[0]


def _refuse_after_leaving(last_day: date | None, ends_on: date | None) -> None:
    if last_day is not None and (ends_on is None or ends_on > last_day):
        message = Message(
            "The last day of this person is {day}; an appointment ends by then.", {"day": last_day.isoformat()}
        )
        raise InvalidInputError([{"field": "ends_on", "message": message}])


def _refuse_joined_offices(position: Mapping[str, Any], held: list[Mapping[str, Any]]) -> None:
    if not _is_bureau_office(position):
        return
    if any(_is_bureau_office(row) and row["role"] != position["role"] for row in held):
        raise SeparationError


def _is_bureau_office(row: Mapping[str, Any]) -> bool:
    return row["kind"] == "bureau" and row["role"] in BUREAU_ROLES


async def end_appointment(tx: Tx, by: Reader | None, *, bureau_id: UUID, appointment_id: UUID, last_day: date) -> None:
    """End an appointment after `last_day`, earlier than it would; the tasks stay with the position.

    It never becomes longer here: what an appointment must not meet (`appoint`) is looked at only when it is made.

    Raises:
        ForbiddenError: the reader may not.
        NotFoundError: the bureau has no such appointment.
        InvalidInputError: `last_day` is before its first day, or after the day on which it ends anyway.
    """
    require(by is None or (by.bureau_id == bureau_id and may_appoint(by)))
    query = select(Appointment).where(Appointment.bureau_id == bureau_id, Appointment.id == appointment_id)
    appointment = (await tx.session.exec(query.with_for_update())).one_or_none()
    if appointment is None:
        raise NotFoundError
    if last_day < appointment.starts_on:
        raise _wrong_end()
    if appointment.ends_on is not None and last_day > appointment.ends_on:
        day = {"day": appointment.ends_on.isoformat()}
        message = Message("It ends on {day} already. To make it longer, appoint the person again.", day)
        raise InvalidInputError([{"field": "ends_on", "message": message}])
    appointment.ends_on = last_day
    await _add(tx, appointment)
    values: dict[str, Any] = {"appointment": str(appointment_id), "ends_on": last_day.isoformat()}
    await _note(tx, by, bureau_id, "appointment-ended", person=str(appointment.person_id), **values)


def _wrong_end() -> InvalidInputError:
    return InvalidInputError([{"field": "ends_on", "message": Message("An appointment ends after it begins.")}])


def local_day(now: datetime, zone: str) -> date:
    """Return the day that `now` (aware) falls on in a zone."""
    return now.astimezone(ZoneInfo(zone)).date()


async def _add(tx: Tx, row: SQLModel) -> None:
    tx.session.add(row)
    await tx.session.flush()


async def _note(
    tx: Tx, by: Reader | None, bureau_id: UUID, kind: str, *, personal: Mapping[str, str] | None = None, **data: Any
) -> None:
    person_id = by.person_id if by else None
    await append_event(tx, bureau_id, stream="bureau", kind=kind, person_id=person_id, data=data, personal=personal)
