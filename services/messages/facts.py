"""What a message says, read when it is sent: one statement for all notifications of a batch of messages."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from services.messages.kinds import (
    FROM_SERIES,
    MOVES_DATES,
    NEEDS_OPEN_TASK,
    OF_THE_CASE,
    PEOPLE_KINDS,
    TO_ASSIGNEE,
    urgency,
)
from services.messages.recipients import HELD, NAMED, OVER, TASK, YOURS, gone, one_of
from services.messages.standing import Standing, read_standing
from services.process.definitions import ProcessDefinition
from services.programmes.pinned import pinned_pack
from services.store.transaction import Tx

FACTS = f"""
SELECT n.id, n.message_id, n.kind, n.subject_id, n.at, n.context::text AS context, {TASK} AS task_id, n.case_id, n.person_id, n.bureau_id,
    n.season_id, b.name AS bureau, b.zone, b.code AS bureau_code,
    ({TASK} IS NOT NULL AND n.kind = ANY($2::text[]) AND t.state IS DISTINCT FROM 'open') OR ({OVER}) AS stale, {HELD} AS held,
    {gone("$4", "$5")} AS gone, t.kind AS task_kind, t.stage AS task_stage, c.stage AS case_stage, c.number, c.process, s.process AS season_process, s.key AS season_key,
    coalesce(c.version_id, s.version_id) AS version_id, g.title_zh AS group_zh, g.title_en AS group_en,
    po.title_zh AS position_zh, po.title_en AS position_en, pu.title_zh AS unit_zh, pu.title_en AS unit_en,
    dp.title_zh AS by_zh, dp.title_en AS by_en, du.title_zh AS by_unit_zh, du.title_en AS by_unit_en,
    d.kind AS act, d.to_stage, coalesce(bp.name, who.name) AS who, behalf.name AS behalf, entered.name AS entered, missing.name AS missing,
    d.kind = 'settle' AND dv.closed_at = d.at AS upheld, l.due_at, l.close_at, l.explained::text AS explained,
    t.id IS NOT NULL AND ({YOURS}) AS holds, t.person_id = n.person_id AS mine, bp.name AS by_name,
    CASE WHEN n.task_id IS NULL THEN 0 ELSE (SELECT count(DISTINCT x.at) FROM notification x
        WHERE x.subject_id = n.task_id AND x.kind IN {one_of(MOVES_DATES)}) END AS changes
