"""The paper route: a decision that somebody signed on paper is entered from its scan by somebody else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from services.errors import ForbiddenError, InvalidInputError, NotFoundError
from services.people.access import Reader, case_scope_sql, may_enter_for, reader_for
from services.people.directory import local_day
from services.people.holding import holds
from services.process.events import Approve, Decline, Event, Oppose, Reject, Return, Sign
from services.store.transaction import Tx
from services.workflow.carry_out import Asked, OnPaper, Outcome, act
from services.workflow.drafts import KEEP_FILE

CODE = re.compile(r"guantong:(?P<case>[0-9a-f-]{36}):(?P<version>\d{1,9}):(?P<digest>[0-9a-f]{16})")
MAX_SCANS = 10
PaperAct = Literal["approve", "oppose", "sign", "decline", "return", "reject"]


@dataclass(frozen=True)
class Scan:
    """A scanned page that lies in the file store. size: bytes."""

    name: str
    sha256: str
    size: int
    media_type: str

    def to_json(self) -> dict[str, Any]:
        """Return it as the decision keeps it."""
        return {"name": self.name, "sha256": self.sha256, "size": self.size, "media_type": self.media_type}


@dataclass(frozen=True)
class PrintedForm:
    """What the QR code of a printed form says: the case, its version when it was printed, and the submission's digest."""

    case_id: UUID
    version: int
    digest: str

    @property
    def code(self) -> str:
        """The text of the QR code."""
        return f"guantong:{self.case_id}:{self.version}:{self.digest[:16]}"

    @classmethod
    def read(cls, text: str) -> PrintedForm:
        """Read the text of a QR code.

        Raises:
            InvalidInputError: it is none of ours.
        """
        match = CODE.fullmatch(text.strip())
        if match is None:
            message = "This is not the code of a printed form; it begins with “guantong:”."
            raise InvalidInputError([{"field": "printed", "message": message}])
        return cls(UUID(match["case"]), int(match["version"]), match["digest"])


PRINTED = """
SELECT c.version, s.digest FROM cases c LEFT JOIN submission s ON s.id = (c.state_doc ->> 'submission')::uuid
WHERE c.id = $1 AND c.bureau_id = $2
"""
TASK = """
SELECT t.case_id, t.position_id, t.person_id, p.unit_id, p.group_id FROM task t LEFT JOIN position p ON p.id = t.position_id
WHERE t.id = $1 AND t.bureau_id = $2
"""


async def printed_form(tx: Tx, *, by: Reader, case_id: UUID) -> PrintedForm:
    """Return what the form printed now carries as its code; the caller has checked that the person may see the case."""
    rows = await tx.rows(PRINTED, (case_id, by.bureau_id))
    if not rows or rows[0]["digest"] is None:
        raise NotFoundError
    return PrintedForm(case_id, rows[0]["version"], rows[0]["digest"])


async def enter_from_paper(  # noqa: PLR0913 - the parts of one decision on paper
    tx: Tx,
    *,
    by: Reader,
    task_id: UUID,
    person_id: UUID,
    decision: PaperAct,
    scans: Sequence[Scan],
    printed: PrintedForm,
    words: str = "",
    to: str = "",
    version: int | None = None,
    key: str | None = None,
) -> Outcome:
    """Record what a person decided on paper, as “decided by A on paper, entered by B”.

    Args:
        tx: the transaction.
        by: B, who enters it: looks after A's unit, is clerk or head there, or administers the bureau; never A, never who
            submitted the case.
        task_id: the open task that A has.
        person_id: A.
        decision: what A decided.
        scans: 1 to MAX_SCANS pages that show it, in the file store already.
        printed: what the code of the signed form says.
        words: A's words; a reason where the decision asks for one.
        to: for a return, the stage.
        version: the case's version as the caller saw it, or None.
        key: an idempotency key, or None.

    Raises:
        OldFormError: the form was printed before the case was last submitted or moved.
        ForbiddenError: B may not enter it.
        OwnSubmissionError: A or B submitted the case.
        InvalidInputError: there is no scan.
    """
    rows = await tx.rows(TASK, (task_id, by.bureau_id))
    if not rows:
        raise NotFoundError
    _check(by, rows[0], person_id, scans)
    signer = await reader_for(tx, bureau_id=by.bureau_id, person_id=person_id)
    if printed.case_id != rows[0]["case_id"]:
        raise InvalidInputError([{"field": "printed", "message": "This form belongs to another case."}])
    for scan in scans:
        await tx.rows(KEEP_FILE, (by.bureau_id, scan.sha256, scan.size, scan.media_type, tx.now))
    paper = OnPaper(
        person_id,
        signer.position_ids,
        tuple(scan.to_json() for scan in scans),
        printed=(printed.version, printed.digest[:16]),
    )
    asked = Asked(
        by, decision, task_id=task_id, words=words, to_stage=to or None, version=version, key=key, paper=paper,
        more=printed.code,
    )  # fmt: skip
    return await act(tx, asked, _event(decision, task_id, words, to))


