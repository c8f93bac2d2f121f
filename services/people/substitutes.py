"""Standing substitutes (代理): somebody stands in for a person for a while, and who may say so.

A substitute sees and does what the person's own positions allow on the day on which they look, never what that person
is lent by others: a substitute of a substitute does not act. `access` and the engine read it from `Reader.stand_ins`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from services.errors import ConflictError, InvalidInputError, NotFoundError
from services.i18n import Message
from services.people.access import Reader, Subject, may_name_substitute, require
from services.people.directory import SeparationError, local_day
from services.people.positions import BUREAU_ROLES
from services.people.slips import OFFICES
from services.process.definitions import Localized
from services.store.chain import append_event
from services.store.transaction import Tx
from services.store.writer import Rows, write

REASON_LIMIT = 500
Processes = Collection[tuple[str, str]]
"""(programme, process) codes."""


class OverlapError(ConflictError):
    """Two substitutes of one person for one process on one day. `details`: name, starts_on, ends_on."""

    code, default = "substitution-overlap", "{name} stands in from {starts_on} to {ends_on} already; end that first."


class SubstitutionOverError(ConflictError):
    code, default = "substitution-over", "This substitution is over already."


@dataclass(frozen=True)
class Wish:
    """What somebody wants to name: who stands in for whom, from a day to a day of the bureau's zone, both included.

    processes: None for all. reason: the person, the substitute and their administrators can read it.
    """

    person_id: UUID
    substitute_id: UUID
    starts_on: date
    ends_on: date
    reason: str
    processes: Processes | None = None

    @property
    def pairs(self) -> list[list[str]] | None:
        """The processes as they are stored."""
        return None if self.processes is None else [list(pair) for pair in sorted(set(self.processes))]


_PEOPLE = f"""
SELECT p.id, p.name, p.bureau_id, p.unit_id, (p.left_at AT TIME ZONE b.zone - interval '1 day')::date AS last_day,
    ARRAY({OFFICES}) AS offices
FROM person p JOIN bureau b ON b.id = p.bureau_id
WHERE p.bureau_id = $1 AND p.id = ANY($2::uuid[]) ORDER BY p.id
"""  # noqa: S608 - constant parts
_LOCKED = f"{_PEOPLE} FOR NO KEY UPDATE OF p"
"""Locked, so that what two say at once cannot together break a rule that each keeps."""
_OVERLAPPING = """
SELECT s.processes, s.starts_on, s.ends_on, q.name FROM substitution s JOIN person q ON q.id = s.substitute_id
WHERE s.bureau_id = $1 AND s.person_id = $2 AND s.ended_at IS NULL AND s.starts_on <= $4 AND s.ends_on >= $3
ORDER BY s.starts_on, s.id
"""
_OFFICES_TOGETHER = """
SELECT DISTINCT a.person_id = $2 AS lent, o.role FROM appointment a
JOIN position o ON o.bureau_id = a.bureau_id AND o.id = a.position_id
JOIN unit u ON u.bureau_id = o.bureau_id AND u.id = o.unit_id AND u.kind = 'bureau'
WHERE a.bureau_id = $1 AND o.role = ANY($6::text[]) AND a.starts_on <= $5 AND (a.ends_on IS NULL OR a.ends_on >= $4)
    AND (a.person_id IN ($2, $3) OR a.person_id IN (SELECT s.person_id FROM substitution s WHERE s.substitute_id = $3
        AND s.ended_at IS NULL AND s.starts_on <= $5 AND s.ends_on >= $4))
"""
"""The bureau's offices that would come together in the substitute during the period: lent now, held, and lent before."""
_INSERT = """
INSERT INTO substitution (id, bureau_id, person_id, substitute_id, starts_on, ends_on, processes, reason, named_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10)
"""
_FIND = """
SELECT s.id, s.person_id, s.substitute_id, s.starts_on, s.ends_on, s.ended_at FROM substitution s
WHERE s.bureau_id = $1 AND s.id = $2 FOR UPDATE
"""
_END = "UPDATE substitution SET ended_at = $2 WHERE id = $1"
_CUT = """
SELECT id, person_id, substitute_id FROM substitution
WHERE bureau_id = $1 AND (person_id = $2 OR substitute_id = $2) AND ended_at IS NULL AND ends_on > $3 ORDER BY id FOR UPDATE
"""
_SHORTEN = """
UPDATE substitution SET ends_on = CASE WHEN starts_on > $2::date THEN ends_on ELSE $2::date END,
    ended_at = CASE WHEN starts_on > $2::date THEN $3::timestamptz END WHERE id = ANY($1::uuid[])
"""
_PROCESSES = """
SELECT r.code AS programme, entry ->> 'process' AS process, entry -> 'title' ->> 'zh' AS zh, entry -> 'title' ->> 'en' AS en
FROM programme r JOIN programme_version v ON v.id = r.version_id, jsonb_array_elements(v.resolved -> 'processes') entry
WHERE r.bureau_id = $1 ORDER BY r.code, entry ->> 'process'
"""