FROM notification n
JOIN bureau b ON b.id = n.bureau_id
LEFT JOIN task t ON t.id = {TASK}
LEFT JOIN cases c ON c.id = n.case_id
LEFT JOIN season s ON s.id = coalesce(c.season_id, n.season_id)
LEFT JOIN project_group g ON g.id = c.group_id
LEFT JOIN position po ON po.id = CASE WHEN n.kind = 'unheld' THEN {NAMED} ELSE coalesce({NAMED}, t.position_id) END
LEFT JOIN unit pu ON pu.id = po.unit_id
LEFT JOIN decision d ON n.case_id IS NOT NULL AND d.id = (n.context ->> 'decision')::uuid
LEFT JOIN position dp ON dp.id = d.position_id
LEFT JOIN unit du ON du.id = dp.unit_id
LEFT JOIN person who ON who.id = d.person_id
LEFT JOIN person behalf ON behalf.id = d.on_behalf_id
LEFT JOIN person entered ON entered.id = d.entered_by_id
LEFT JOIN person missing ON missing.id = (n.context ->> 'person_id')::uuid
LEFT JOIN visit dv ON dv.id = d.visit_id
LEFT JOIN person bp ON bp.bureau_id = n.bureau_id AND bp.id = (n.context ->> 'person')::uuid
LEFT JOIN deadline l ON l.subject_id = t.id
WHERE n.message_id = ANY($3::uuid[]) AND n.state = 'enclosed'
"""  # noqa: S608 - constant parts


@dataclass(frozen=True)
class Item:
    """One notification with the facts around it, in no language yet.

    stale: its task was closed meanwhile or what it says is past, so it is not said any more. gone: nor is it said to this
    reader, whom the task is no longer with. held: it asks for an act in a suspended case. holds: the task is with the reader,
    so the link leads to it and not to the case; mine: by name, whatever they hold. changes: how often the due date or close
    moved so far. who, behalf, entered: who acted, for whom, and who entered what was decided on paper. missing: with whom
    the task is, who has left. standing: the substitution that it is about.
    """

    row: Mapping[str, Any]
    context: Mapping[str, Any]
    definition: ProcessDefinition | None
    standing: Standing | None = None

    @property
    def id(self) -> UUID:
        identity: UUID = self.row["id"]
        return identity

    @property
    def kind(self) -> str:
        return str(self.row["kind"])

    @property
    def stale(self) -> bool:
        return bool(self.row["stale"])

    @property
    def held(self) -> bool:
        """Whether it waits until its case is resumed."""
        return self.holds_true and bool(self.row["held"])

    @property
    def holds_true(self) -> bool:
        """Whether it is still to be said, and to this reader."""
        return not self.row["stale"] and not self.row["gone"]

    @property
    def task_id(self) -> UUID | None:
        identity: UUID | None = self.row["task_id"]
        return identity

    @property
    def due_at(self) -> dt.datetime | None:
        due: dt.datetime | None = self.row["due_at"]
        return due

    @property
    def close_at(self) -> dt.datetime | None:
        close: dt.datetime | None = self.row["close_at"]
        return close

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.row["zone"])

    @cached_property
    def explained(self) -> Mapping[str, Any]:
        explained: Mapping[str, Any] = json.loads(self.row["explained"] or "{}")
        return explained

    @property
    def path(self) -> str:
        """The page to open; looking at it changes nothing."""
        if self.kind == "question-withdrawn":
            return "/tasks"  # what the question showed may be out of sight again
        if self.row["task_id"] and self.row["holds"] and self.kind not in OF_THE_CASE:
            return f"/tasks/{self.row['task_id']}"
        if self.kind == "recalled" or (self.kind == "signer-added" and not self.row["task_id"]):
            return "/"  # they have no part in the case, or none yet
        if self.row["case_id"]:
            return f"/cases/{self.row['case_id']}"
        if self.kind in PEOPLE_KINDS:
            return "/account"
        return f"/seasons/{self.row['season_id']}" if self.row["season_id"] else "/"

    def order(self) -> tuple[int, bool, dt.datetime, dt.datetime]:
        """Return the item's place in a digest: the most urgent kind first, then what is due first."""
        due = self.due_at or self.row["at"]
        return urgency(self.kind), self.due_at is None, due, self.row["at"]


async def read_items(tx: Tx, message_ids: Sequence[UUID]) -> dict[UUID, list[Item]]:
    """Return the enclosed notifications of each message, in the order in which a digest says them."""
    items: dict[UUID, list[Item]] = {identity: [] for identity in message_ids}
    rows = await tx.rows(
        FACTS, (tx.now, list(NEEDS_OPEN_TASK), list(message_ids), list(TO_ASSIGNEE), list(FROM_SERIES))
    )
    standing = await read_standing(tx, {row["subject_id"] for row in rows if row["kind"] in PEOPLE_KINDS})
    for row in rows:
        about = standing.get(row["subject_id"])
        items[row["message_id"]].append(Item(row, json.loads(row["context"]), await _definition(tx, row), about))
    for enclosed in items.values():
        enclosed.sort(key=Item.order)
    return items


async def _definition(tx: Tx, row: Mapping[str, Any]) -> ProcessDefinition | None:
    """Return the process as the case's or season's pinned pack says it; packs are kept once read."""
    if row["version_id"] is None:
        return None
    pack = await pinned_pack(tx, row["version_id"])
    return pack.process(row["process"] or row["season_process"])
