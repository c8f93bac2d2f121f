"""Cases that a stage of another case starts: the same subject goes through another process of the same pack."""

from __future__ import annotations

from models.people import ProjectGroup
from models.programme import Season
from services.process.outcomes import Transition
from services.store.transaction import Tx
from services.workflow.locking import LockedCase
from services.workflow.start import Parent, start_case


async def start_children(tx: Tx, case: LockedCase, transition: Transition) -> None:
    """Start the cases that the transition's sub-process stages ask for, in the same transaction."""
    if not transition.children:
        return
    season = await tx.session.get_one(Season, case.season_id)
    group = await tx.session.get_one(ProjectGroup, case.group_id)
    for visit_id, stage in transition.children:
        parent = Parent(case_id=case.id, visit_id=visit_id, version_id=case.version_id, process=stage.runs)
        await start_case(tx, season=season, group=group, parent=parent)
