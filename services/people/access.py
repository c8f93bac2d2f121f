"""Who looks or acts, and what they may see and do: the one place that says it.

A `Reader` is resolved once per request in one statement; every list, count, export and feed of cases carries
`case_scope(reader)` (or its SQL text), every act asks a `may_…` of this module. Nothing else compares roles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, Text, and_, cast, exists, func, literal_column, or_, true, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col, select

from models.beside import CaseCopy
from models.case import Case, Task
from models.people import ProjectGroup
from models.programme import ProgrammeVersion
from services.errors import ForbiddenError
from services.people.positions import ADMINISTRATOR, BASE_OFFICE, OFFICE_ROLES, REVIEWER, SECURITY, Sight
from services.people.reader import PRESENT, WHO, Reader, find_reader, reader_for
from services.process.definitions import ProcessDefinition
from services.process.packs import Pack
from services.store.transaction import Tx

__all__ = [
    "PRESENT", "WHO", "CaseFacts", "Reader", "SqlScope", "Subject", "case_scope", "case_scope_sql", "find_reader",
    "has_part", "may_appoint", "may_enter_for", "may_give_priority", "may_issue_slip", "may_load_programmes",
    "may_manage_people", "may_name_substitute", "may_run_seasons", "may_see_audit", "may_see_case", "may_see_outbox",
    "may_see_seasons", "may_use_scopes", "reader_for", "require",
]  # fmt: skip

ADMIN_SCOPES = frozenset({"admin", "metrics"})


# --- cases ----------------------------------------------------------------------------------------------------------


class CaseFacts(Protocol):
    """What decides who may see a case: it, its process, and its group's guiding and base unit. A locked case has it."""

    @property
    def bureau_id(self) -> UUID: ...
    @property
    def group_id(self) -> UUID: ...
    @property
    def guiding_unit_id(self) -> UUID: ...
    @property
    def base_unit_id(self) -> UUID | None: ...
    @property
    def actors(self) -> Mapping[str, Any]: ...
    @property
    def pack(self) -> Pack: ...
    @property
    def definition(self) -> ProcessDefinition: ...


def may_see_case(reader: Reader, case: CaseFacts, *, copied: bool = False) -> bool:
    """Tell whether the reader may see the case. `case_scope` says the same of rows.

    Coaches see their group's cases, the guiding unit's reviewer those of the groups it guides, a base's office those of
    the groups it hosts; whoever holds a position that the case names among its actors sees it, and so do the clerk and
    the head of that position's unit; the administrator sees all of the bureau. Audit and security administrators see none by
    that office. Whoever stands in for somebody sees what that person's positions let see, of the processes that it is for.
    Whoever was sent a copy sees the case while it is not revoked.

    Args:
        reader: who looks.
        case: what decides.
        copied: whether a copy that was sent to the reader stands (case_copy); it lets read, and answer what was asked.
    """
    return case.bureau_id == reader.bureau_id and (copied or any(_is_seen(sight, case) for sight in reader.sights))


def _is_seen(sight: Sight, case: CaseFacts) -> bool:
    if sight.processes is not None and (case.pack.programme, case.definition.process) not in sight.processes:
        return False
    if sight.everything or case.group_id in sight.groups:
        return True
    if case.guiding_unit_id in sight.guiding or case.base_unit_id in sight.hosting:
        return True
    return not sight.named.isdisjoint(str(position) for position in case.actors.values())


PART = "EXISTS (SELECT FROM task mine WHERE mine.case_id = {case} AND mine.person_id = {person})"
"""The condition that a person was given a task of a case: by transfer, delegation, or as one of its signers."""


COPIED = (
    "EXISTS (SELECT FROM case_copy cc WHERE cc.person_id = {person} AND cc.case_id = {case} AND cc.revoked_at IS NULL)"
)
"""The condition that a copy of a case which was sent to a person stands."""


async def has_part(tx: Tx, reader: Reader, case_id: UUID) -> bool:
    """Tell whether the reader was given a task of the case, so that they see it whatever they hold."""
    rows = await tx.rows(f"SELECT {PART.format(case='$1', person='$2')} AS has", (case_id, reader.person_id))
    return bool(rows[0]["has"])


