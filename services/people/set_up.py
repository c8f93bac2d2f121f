"""The first people of a bureau: its administrator, and the list of people that a programme brings along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from models.people import Bureau, Person, Position
from services.errors import InvalidInputError
from services.i18n import N_, Message, translate
from services.people.directory import (
    Titles,
    appoint,
    create_account,
    create_bureau,
    create_person,
    create_position,
    create_unit,
    local_day,
)
from services.people.passwords import check_password, hash_password
from services.people.positions import ADMINISTRATOR, AUDITOR, SECURITY
from services.people.slips import Slip, issue_slip
from services.process.roster import Appointed, Roster, RosterPerson
from services.store.transaction import Tx

ROOT = "bureau"
OFFICES = {
    ADMINISTRATOR: N_("Administrator"),
    AUDITOR: N_("Audit administrator"),
    SECURITY: N_("Security administrator"),
}


@dataclass(frozen=True)
class NewBureau:
    """A bureau that has just been set up. slip: the administrator's, where no password was given."""

    bureau: Bureau
    administrator: Person
    slip: Slip | None


async def set_up_bureau(
    tx: Tx, code: str, *, name: str, admin_name: str, admin_login: str, password: str | None = None,
    zone: str = "Asia/Shanghai", locale: str = "zh",
) -> NewBureau:  # fmt: skip
    """Create a bureau with its root unit, the three administrators' positions, and its administrator.

    Raises:
        InvalidInputError: an entry is not accepted.
        TakenError: there is a bureau of this code.
    """
    if password is not None:
        check_password(password, login=admin_login)
    bureau = await create_bureau(tx, code=code, name=name, zone=zone, locale=locale)
    titles = Titles(bureau.name, bureau.name)
    root = await create_unit(tx, None, bureau_id=bureau.id, code=ROOT, titles=titles, kind="bureau", parent_id=None)
    offices = {role: await _office(tx, bureau.id, root.id, role) for role in OFFICES}
    person = await create_person(tx, None, bureau_id=bureau.id, name=admin_name, unit_id=root.id, locale=locale)
    hashed = await hash_password(password) if password is not None else None
    await create_account(tx, None, person=person, login=admin_login, password_hash=hashed)
    office, today = offices[ADMINISTRATOR], local_day(tx.now, bureau.zone)
    await appoint(tx, None, bureau_id=bureau.id, position_id=office.id, person_id=person.id, starts_on=today)
    slip = None if hashed else await issue_slip(tx, None, person.id, purpose="activate", bureau_id=bureau.id)
    return NewBureau(bureau, person, slip)


async def _office(tx: Tx, bureau_id: UUID, root_id: UUID, role: str) -> Position:
    titles = Titles(translate("zh", OFFICES[role]), translate("en", OFFICES[role]))
    return await create_position(
        tx, None, bureau_id=bureau_id, code=f"{ROOT}/{role}", role=role, titles=titles, unit_id=root_id
    )


async def load_people(
    tx: Tx, bureau_id: UUID, roster: Roster, *, programme: str, password: str | None = None
) -> dict[str, UUID]:
    """Bring a roster's people in: persons, accounts and appointments from today on. Who is there stays as they are.

    Args:
        tx: the transaction.
        bureau_id: whose people.
        roster: as its file says.
        programme: the code of the programme whose groups the roster means; it must have been loaded.
        password: everybody's, for a demo; None leaves the accounts to slips.

    Returns:
        The person of every login of the roster.

    Raises:
        InvalidInputError: a unit or position of the roster does not exist; nothing was written.
    """
    units = await _ids(tx, "SELECT code, id FROM unit WHERE bureau_id = $1", bureau_id)
    positions = await _ids(tx, "SELECT code, id FROM position WHERE bureau_id = $1", bureau_id)
    _refuse_unknown(roster, programme, units=units, positions=positions)
    known = await _ids(tx, "SELECT login AS code, person_id AS id FROM account WHERE bureau_id = $1", bureau_id)
    # One hash for all: who knows one demo password knows them all.
    hashed = await hash_password(password) if password is not None else None
    for entry in roster.people:
        if entry.login not in known:
            unit_id = units[entry.unit] if entry.unit else None
            known[entry.login] = await _bring_in(tx, bureau_id, entry, unit_id=unit_id, hashed=hashed)
    await _appoint_missing(tx, bureau_id, roster, programme=programme, positions=positions, people=known)
    return {entry.login: known[entry.login] for entry in roster.people}


async def _ids(tx: Tx, statement: str, bureau_id: UUID) -> dict[str, UUID]:
    return {row["code"]: row["id"] for row in await tx.rows(statement, (bureau_id,))}


def position_code(programme: str, held: Appointed) -> str:
    """Return the code of the position row that an entry of a roster means."""
    return f"{programme}:{held.group}:{held.position}" if held.group else held.position


def _refuse_unknown(
    roster: Roster, programme: str, *, units: Mapping[str, UUID], positions: Mapping[str, UUID]
) -> None:
    named = [(entry.login, entry.unit, units) for entry in roster.people if entry.unit]
    named += [
        (entry.login, position_code(programme, held), positions) for entry in roster.people for held in entry.holds
    ]
    problems = [
        {"field": login, "message": Message("There is no “{name}” in this bureau.", {"name": code})}
        for login, code, known in named
        if code not in known
    ]
    if problems:
        raise InvalidInputError(problems)


async def _bring_in(tx: Tx, bureau_id: UUID, entry: RosterPerson, *, unit_id: UUID | None, hashed: str | None) -> UUID:
    person = await create_person(
        tx, None, bureau_id=bureau_id, name=entry.name, unit_id=unit_id, email=entry.email, locale=entry.locale
    )
    await create_account(tx, None, person=person, login=entry.login, password_hash=hashed)
    return person.id


async def _appoint_missing(
    tx: Tx,
    bureau_id: UUID,
    roster: Roster,
    *,
    programme: str,
    positions: Mapping[str, UUID],
    people: Mapping[str, UUID],
) -> None:
    zone = (await tx.rows("SELECT zone FROM bureau WHERE id = $1", (bureau_id,)))[0]["zone"]
    today = local_day(tx.now, zone)
    held = {
        (row["person_id"], row["position_id"])
        for row in await tx.rows(
            "SELECT person_id, position_id FROM appointment WHERE bureau_id = $1 AND (ends_on IS NULL OR ends_on >= $2)",
            (bureau_id, today),
        )
    }
    for entry in roster.people:
        for place in (positions[position_code(programme, holding)] for holding in entry.holds):
            if (people[entry.login], place) not in held:
                await appoint(
                    tx, None, bureau_id=bureau_id, position_id=place, person_id=people[entry.login], starts_on=today
                )
