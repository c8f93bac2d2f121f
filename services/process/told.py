"""Who is told of what happens to a case, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from services.i18n import N_, Message
from services.process.definitions import ProcessDefinition, Tells
from services.process.naming import Listed, Words

WHO: Mapping[str, str] = {
    "assignees": N_("whoever the task is with"),
    "submitters": N_("whoever submits"),
    "signers": N_("whoever gave an opinion"),
    "others": N_("whoever loses a task by it"),
    "concerned": N_("whom it concerns"),
    "granters": N_("whoever decides on it"),
}
WHAT: Mapping[str, str] = {
    "task_opened": N_("A task opens"),
    "returned": N_("The case comes back to be corrected"),
    "submitted": N_("Something is submitted"),
    "closed_by_other": N_("Somebody else's act closes a task"),
    "returned_after_approval": N_("It is sent back after one's opinion"),
    "withdrawn": N_("A submission is withdrawn"),
    "taken_back": N_("An opinion is taken back"),
    "rejected": N_("The case is rejected"),
    "failed": N_("A vote or a quorum fails"),
    "filed": N_("The case is filed"),
    "completed": N_("The case is completed"),
    "exception_granted": N_("A late exception is granted"),
    "ended": N_("The case is ended"),
    "put_back": N_("A task is put back"),
    "transferred": N_("A task is transferred"),
    "delegated": N_("A task is delegated"),
    "answered": N_("A delegated task is answered"),
    "recalled": N_("A delegated task is called back"),
    "signer_added": N_("A signer is added"),
    "signer_removed": N_("A signer is removed"),
    "extension_asked": N_("More time is asked for"),
    "extension_granted": N_("More time is granted"),
    "extension_refused": N_("More time is refused"),
    "suspended": N_("The case is suspended"),
    "resumed": N_("The case is resumed"),
    "reopened": N_("The case is opened again"),
    "jumped": N_("The case is set into another stage"),
    "objected": N_("Somebody objects"),
    "objection_settled": N_("An objection is settled"),
}
"""What happens, by the name that `Tells` has for it."""


def told_sentences(process: ProcessDefinition) -> Iterator[Message]:
    """Yield for each audience what it is told of; what nobody is told of is left out."""
    audiences: dict[tuple[str, ...], list[str]] = {}
    for name in Tells.model_fields:
        who: tuple[str, ...] = getattr(process.tells, name)
        if who:
            audiences.setdefault(who, []).append(name)
    for who, names in audiences.items():
        yield Message(
            "Told to {who}: {what}",
            {"who": Listed(Words(WHO[each]) for each in who), "what": Listed(Words(WHAT[name]) for name in names)},
        )
