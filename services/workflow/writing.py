"""What an act leaves behind: every row of it, whether a person, the clock or another case brought it about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from services.people.directory import local_day
from services.process.outcomes import Transition
from services.process.states import CaseState
from services.store.transaction import Tx
from services.store.writer import Rows
from services.workflow.filings import filing_of
from services.workflow.locking import LockedCase
from services.workflow.rows import Act, administrators, chain, transition_rows, vacant
from services.workflow.submitting import Prepared
from services.workflow.terms import explanations, moves, needs_explaining


@dataclass(frozen=True)
class Happened:
    """What happened to a case, as its rows keep it.

    kind: the act. person: who did it; None for the clock, whose acts are no decisions. name: as explanations name them.
    zone: of the bureau. entered_by, scans: of a decision that was made on paper. personal: what the chain holds as salted digests only.
    """

    kind: str
    zone: str
    person: UUID | None = None
    name: str = ""
    decision_id: UUID | None = None
    words: str = ""
    to_stage: str | None = None
    to_person: UUID | None = None
    until: datetime | None = None
    entered_by: UUID | None = None
    scans: Sequence[Mapping[str, Any]] | None = None
    personal: Mapping[str, str] = field(default_factory=dict)

    def context(self, number: str | None) -> dict[str, Any]:
        """Return what notifications keep of it: the decision, its reason, the number, until when."""
        context: dict[str, Any] = {"decision": str(self.decision_id)} if self.decision_id else {}
        context |= {"reason": self.words} if self.words else {}
        context |= {"number": number} if number else {}
        return context | ({"until": self.until.isoformat()} if self.until else {})

    def data(self, transition: Transition, number: str | None, submission: str | None) -> dict[str, Any]:
        """Return what the audit chain keeps of it."""
        data: dict[str, Any] = {
            "from": transition.before.name, "to": transition.state.name, "version": transition.state.version,
            "decision": str(self.decision_id) if self.decision_id else None,
            "task": str(transition.acted_task) if transition.acted_task else None, "submission": submission,
            "number": number, "late": transition.late, "until": self.until.isoformat() if self.until else None,
        }  # fmt: skip
        data |= {"on_behalf": str(transition.on_behalf)} if transition.on_behalf else {}
        data |= {"to_person": str(self.to_person)} if self.to_person else {}
        if self.entered_by is not None:
            data |= {"entered_by": str(self.entered_by), "scans": [scan["sha256"] for scan in self.scans or ()]}
        return data


async def rows_of(
    tx: Tx, case: LockedCase, happened: Happened, transition: Transition, *, prepared: Prepared | None = None
) -> tuple[Rows, CaseState]:
    """Return every row that the transition writes, and the case's new state with its dates and its number."""
    filing = await filing_of(tx, case, transition)
    number: str | None = filing["number"] if filing else transition.state.number
    known = await explanations(tx, case.id, needs_explaining(transition))
    moved, transition = await moves(
        tx, case, transition, known, by=happened.person, name=happened.name, words=happened.words
    )
    told: tuple[UUID, ...] = ()
    if vacant(case, transition):
        told = await administrators(tx, case.bureau_id, on=local_day(tx.now, happened.zone))
    rows, transition = transition_rows(tx, case, transition, Act(
        happened.person, happened.decision_id, happened.words, happened.to_stage, happened.to_person,
        entered_by=happened.entered_by, paper=happened.scans, context=happened.context(number), explained=known,
        moves=moved, administrators=told,
    ))  # fmt: skip
    _add_more(tx, case, rows, happened, transition)
    if prepared is not None:
        rows.add("submission", **prepared.row)
    if filing is not None and filing["id"] is not None:
        rows.add("filing", **filing)
    state = transition.state.model_copy(update={"number": number})
    data = happened.data(transition, number, prepared.digest if prepared else None)
    personal = {"words": happened.words, **happened.personal}
    seq, head = chain(tx, case, rows, kind=happened.kind, person=happened.person, data=data, personal=personal)
    rows.case = {
        "id": case.id, "state": state.status, "stage": state.visit.stage if state.visit else None,
        "version": state.version, "number": number, "late": case.late or transition.late,
        "state_doc": state.model_dump(mode="json"), "closed_at": None if state.status == "open" else tx.now,
        "audit_seq": seq, "audit_hash": head, "suspended_at": state.suspended_at,
    }  # fmt: skip
    return rows, state


def _add_more(tx: Tx, case: LockedCase, rows: Rows, happened: Happened, transition: Transition) -> None:
    """Add what a late exception leaves: its row, and that it was used."""
    if transition.granted is not None:
        rows.add(
            "late_exception", id=transition.granted.id, bureau_id=case.bureau_id, case_id=case.id,
            granted_by=happened.person, reason=happened.words, until=transition.granted.until, at=tx.now, used_at=None,
        )  # fmt: skip
    if transition.used is not None:
        rows.used_exception = {"id": transition.used.id}
