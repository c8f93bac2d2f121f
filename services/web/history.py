"""What each act is called in a case's history."""

from __future__ import annotations

from services.i18n import N_

ACTS = {
    "submit": N_("submitted"),
    "approve": N_("approved"),
    "oppose": N_("voted against"),
    "sign": N_("signed"),
    "decline": N_("declined"),
    "assess": N_("assessed"),
    "return": N_("returned"),
    "reject": N_("rejected"),
    "withdraw": N_("withdrawn"),
    "take-back": N_("taken back"),
    "claim": N_("claimed"),
    "put-back": N_("put back"),
    "transfer": N_("transferred"),
    "delegate": N_("delegated"),
    "answer": N_("answered"),
    "recall": N_("recalled"),
    "hand-over": N_("handed over"),
    "add-signer": N_("signer added"),
    "remove-signer": N_("signer taken out"),
    "ask-extension": N_("asked for more time"),
    "grant-extension": N_("more time granted"),
    "refuse-extension": N_("more time refused"),
    "grant-exception": N_("exception granted"),
    "suspend": N_("suspended"),
    "resume": N_("resumed"),
    "end": N_("ended"),
    "jump": N_("set into a stage"),
    "reopen": N_("opened again"),
    "object": N_("objection registered"),
    "settle": N_("objection settled"),
    "question": N_("asked"),
    "urge": N_("urged"),
    "priority": N_("priority"),
}
"""By the kind of a decision; and what stands in the history beside decisions."""
