"""From the draft to a submission: cleaned, judged by its form, frozen with its attachments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from services.errors import InvalidInputError
from services.i18n import N_, Message
from services.people.access import Reader
from services.people.holding import holds
from services.process.definitions import AssessStage, SubmitStage
from services.process.forms import FormContext, clean, validate
from services.store.audit import digest
from services.store.transaction import Tx
from services.workflow.locking import LockedCase

DRAFT = """
SELECT (SELECT d.data::text FROM draft d WHERE d.case_id = $1 AND d.stage = $2 AND d.owner_id IS NOT DISTINCT FROM $3::uuid) AS data,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'field', a.field, 'name', a.name, 'sha256', a.sha256,
        'size', a.size, 'media_type', a.media_type) ORDER BY a.at, a.id), '[]')
     FROM attachment a WHERE a.case_id = $1 AND a.removed_at IS NULL)::text AS attachments
"""
SEATS = f"""
SELECT p.role, count(DISTINCT a.person_id) AS people FROM position p
LEFT JOIN appointment a ON a.position_id = p.id AND {holds("$2", "$3")}
WHERE p.group_id = $1 GROUP BY p.role
"""  # noqa: S608 - constant parts


@dataclass(frozen=True)
class Prepared:
    """A form that is ready to be written: its row, its digest (over data and attachments), and what is wrong with it."""

    stage: str
    row: Mapping[str, Any]
    digest: str
    problems: list[dict[str, Any]]

    def judged(self, *, late: bool) -> Prepared:
        """Return it as it is written, late or in time.

        Raises:
            InvalidInputError: with every problem, where there is one.
        """
        if self.problems:
            raise InvalidInputError(self.problems)
        return replace(self, row={**self.row, "late": late})


def form_context(case: LockedCase, files: frozenset[str] | None) -> FormContext:
    """Return what a form of this case is judged against: its project year, and the files that are there."""
    return FormContext.of_year(int(case.season_key[:4]), files=files)


async def prepare_submission(
    tx: Tx, case: LockedCase, *, task_id: UUID, by: Reader, submission_id: UUID
) -> Prepared | None:
    """Read the draft of the task's form and judge it; None where the task has no form.

    Args:
        tx: the transaction.
        case: the locked case.
        task_id: an open task of a stage with a form.
        by: who submits; an assessment is read from their own draft.
        submission_id: the new submission's id.
    """
    visit = case.state.visit_of(task_id)
    stage = case.definition.stage(visit.stage) if visit else None
    if not isinstance(stage, SubmitStage | AssessStage):
        return None
    found = (await tx.rows(DRAFT, (case.id, stage.code, owner_of(stage, by))))[0]
    form = case.pack.form(stage.form)
    attachments: list[dict[str, Any]] = json.loads(found["attachments"])
    data = clean(form, json.loads(found["data"] or "{}"))
    files = frozenset(attachment["id"] for attachment in attachments)
    problems = [problem.as_dict() for problem in validate(form, data, context=form_context(case, files))]
    problems += await seat_problems(tx, case, stage) if isinstance(stage, SubmitStage) else []
    named = [attachment for attachment in attachments if attachment["id"] in _named_files(data)]
    content = digest({"data": data, "attachments": [[each["name"], each["sha256"]] for each in named]})
    row = {
        "id": submission_id, "bureau_id": case.bureau_id, "case_id": case.id, "n": case.state.submissions + 1,
        "form": form.form, "data": data, "digest": content, "attachments": named, "person_id": by.person_id,
        "late": False, "at": tx.now, "stage": stage.code,
    }  # fmt: skip
    return Prepared(stage.code, row, content, problems)


def owner_of(stage: SubmitStage | AssessStage, by: Reader) -> UUID | None:
    """Return whose alone the draft of a stage's form is: an assessment is its signer's, a submission the position's."""
    return by.person_id if isinstance(stage, AssessStage) else None


def _named_files(value: Any) -> set[str]:
    """Return every text that stands in the data: an attachment belongs to a submission when its id is among them."""
    if isinstance(value, Mapping):
        return {text for item in value.values() for text in _named_files(item)}
    if isinstance(value, list):
        return {text for item in value for text in _named_files(item)}
    return {value} if isinstance(value, str) else set()


async def seat_problems(tx: Tx, case: LockedCase, stage: SubmitStage) -> list[dict[str, Any]]:
    """Return what is missing before the group may submit: positions with fewer holders than needed (QD-02)."""
    if not stage.requires:
        return []
    needed = {role: case.pack.position(role, at="group") for role in stage.requires}
    held = await tx.rows(SEATS, (case.group_id, case.calendar.local_day(tx.now), tx.now))
    people = {row["role"]: row["people"] for row in held}
    words = N_(
        "The group has {held} holders of the position “{position}”; at least {min} are needed before the plan can be filed."
    )
    return [
        {
            "path": "",
            "field": "",
            "code": "too-few-holders",
            "message": Message(words, {"held": people.get(role, 0), "position": entry.title, "min": entry.seats.min}),
        }
        for role, entry in needed.items()
        if people.get(role, 0) < entry.seats.min
    ]
