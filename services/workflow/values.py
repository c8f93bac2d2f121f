"""What a case's forms hold, for the branches of its process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from services.process.definitions import BranchStage
from services.store.transaction import Tx
from services.workflow.locking import LockedCase

Values = Mapping[str, Mapping[str, Any]]
"""Stage -> the data last submitted there; under "" what was submitted last of all."""


async def submitted_values(tx: Tx, case: LockedCase) -> Values:
    """Return what was last submitted in each stage; nothing is read where the process has no branch."""
    if not any(isinstance(stage, BranchStage) for stage in case.definition.all_stages):
        return {}
    wanted = dict(case.state.submitted)
    ids = [*wanted.values(), *((case.state.submission,) if case.state.submission else ())]
    rows = await tx.rows("SELECT id, data::text AS data FROM submission WHERE id = ANY($1::uuid[])", (ids,))
    data = {row["id"]: json.loads(row["data"]) for row in rows}
    last = {"": data[case.state.submission]} if case.state.submission in data else {}
    return last | {stage: data[each] for stage, each in wanted.items() if each in data}
