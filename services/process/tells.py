"""Who is told of what happens to a case: part of the definition, with a default that suits most processes."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from services.i18n import Message
from services.process.terms import Definition

WHO = ("assignees", "submitters", "signers", "others", "concerned", "granters")
"""assignees: whoever the task is with, or who gets one. submitters: the positions that submit. signers: persons who gave an
opinion in the visit. others: whose tasks the act closed. concerned: the person or position that the act is about (who
asked, who was given or lost a task). granters: who decides on what was asked."""


def _known(who: tuple[str, ...]) -> tuple[str, ...]:
    for each in who:
        if each not in WHO:
            raise ValueError(
                Message("nobody is called “{who}” here; write some of {known}", {"who": each, "known": ", ".join(WHO)})
            )
    return who


Whom = Annotated[tuple[str, ...], AfterValidator(_known)]


class Tells(Definition):
    """For each thing that happens, who is told."""

    task_opened: Whom = ("assignees",)
    returned: Whom = ("assignees",)
    submitted: Whom = ("submitters",)
    closed_by_other: Whom = ("others",)
    returned_after_approval: Whom = ("signers",)
    withdrawn: Whom = ("others",)
    taken_back: Whom = ("others", "submitters")
    rejected: Whom = ("submitters", "signers")
    failed: Whom = ("submitters", "signers")
    filed: Whom = ()
    completed: Whom = ("submitters",)
    exception_granted: Whom = ("assignees",)
    ended: Whom = ("others", "submitters")
    put_back: Whom = ("assignees",)
    transferred: Whom = ("concerned",)
    delegated: Whom = ("concerned",)
    answered: Whom = ("concerned",)
    recalled: Whom = ("concerned",)
    signer_added: Whom = ("concerned",)
    signer_removed: Whom = ("concerned",)
    extension_asked: Whom = ("granters",)
    extension_granted: Whom = ("assignees",)
    extension_refused: Whom = ("concerned",)
    suspended: Whom = ("assignees", "submitters")
    resumed: Whom = ("assignees", "submitters")
    reopened: Whom = ("submitters",)
    jumped: Whom = ("others", "submitters")
    objected: Whom = ("granters",)
    objection_settled: Whom = ("submitters",)
