"""A season's row under its lock, and the audit chain that it carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import select

from models.people import Bureau
from models.programme import Season
from services.errors import NotFoundError
from services.people.holding import holds
from services.process.definitions import ProcessDefinition
from services.process.packs import BASE_SCHOOL, GUIDING_UNIT, Pack
from services.programmes.pinned import pinned_pack
from services.store.audit import ChainedEvent
from services.store.transaction import Tx
from services.store.writer import Rows, write


async def lock_season(tx: Tx, season_id: UUID) -> Season:
    """Return the season as the newest commit left it, locked against everybody who would carry or change it.

    The lock lets others point to the season (a filing does), so that no decision waits for a step.
    """
    statement = select(Season).where(Season.id == season_id).with_for_update(key_share=True)
    season = (await tx.session.exec(statement.execution_options(populate_existing=True))).first()
    if season is None:
        raise NotFoundError
    return season


async def append_event(
    tx: Tx, season: Season, kind: str, *, data: Mapping[str, Any], person: UUID | None = None
) -> None:
    """Add an event to the chain of a season that is locked or new. `data` holds no personal values."""
    event = ChainedEvent(
        id=tx.new_id(),
        bureau_id=season.bureau_id,
        stream="season",
        stream_id=season.id,
        seq=season.audit_seq + 1,
        at=tx.now,
        person_id=person,
        kind=kind,
        data=data,
        prev=season.audit_hash,
    )
    rows = Rows(now=tx.now)
    rows.add("audit_event", **vars(event), hash=event.hash)
    await write(tx, rows)
    season.audit_seq, season.audit_hash = event.seq, event.hash
    tx.session.add(season)
    await tx.session.flush()


@dataclass(frozen=True)
class SeasonRules:
    """The pack that a season is pinned to, and its process in it."""

    pack: Pack
    definition: ProcessDefinition

    @property
    def offices(self) -> tuple[str, ...]:
        """Positions at named units that the process knows: they judge, are told of lateness, or grant exceptions."""
        stands_in = (GUIDING_UNIT, BASE_SCHOOL)
        named = (actor for actor in self.definition.actors() if "/" in actor)
        return tuple(actor for actor in named if actor.partition("/")[0] not in stands_in)


async def rules_of(tx: Tx, season: Season) -> SeasonRules:
    """Return the rules that the season is pinned to."""
    pack = await pinned_pack(tx, season.version_id)
    return SeasonRules(pack, pack.process(season.process))


async def local_today(tx: Tx, bureau_id: UUID) -> date:
    """Return the day that it is in the bureau."""
    bureau = await tx.session.get_one(Bureau, bureau_id)
    return tx.now.astimezone(ZoneInfo(bureau.zone)).date()


HOLDERS = f"""
SELECT DISTINCT a.person_id FROM position p JOIN appointment a ON a.position_id = p.id
WHERE p.bureau_id = $1 AND p.code = ANY($2) AND {holds("$3", "$6")}
    AND NOT EXISTS (SELECT FROM notification n WHERE n.subject_id = $4 AND n.kind = $5 AND n.person_id = a.person_id)
"""  # noqa: S608 - constant parts


async def tell_offices(
    tx: Tx, season: Season, kind: str, *, positions: Sequence[str], context: Mapping[str, Any]
) -> int:
    """Notify whoever holds one of the positions today, each once per season and kind; return how many were told."""
    today = await local_today(tx, season.bureau_id)
    people = await tx.rows(HOLDERS, (season.bureau_id, list(positions), today, season.id, kind, tx.now))
    rows = Rows(now=tx.now)
    for person in people:
        rows.add(
            "notification",
            id=tx.new_id(),
            bureau_id=season.bureau_id,
            person_id=person["person_id"],
            kind=kind,
            subject_id=season.id,
            task_id=None,
            case_id=None,
            season_id=season.id,
            visit_n=0,
            at=tx.now,
            context=context,
            state="pending",
            message_id=None,
            created_at=tx.now,
        )
    if people:
        await write(tx, rows)
    return len(people)