async def processes_of(tx: Tx, bureau_id: UUID) -> dict[tuple[str, str], Localized]:
    """Return the titles of the processes of the bureau's programmes in force, by (programme, process)."""
    rows = await tx.rows(_PROCESSES, (bureau_id,))
    return {(row["programme"], row["process"]): Localized(zh=row["zh"], en=row["en"]) for row in rows}


@dataclass(frozen=True)
class Represented:
    """A person for whom a reader may name a substitute."""

    id: UUID
    name: str
    unit_id: UUID | None


async def represented_person(tx: Tx, by: Reader, person_id: UUID) -> Represented:
    """Return the person for whom the reader may name a substitute.

    Raises:
        NotFoundError: the bureau has no such person.
        ForbiddenError: the reader may not.
    """
    found = await tx.rows(_PEOPLE, (by.bureau_id, [person_id], tx.now))
    if not found:
        raise NotFoundError
    require(may_name_substitute(by, _subject(found[0])))
    return Represented(person_id, found[0]["name"], found[0]["unit_id"])


async def check_substitute(tx: Tx, by: Reader, wish: Wish) -> None:
    """Refuse a wish as `name_substitute` would, and write nothing."""
    _refuse_wrong(tx, by, wish)
    people = {row["id"]: row for row in await tx.rows(_LOCKED, _both(by, wish, tx))}
    if len(people) < len({wish.person_id, wish.substitute_id}):
        raise NotFoundError
    require(may_name_substitute(by, _subject(people[wish.person_id])))
    _refuse_gone(people, wish)
    await _refuse_unknown(tx, by, wish)
    await _refuse_overlap(tx, by, wish)
    await _refuse_joined_offices(tx, by, wish)


async def name_substitute(tx: Tx, by: Reader, wish: Wish) -> UUID:
    """Name somebody who stands in for a person; both are told.

    Args:
        tx: the transaction.
        by: who says so: the person, their unit's administrator or the bureau's (`may_name_substitute`).
        wish: who, for whom, when, for what and why.

    Returns:
        The substitution's id.

    Raises:
        InvalidInputError: the period, the reason or a process is none, it is the person themself, or one of the two has left by then.
        NotFoundError: the bureau has no such person.
        ForbiddenError: the reader may not.
        OverlapError: the person has another substitute for one of the processes on one of the days.
        SeparationError: two of the bureau's three offices would come together in one person (三员分立).
    """
    await check_substitute(tx, by, wish)
    made, pairs = tx.new_id(), wish.pairs
    written = None if pairs is None else json.dumps(pairs)
    period = (wish.starts_on, wish.ends_on)
    reason = wish.reason.strip()
    await tx.rows(
        _INSERT,
        (
            made, by.bureau_id, wish.person_id, wish.substitute_id, *period, written, reason, by.person_id, tx.now,
        ),
    )  # fmt: skip
    data = {"starts_on": wish.starts_on.isoformat(), "ends_on": wish.ends_on.isoformat(), "processes": pairs}
    await _note(tx, by, "substitute-named", found=_ids(made, wish), personal={"reason": reason}, **data)
    await _tell(tx, by, "substitute-named", [_ids(made, wish)])
    return made


async def end_substitution(tx: Tx, by: Reader, substitution_id: UUID) -> None:
    """End a substitution at once, also before it begins; both are told.

    Raises:
        NotFoundError: the bureau has no such substitution.
        ForbiddenError: the reader may not (`may_name_substitute`).
        SubstitutionOverError: it has ended, or its last day is over.
    """
    found = await tx.rows(_FIND, (by.bureau_id, substitution_id))
    if not found:
        raise NotFoundError
    row = found[0]
    people = await tx.rows(_PEOPLE, (by.bureau_id, [row["person_id"]], tx.now))
    require(may_name_substitute(by, _subject(people[0])))
    if row["ended_at"] is not None or row["ends_on"] < local_day(tx.now, by.zone):
        raise SubstitutionOverError
    await tx.rows(_END, (substitution_id, tx.now))
    await _note(tx, by, "substitute-ended", found=row)
    await _tell(tx, by, "substitute-ended", [row])


async def cut_substitutions(tx: Tx, by: Reader, person_id: UUID, *, last_day: date) -> int:
    """End what a person who leaves stands in for, and who stands in for them, after their last day; return how many.

    The caller has locked the person and written down that they leave.
    """
    found = await tx.rows(_CUT, (by.bureau_id, person_id, last_day))
    if found:
        await tx.rows(_SHORTEN, ([row["id"] for row in found], last_day, tx.now))
        await _tell(tx, by, "substitute-ended", found)
    return len(found)