def case_scope(reader: Reader) -> ColumnElement[bool]:
    """Return the condition over models.case.Case that holds for the cases which the reader may see."""
    own = col(Case.bureau_id) == reader.bureau_id
    part = select(Task.id).where(Task.case_id == col(Case.id), Task.person_id == reader.person_id).exists()
    copied = exists().where(
        col(CaseCopy.person_id) == reader.person_id,
        col(CaseCopy.case_id) == col(Case.id),
        col(CaseCopy.revoked_at).is_(None),
    )
    return and_(own, or_(*(_within(sight, reader.bureau_id) for sight in reader.sights), part, copied))


def _within(sight: Sight, bureau_id: UUID) -> ColumnElement[bool]:
    seen = true() if sight.everything else _by_position(sight, bureau_id)
    if sight.processes is None:
        return seen
    programme = select(col(ProgrammeVersion.programme)).where(col(ProgrammeVersion.id) == col(Case.version_id))
    process = tuple_(programme.scalar_subquery(), col(Case.process))
    return and_(seen, process.in_(sorted(sight.processes)))


def _by_position(sight: Sight, bureau_id: UUID) -> ColumnElement[bool]:
    actors = func.jsonb_path_query_array(col(Case.actors), literal_column("CAST('$.*' AS jsonpath)"))
    group = select(col(ProjectGroup.id)).where(
        col(ProjectGroup.bureau_id) == bureau_id,
        or_(
            col(ProjectGroup.id).in_(sorted(sight.groups)),
            col(ProjectGroup.guiding_unit_id).in_(sorted(sight.guiding)),
            col(ProjectGroup.base_unit_id).in_(sorted(sight.hosting)),
        ),
    )
    return or_(col(Case.group_id).in_(group), actors.op("?|")(cast(sorted(sight.named), ARRAY(Text))))


@dataclass(frozen=True)
class SqlScope:
    """A condition as SQL text in PostgreSQL's own notation, with the values of its `$n`."""

    text: str
    parameters: tuple[Any, ...]


def case_scope_sql(reader: Reader, *, alias: str = "c", first: int = 1) -> SqlScope:
    """Return `case_scope` as SQL text over the table alias `alias` of `cases`; its parameters begin at `$first`."""
    values: list[Any] = [reader.bureau_id]
    parts = [_within_sql(sight, alias, first=first, values=values) for sight in reader.sights]
    values.append(reader.person_id)
    person = f"${first + len(values) - 1}"
    parts += [PART.format(case=f"{alias}.id", person=person), COPIED.format(case=f"{alias}.id", person=person)]
    return SqlScope(f"({alias}.bureau_id = ${first} AND ({' OR '.join(parts)}))", tuple(values))


def _within_sql(sight: Sight, alias: str, *, first: int, values: list[Any]) -> str:
    """Return what a sight lets see as SQL text, adding its values; `$first` is the bureau."""
    seen, n = "true", first + len(values)
    if not sight.everything:
        values += [sorted(sight.groups), sorted(sight.guiding), sorted(sight.hosting), sorted(sight.named)]
        seen = (
            f"({alias}.group_id IN (SELECT i.id FROM project_group i WHERE i.bureau_id = ${first} AND (i.id = ANY(${n}::uuid[])"  # noqa: S608 - numbers of ours
            f" OR i.guiding_unit_id = ANY(${n + 1}::uuid[]) OR i.base_unit_id = ANY(${n + 2}::uuid[])))"
            f" OR jsonb_path_query_array({alias}.actors, '$.*') ?| ${n + 3}::text[])"
        )
    if sight.processes is None:
        return seen
    programmes, processes = zip(*sorted(sight.processes), strict=True)
    n = first + len(values)
    values += [list(programmes), list(processes)]
    return (
        f"({seen} AND ((SELECT w.programme FROM programme_version w WHERE w.id = {alias}.version_id), {alias}.process)"  # noqa: S608
        f" IN (SELECT * FROM unnest(${n}::text[], ${n + 1}::text[])))"
    )


# --- acts -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subject:
    """A person whom somebody wants to look after. offices: those of BUREAU_ROLES that they hold or are to hold."""

    person_id: UUID
    bureau_id: UUID
    unit_id: UUID | None
    offices: frozenset[str] = frozenset()


