"""Whose tasks a work list holds: those of oneself and one's positions, and of those whom one stands in for."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from services.people.access import Reader

Whose = Literal["own", "on-behalf"]
Pairs = frozenset[tuple[str, str]]


def holders_of(reader: Reader, whose: Whose | None = None) -> list[UUID]:
    """Return whom the tasks of the reader's list are with, each once: positions and persons.

    What one holds oneself is one's own.
    """
    own = _own(reader) if whose != "on-behalf" else frozenset[UUID]()
    return sorted(own.union(_lent(reader) if whose != "own" else ()))


def _own(reader: Reader) -> frozenset[UUID]:
    return reader.position_ids | {reader.person_id}


def _lent(reader: Reader) -> dict[UUID, Pairs | None]:
    """Return the positions of others, and the others themselves, with the processes for which they are lent; None for all."""
    lent: dict[UUID, Pairs | None] = {}
    for stand_in in reader.stand_ins:
        for holder in (stand_in.person_id, *(held.id for held in stand_in.positions)):
            if holder in _own(reader):
                continue
            before = lent.get(holder, frozenset())
            lent[holder] = None if before is None or stand_in.processes is None else before | stand_in.processes
    return lent


def limits(reader: Reader, parameters: list[Any], whose: Whose | None = None, *, alias: str) -> str:
    """Return what keeps what is lent to its processes, as SQL; '' for who stands in for nobody so limited.

    Args:
        reader: who stands in.
        parameters: the values go in here.
        whose: which of their tasks.
        alias: what has holder_id, season_id and process: a stream, or a task.
    """
    by_limit: dict[Pairs, list[UUID]] = {}
    for holder, pairs in (_lent(reader) if whose != "own" else {}).items():
        if pairs is not None:
            by_limit.setdefault(pairs, []).append(holder)
    text = ""
    for pairs, holders in by_limit.items():
        programmes, processes = zip(*sorted(pairs), strict=True)
        parameters += [sorted(holders), list(programmes), list(processes)]
        n = len(parameters)
        text += (
            f" AND ({alias}.holder_id <> ALL(${n - 2}::uuid[]) OR ({alias}.process,"  # noqa: S608 - numbers of ours
            f" (SELECT w.programme FROM season w WHERE w.id = {alias}.season_id))"
            f" IN (SELECT y.process, y.programme FROM unnest(${n - 1}::text[], ${n}::text[]) AS y(programme, process)))"
        )
    return text


def has(reader: Reader, holder: UUID | None, *, programme: str, process: str) -> bool:
    """Tell whether what is with this holder is the reader's: their own, or of somebody whom they stand in for."""
    if holder in _own(reader):
        return True
    return any(
        stand_in.covers(programme, process)
        and (holder == stand_in.person_id or any(held.id == holder for held in stand_in.positions))
        for stand_in in reader.stand_ins
    )


def represented(reader: Reader, holder: UUID, process: str) -> tuple[str, ...]:
    """Return the names of those on whose behalf the reader has a task with this holder; () for one of their own."""
    if holder in _own(reader):
        return ()
    names = {
        stand_in.name: None
        for stand_in in reader.stand_ins
        if (holder == stand_in.person_id or any(held.id == holder for held in stand_in.positions))
        and (stand_in.processes is None or any(code == process for _, code in stand_in.processes))
    }
    return tuple(names)
