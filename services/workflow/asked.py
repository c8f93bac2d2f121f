"""What is asked of a person who decides on more time, besides their tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.people.access import Reader
from services.process.definitions import ActedStage, Localized
from services.process.states import CaseState
from services.programmes.pinned import pinned_pack
from services.store.transaction import Tx
from services.workflow.beside import actors_of
from services.workflow.possible import Beholder, may_decide_extension

MOST = 20


@dataclass(frozen=True)
class AskedOfMe:
    """More time that a case asks for and the reader decides on."""

    case_id: UUID
    visit_id: UUID
    group_zh: str
    group_en: str
    season_key: str
    stage: Localized
    until: datetime

    def group_title(self, locale: str) -> str:
        """Return the group's title for `locale`."""
        return self.group_zh if locale.startswith("zh") else self.group_en


SEASONS = "SELECT id, version_id, process FROM season WHERE bureau_id = $1 AND state = 'running'"
CASES = """
SELECT c.id, c.version_id, c.process, c.actors::text AS actors, c.state_doc::text AS state_doc, s.key AS season_key,
    g.title_zh AS group_zh, g.title_en AS group_en
FROM cases c JOIN season s ON s.id = c.season_id JOIN project_group g ON g.id = c.group_id
WHERE c.season_id = ANY($1::uuid[]) AND c.state = 'open' AND c.state_doc ->> 'suspended_at' IS NULL
    AND jsonb_path_exists(c.state_doc, '$.open[*].asked.id')
    AND jsonb_path_query_array(c.actors, '$.*') ?| $2::text[]
ORDER BY c.id
"""


async def asked_of(tx: Tx, reader: Reader) -> tuple[AskedOfMe, ...]:
    """Return the first MOST requests for more time that the reader decides on, in two statements at most.

    Only the open cases of running seasons are looked at, and only of processes in which more time can be asked for.
    """
    held = {str(each) for each in reader.position_ids}
    held |= {str(position.id) for each in reader.stand_ins for position in each.positions}
    seasons = (
        [row["id"] for row in await tx.rows(SEASONS, (reader.bureau_id,)) if await _extends(tx, row)] if held else []
    )
    if not seasons:
        return ()
    found: list[AskedOfMe] = []
    for row in await tx.rows(CASES, (seasons, sorted(held))):
        found += await _asked(tx, reader, row)
        if len(found) >= MOST:
            break
    return tuple(found[:MOST])


async def _extends(tx: Tx, season: Mapping[str, Any]) -> bool:
    pack = await pinned_pack(tx, season["version_id"])
    stages = pack.process(season["process"]).all_stages
    return any(isinstance(stage, ActedStage) and stage.extension is not None for stage in stages)


async def _asked(tx: Tx, reader: Reader, row: Mapping[str, Any]) -> list[AskedOfMe]:
    pack = await pinned_pack(tx, row["version_id"])
    definition, state = pack.process(row["process"]), CaseState.model_validate_json(row["state_doc"])
    beholder = Beholder(definition, state, reader, actors_of(row["actors"]), tx.now, pack.programme)
    return [
        AskedOfMe(
            case_id=row["id"], visit_id=visit.id, group_zh=row["group_zh"], group_en=row["group_en"],
            season_key=row["season_key"], until=visit.asked.until,
            stage=definition.stage(visit.stage).title or Localized(zh=visit.stage, en=visit.stage),
        )
        for visit in state.open
        if visit.asked is not None and may_decide_extension(beholder, visit)
    ]  # fmt: skip