def may_manage_people(reader: Reader, unit_id: UUID | None) -> bool:
    """Tell whether the reader may list and add the people of a unit (None: those of no unit)."""
    return reader.is_administrator or reader.is_security or (unit_id is not None and unit_id in reader.administered)


def may_issue_slip(reader: Reader, subject: Subject) -> bool:
    """Tell whether the reader may issue a slip for the person, unlock them, or disable their account.

    A slip hands over whatever its person may do, so the three offices of the bureau are kept apart here as well
    (三员分立): the administrator issues none for the security and the audit administrator; the security administrator
    does for the administrator and the audit administrator; for the security administrator only the installation itself
    does (`guantong slip`). A unit's own administrator may for the people of the unit and of those below it who hold none
    of these offices. Nobody issues their own.
    """
    if subject.bureau_id != reader.bureau_id or subject.person_id == reader.person_id:
        return False
    if reader.is_security:
        return SECURITY not in subject.offices
    if reader.is_administrator:
        return subject.offices <= {ADMINISTRATOR}
    return not subject.offices and subject.unit_id is not None and subject.unit_id in reader.administered


def may_enter_for(reader: Reader, position_id: UUID | None, unit_id: UUID | None) -> bool:
    """Tell whether the reader may enter what a holder of the position signed on paper.

    The administrator, who administers the position's unit, and who is clerk or head of it.
    """
    looks_after = unit_id is not None and unit_id in reader.administered
    return reader.is_administrator or looks_after or position_id in reader.colleagues


def may_register_objections(reader: Reader, settles: UUID, positions: Iterable[UUID]) -> bool:
    """Tell whether the reader may enter an objection against what is posted, and know who objects.

    The position that settles it with its office's clerk and head, the clerks and heads of the case's offices, the administrator.
    """
    named = frozenset(positions)
    office = any(position.role in OFFICE_ROLES and position.id in named for position in reader.positions)
    return reader.is_administrator or office or settles in reader.position_ids or settles in reader.colleagues


def may_name_substitute(reader: Reader, subject: Subject) -> bool:
    """Tell whether the reader may say who stands in for the person: themself, their unit's administrator, the bureau's.

    As with slips, nobody but their holder lends the offices that are kept apart from the one who would (三员分立).
    """
    if subject.bureau_id != reader.bureau_id:
        return False
    if subject.person_id == reader.person_id:
        return True
    if reader.is_administrator:
        return subject.offices <= {ADMINISTRATOR}
    return not subject.offices and subject.unit_id is not None and subject.unit_id in reader.administered


def may_appoint(reader: Reader) -> bool:
    """Tell whether the reader may give and end positions."""
    return reader.is_administrator or reader.is_security


def may_use_scopes(reader: Reader, scopes: Iterable[str]) -> bool:
    """Tell whether the reader may have an API token of these scopes."""
    return reader.is_administrator or ADMIN_SCOPES.isdisjoint(scopes)


def may_see_audit(reader: Reader) -> bool:
    """Tell whether the reader may see the audit chain: the audit administrator, and nobody else (三员分立)."""
    return reader.is_auditor


def may_see_outbox(reader: Reader) -> bool:
    """Tell whether the reader may see all messages of the bureau and send dead ones again."""
    return reader.is_administrator


def may_see_seasons(reader: Reader) -> bool:
    """Tell whether the reader may see the season's overview; its cases are still those of `case_scope`."""
    roles = OFFICE_ROLES | {REVIEWER, BASE_OFFICE}
    return reader.is_administrator or any(position.role in roles for position in reader.positions)


def may_run_seasons(reader: Reader) -> bool:
    """Tell whether the reader may open, plan and cancel seasons, and end a case."""
    return reader.is_administrator


def may_give_priority(reader: Reader, positions: Iterable[UUID]) -> bool:
    """Tell whether the reader may say how urgent a case of these positions is: its offices' clerks and heads."""
    named = frozenset(positions)
    held = (position for position in reader.positions if position.role in OFFICE_ROLES)
    return reader.is_administrator or any(position.id in named for position in held)


def may_load_programmes(reader: Reader) -> bool:
    """Tell whether the reader may load a programme pack."""
    return reader.is_administrator


def require(allowed: bool) -> None:  # noqa: FBT001 - reads as a sentence: require(may_see_audit(reader))
    """Raise ForbiddenError unless `allowed`."""
    if not allowed:
        raise ForbiddenError