# --- rules ----------------------------------------------------------------------------------------------------------


def _refuse_wrong(tx: Tx, by: Reader, wish: Wish) -> None:
    problems: list[dict[str, Any]] = []
    if wish.person_id == wish.substitute_id:
        problems.append({"field": "substitute", "message": Message("Nobody stands in for themself.")})
    if wish.ends_on < wish.starts_on:
        problems.append({"field": "ends_on", "message": Message("The last day comes before the first.")})
    if wish.starts_on < local_day(tx.now, by.zone):
        problems.append({"field": "starts_on", "message": Message("A substitution begins today or later.")})
    reason = wish.reason.strip()
    if not 0 < len(reason) <= REASON_LIMIT or not reason.replace("\n", " ").replace("\r", " ").isprintable():
        message = Message("A reason of at most {limit} characters is needed.", {"limit": REASON_LIMIT})
        problems.append({"field": "reason", "message": message})
    if problems:
        raise InvalidInputError(problems)


def _refuse_gone(people: Mapping[UUID, Mapping[str, Any]], wish: Wish) -> None:
    left, leaves = people[wish.person_id]["last_day"], people[wish.substitute_id]["last_day"]
    problems: list[dict[str, Any]] = []
    if left is not None and left < wish.starts_on:
        problems.append({"field": "person", "message": Message("This person has left by then.")})
    if leaves is not None and leaves < wish.ends_on:
        message = Message("The substitute's last day here is {day}.", {"day": leaves.isoformat()})
        problems.append({"field": "substitute", "message": message})
    if problems:
        raise InvalidInputError(problems)


async def _refuse_unknown(tx: Tx, by: Reader, wish: Wish) -> None:
    if wish.processes is None:
        return
    known = await processes_of(tx, by.bureau_id) if wish.processes else {}
    if not wish.processes or not known.keys() >= set(wish.processes):
        message = Message("Choose processes of the bureau's programmes, or all.")
        raise InvalidInputError([{"field": "processes", "message": message}])


async def _refuse_overlap(tx: Tx, by: Reader, wish: Wish) -> None:
    wanted = None if wish.processes is None else set(wish.processes)
    for row in await tx.rows(_OVERLAPPING, (by.bureau_id, wish.person_id, wish.starts_on, wish.ends_on)):
        taken = None if row["processes"] is None else {(programme, process) for programme, process in row["processes"]}
        if wanted is None or taken is None or wanted & taken:
            days = {name: row[name].isoformat() for name in ("starts_on", "ends_on")}
            raise OverlapError(name=row["name"], **days)


async def _refuse_joined_offices(tx: Tx, by: Reader, wish: Wish) -> None:
    """Refuse two of the bureau's offices in one hand. What an appointment brings together later, no reader gets (`read_stand_ins`)."""
    together = (by.bureau_id, wish.person_id, wish.substitute_id, wish.starts_on, wish.ends_on, sorted(BUREAU_ROLES))
    rows = await tx.rows(_OFFICES_TOGETHER, together)
    if any(row["lent"] for row in rows) and len({row["role"] for row in rows}) > 1:
        raise SeparationError


# --- what both are told, and what stands in the chain ---------------------------------------------------------------


def _both(by: Reader, wish: Wish, tx: Tx) -> tuple[Any, ...]:
    return (by.bureau_id, [wish.person_id, wish.substitute_id], tx.now)


def _subject(row: Mapping[str, Any]) -> Subject:
    return Subject(row["id"], row["bureau_id"], row["unit_id"], frozenset(row["offices"]))


def _ids(made: UUID, wish: Wish) -> dict[str, UUID]:
    return {"id": made, "person_id": wish.person_id, "substitute_id": wish.substitute_id}


async def _tell(tx: Tx, by: Reader, kind: str, found: Iterable[Mapping[str, Any]]) -> None:
    rows = Rows(now=tx.now)
    for row in found:
        for person in (row["person_id"], row["substitute_id"]):
            rows.add(
                "notification", id=tx.new_id(), bureau_id=by.bureau_id, person_id=person, kind=kind, subject_id=row["id"],
                task_id=None, case_id=None, season_id=None, visit_n=0, at=tx.now, context={}, state="pending",
                message_id=None, created_at=tx.now,
            )  # fmt: skip
    await write(tx, rows)
    tx.wake()


async def _note(
    tx: Tx, by: Reader, kind: str, *, found: Mapping[str, Any], personal: Mapping[str, str] | None = None, **data: Any
) -> None:
    said = {"substitution": str(found["id"]), "person": str(found["person_id"]), **data}
    said["substitute"] = str(found["substitute_id"])
    await append_event(
        tx, by.bureau_id, stream="bureau", kind=kind, person_id=by.person_id, data=said, personal=personal
    )
