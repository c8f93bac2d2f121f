"""What messages say of a substitution, read when they are sent, so that they hold no name that was erased meanwhile."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.people.substitutes import processes_of
from services.process.definitions import Localized
from services.store.transaction import Tx

_FIND = """
SELECT s.id, s.bureau_id, s.person_id, p.name AS person, s.substitute_id, q.name AS substitute, s.starts_on, s.ends_on,
    s.processes
FROM substitution s JOIN person p ON p.id = s.person_id JOIN person q ON q.id = s.substitute_id WHERE s.id = ANY($1::uuid[])
"""


@dataclass(frozen=True)
class Standing:
    """A substitution. processes: the titles of those that it is for; () for all."""

    person_id: UUID
    person: str
    substitute_id: UUID
    substitute: str
    starts_on: dt.date
    ends_on: dt.date
    processes: tuple[Localized, ...]


async def read_standing(tx: Tx, substitutions: Collection[UUID]) -> dict[UUID, Standing]:
    """Return the substitutions by id; nothing is read where none is asked for."""
    rows = await tx.rows(_FIND, (list(substitutions),)) if substitutions else []
    limited = {row["bureau_id"] for row in rows if row["processes"] is not None}
    titles = {bureau: await processes_of(tx, bureau) for bureau in limited}
    return {row["id"]: _standing(row, titles.get(row["bureau_id"], {})) for row in rows}


def _standing(row: Mapping[str, Any], titles: Mapping[tuple[str, str], Localized]) -> Standing:
    pairs = [(programme, process) for programme, process in row["processes"] or ()]
    return Standing(
        **{name: row[name] for name in ("person_id", "person", "substitute_id", "substitute", "starts_on", "ends_on")},
        processes=tuple(titles.get(pair, Localized(zh=pair[1], en=pair[1])) for pair in pairs),
    )
