"""Which running cases stand where, under which version of their programme."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.i18n import Localizable, Message
from services.process.definitions import Localized
from services.process.pack_diff import stages_of
from services.process.pack_places import Doc, read
from services.store.transaction import Tx


@dataclass(frozen=True)
class Standing:
    """So many running cases stand in a stage of a process, under the version that they are pinned to."""

    version_id: UUID
    digest: str
    loaded_at: datetime
    process: str
    stage: str
    cases: int


STANDING = """
SELECT c.version_id, v.digest, v.loaded_at, c.process, coalesce(t.stage, c.stage, '') AS stage,
    count(DISTINCT c.id)::int AS cases
FROM cases c JOIN programme_version v ON v.id = c.version_id
LEFT JOIN visit t ON t.case_id = c.id AND t.closed_at IS NULL
WHERE c.bureau_id = $1 AND v.programme = $2 AND c.state = 'open'
GROUP BY 1, 2, 3, 4, 5 ORDER BY v.loaded_at, v.digest, c.process, 5
"""
RUNNING = """
SELECT c.version_id, count(*)::int AS cases FROM cases c JOIN programme_version v ON v.id = c.version_id
WHERE c.bureau_id = $1 AND v.programme = $2 AND c.state = 'open' GROUP BY 1
"""


async def standings(tx: Tx, bureau_id: UUID, programme: str) -> tuple[Standing, ...]:
    """Return where the programme's running cases stand, by version, process and stage."""
    return tuple(Standing(**row) for row in await tx.rows(STANDING, (bureau_id, programme)))


async def running_cases(tx: Tx, bureau_id: UUID, programme: str) -> dict[UUID, int]:
    """Return how many cases run under each version; one that stands in several stages at once counts once."""
    return {row["version_id"]: row["cases"] for row in await tx.rows(RUNNING, (bureau_id, programme))}


def lost_stages(found: Iterable[Standing], after: Doc) -> tuple[Standing, ...]:
    """Return the standings in stages that another version lacks: their cases stay, but no new one will come there."""
    return tuple(each for each in found if each.stage and each.stage not in _stages(after, each.process))


def _stages(doc: Doc, process: str) -> set[str]:
    found = read(doc, f"processes/{process}")
    return set(stages_of(found)) if isinstance(found, dict) else set()


def stage_title(doc: Doc, each: Standing) -> Message:
    """Return process and stage in words, as the version that they belong to says them."""
    process = read(doc, f"processes/{each.process}")
    stage = stages_of(process).get(each.stage, {}) if isinstance(process, dict) else {}
    titles = {"process": _title(process, each.process), "stage": _title(stage, each.stage)}
    return Message("“{stage}” of “{process}”", titles)


def _title(item: Any, name: str) -> Localizable | str:
    titled = isinstance(item, dict) and isinstance(item.get("title"), dict)
    return Localized(**item["title"]) if titled else name