def _check(by: Reader, task: Mapping[str, Any], person_id: UUID, scans: Sequence[Scan]) -> None:
    if person_id == by.person_id:
        raise ForbiddenError("Whoever signed a paper does not enter it themself; decide on the task instead.")
    if not may_enter_for(by, task["position_id"], task["unit_id"]):
        raise ForbiddenError("Only the position's own office or the administrator enters what was signed on paper.")
    if not 0 < len(scans) <= MAX_SCANS:
        raise InvalidInputError([{"field": "scans", "message": "Add the scan of the signed form."}])


def _event(decision: PaperAct, task: UUID, words: str, to: str) -> Event:
    match decision:
        case "approve":
            return Approve(task, words)
        case "oppose":
            return Oppose(task, words)
        case "sign":
            return Sign(task, words)
        case "decline":
            return Decline(task, words)
        case "return":
            return Return(task, to, words)
        case "reject":
            return Reject(task, words)


@dataclass(frozen=True)
class PaperTask:
    """An open task for which the reader may enter what was signed on paper. signers: who has it, by id and name."""

    task_id: UUID
    case_id: UUID
    signers: tuple[tuple[UUID, str], ...]


OPEN = f"""
SELECT t.case_id, t.state, t.position_id, t.person_id, p.unit_id,
    ARRAY(SELECT jsonb_build_array(w.id, w.name)::text FROM person w WHERE w.bureau_id = t.bureau_id AND CASE
        WHEN t.person_id IS NOT NULL THEN w.id = t.person_id
        ELSE EXISTS (SELECT FROM appointment a WHERE a.position_id = t.position_id AND a.person_id = w.id AND {holds("$3", "$4")})
        END ORDER BY w.sort_key, w.id) AS signers
FROM task t LEFT JOIN position p ON p.id = t.position_id WHERE t.id = $1 AND t.bureau_id = $2
"""  # noqa: S608 - constant parts


async def paper_task(tx: Tx, *, by: Reader, task_id: UUID) -> PaperTask:
    """Return who could have signed a task on paper, for whoever may enter it.

    Raises:
        NotFoundError: there is no such open task, or the reader may not enter for it.
    """
    rows = await tx.rows(OPEN, (task_id, by.bureau_id, local_day(tx.now, by.zone), tx.now))
    row = rows[0] if rows and rows[0]["state"] == "open" else None
    if row is None or not may_enter_for(by, row["position_id"], row["unit_id"]):
        raise NotFoundError
    signers = (json.loads(each) for each in row["signers"])
    return PaperTask(task_id, row["case_id"], tuple((UUID(id_), name) for id_, name in signers))


SCAN = "SELECT d.paper -> ($3::int - 1) AS scan FROM decision d JOIN cases c ON c.id = d.case_id WHERE d.case_id = $1 AND d.id = $2"


async def scan_for_reading(tx: Tx, *, by: Reader, case_id: UUID, decision_id: UUID, n: int) -> Scan:
    """Return the facts of the `n`th scan of a decision, to whoever may see its case.

    Raises:
        NotFoundError: there is none, or the reader may not see the case.
    """
    scope = case_scope_sql(by, alias="c", first=4)
    rows = await tx.rows(f"{SCAN} AND {scope.text}", (case_id, decision_id, n, *scope.parameters))
    if not rows or not rows[0]["scan"]:
        raise NotFoundError
    held = rows[0]["scan"]
    return Scan(**(json.loads(held) if isinstance(held, str) else held))
