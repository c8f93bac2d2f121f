"""Whose tasks a work list holds: those of one's own positions, and of the positions of those whom one stands in for."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from services.people.access import Reader

Whose = Literal["own", "on-behalf"]
Pairs = frozenset[tuple[str, str]]


def positions_of(reader: Reader, whose: Whose | None = None) -> list[UUID]:
    """Return the positions whose tasks the reader's list holds, each once; what one holds oneself is one's own."""
    own = reader.position_ids if whose != "on-behalf" else frozenset[UUID]()
    return sorted(own.union(_lent(reader) if whose != "own" else ()))


def _lent(reader: Reader) -> dict[UUID, Pairs | None]:
    """Return the positions of others with the processes for which they are lent; None for all."""
    lent: dict[UUID, Pairs | None] = {}
    for stand_in in reader.stand_ins:
        for held in stand_in.positions:
            if held.id in reader.position_ids:
                continue
            before = lent.get(held.id, frozenset())
            lent[held.id] = None if before is None or stand_in.processes is None else before | stand_in.processes
    return lent


def limits(reader: Reader, parameters: list[Any], whose: Whose | None = None) -> str:
    """Return what keeps tasks t of lent positions to their processes, as SQL; '' for who stands in for nobody so limited.

    The values go into `parameters`. A position is read in the order of its index as before; what this leaves out is read over.
    """
    by_limit: dict[Pairs, list[UUID]] = {}
    for position, pairs in (_lent(reader) if whose != "own" else {}).items():
        if pairs is not None:
            by_limit.setdefault(pairs, []).append(position)
    text = ""
    for pairs, positions in by_limit.items():
        programmes, processes = zip(*sorted(pairs), strict=True)
        parameters += [sorted(positions), list(programmes), list(processes)]
        n = len(parameters)
        text += (
            f" AND (t.position_id <> ALL(${n - 2}::uuid[]) OR (t.process, (SELECT w.programme FROM cases k"  # noqa: S608 - numbers of ours
            f" JOIN programme_version w ON w.id = k.version_id WHERE k.id = t.case_id))"
            f" IN (SELECT y.process, y.programme FROM unnest(${n - 1}::text[], ${n}::text[]) AS y(programme, process)))"
        )
    return text


def represented(reader: Reader, position_id: UUID, process: str) -> tuple[str, ...]:
    """Return the names of those on whose behalf the reader has a task of this position; () for one of their own."""
    if position_id in reader.position_ids:
        return ()
    names = {
        stand_in.name: None
        for stand_in in reader.stand_ins
        if any(held.id == position_id for held in stand_in.positions)
        and (stand_in.processes is None or any(code == process for _, code in stand_in.processes))
    }
    return tuple(names)
