"""From the draft to a submission: cleaned, judged by its form, frozen with its attachments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.errors import InvalidInputError
from services.i18n import N_, Message
from services.people.access import Reader
from services.people.holding import holds
from services.process.definitions import SubmitStage
from services.process.forms import FormContext, clean, validate
from services.store.audit import digest
from services.store.transaction import Tx
from services.workflow.locking import LockedCase

DRAFT = """
SELECT d.data::text AS data,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'field', a.field, 'name', a.name, 'sha256', a.sha256,
        'size', a.size, 'media_type', a.media_type) ORDER BY a.at, a.id), '[]')
     FROM attachment a WHERE a.case_id = d.case_id AND a.removed_at IS NULL)::text AS attachments
FROM draft d WHERE d.case_id = $1
"""
SEATS = f"""
SELECT p.role, count(DISTINCT a.person_id) AS people FROM position p
LEFT JOIN appointment a ON a.position_id = p.id AND {holds("$2", "$3")}
WHERE p.group_id = $1 GROUP BY p.role
"""  # noqa: S608 - constant parts


@dataclass(frozen=True)
class Prepared:
    """A submission that may be written: its row and its digest (over data and attachments)."""

    row: Mapping[str, Any]
    digest: str


def form_context(case: LockedCase, files: frozenset[str] | None) -> FormContext:
    """Return what a form of this case is judged against: its project year, and the files that are there."""
    return FormContext.of_year(int(case.season_key[:4]), files=files)


async def prepare_submission(tx: Tx, case: LockedCase, *, by: Reader, submission_id: UUID, late: bool) -> Prepared:
    """Read the case's draft, judge it, and return the submission's row.

    Raises:
        InvalidInputError: the draft is missing or has mistakes (QD-14), or the group is not complete (QD-02).
    """
    visit = case.state.visit
    stage = case.definition.stage(visit.stage) if visit else None
    if not isinstance(stage, SubmitStage):
        raise InvalidInputError(message="There is nothing to submit now.")
    found = await tx.rows(DRAFT, (case.id,))
    form = case.pack.form(stage.form)
    attachments: list[dict[str, Any]] = json.loads(found[0]["attachments"]) if found else []
    data = clean(form, json.loads(found[0]["data"]) if found else {})
    files = frozenset(attachment["id"] for attachment in attachments)
    problems = [problem.as_dict() for problem in validate(form, data, context=form_context(case, files))]
    problems += await seat_problems(tx, case, stage)
    if problems:
        raise InvalidInputError(problems)
    named = [attachment for attachment in attachments if attachment["id"] in _named_files(data)]
    content = digest({"data": data, "attachments": [[each["name"], each["sha256"]] for each in named]})
    row = {
        "id": submission_id, "bureau_id": case.bureau_id, "case_id": case.id, "n": case.state.submissions + 1,
        "form": form.form, "data": data, "digest": content, "attachments": named, "person_id": by.person_id,
        "late": late, "at": tx.now,
    }  # fmt: skip
    return Prepared(row, content)


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
