"""The one function that changes a case: `advance(definition, state, event)` gives a Transition or a typed error.

Pure: it knows no rows, no calendar, no clock. Times and ids come in with the event and the context. What a transition
opens is said as a stage and its actors; due dates, alarms and recipients are added by the use case from the same
definition. Each act is a function of `services/process/engine`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from services.errors import IllegalTransitionError
from services.process import events
from services.process.definitions import ProcessDefinition
from services.process.engine import arriving, deciding, entering, handing, moving, signers, timing
from services.process.engine.change import Change
from services.process.events import Context, Event
from services.process.outcomes import Transition
from services.process.states import CaseState

ACTS: Mapping[type, tuple[str, Callable[[Change, Any], None]]] = {
    events.Submit: ("submit", deciding.submit),
    events.Approve: ("approve", deciding.judge),
    events.Oppose: ("oppose", deciding.judge),
    events.Sign: ("sign", deciding.judge),
    events.Assess: ("assess", deciding.judge),
    events.Decline: ("decline", deciding.decline),
    events.Return: ("return", deciding.return_),
    events.Reject: ("reject", deciding.reject),
    events.Claim: ("claim", handing.claim),
    events.PutBack: ("put-back", handing.put_back),
    events.Transfer: ("transfer", handing.transfer),
    events.Delegate: ("delegate", handing.delegate),
    events.Answer: ("answer", handing.answer),
    events.Recall: ("recall", handing.recall),
    events.HandOver: ("hand-over", handing.hand_over),
    events.AddSigner: ("add-signer", signers.add_signer),
    events.RemoveSigner: ("remove-signer", signers.remove_signer),
    events.AskExtension: ("ask-extension", timing.ask_extension),
    events.GrantExtension: ("grant-extension", timing.grant_extension),
    events.RefuseExtension: ("refuse-extension", timing.refuse_extension),
    events.GrantException: ("grant-exception", timing.grant_exception),
    events.Suspend: ("suspend", timing.suspend),
    events.Resume: ("resume", timing.resume),
    events.Withdraw: ("withdraw", moving.withdraw),
    events.TakeBack: ("take-back", moving.take_back),
    events.End: ("end", moving.end),
    events.Jump: ("jump", moving.jump),
    events.Reopen: ("reopen", moving.reopen),
    events.Pass: ("pass", arriving.pass_),
    events.Fail: ("fail", arriving.fail),
    events.Fill: ("fill", arriving.fill),
    events.Object: ("object", arriving.object_),
    events.Settle: ("settle", arriving.settle),
}
"""The name and the rule of each act."""


def advance(definition: ProcessDefinition, state: CaseState, event: Event, context: Context) -> Transition:
    """Apply `event` to `state`.

    Args:
        definition: the process as the case's pinned pack says it.
        state: the case's state, read under the row lock.
        event: what somebody wants to do.
        context: who, when, and where ids come from.

    Returns:
        The transition, with the new state whole.

    Raises:
        IllegalTransitionError: the act does not fit the state; names both.
        AlreadyDecidedError: the task was closed by an earlier act.
        ForbiddenError: the task is not with the person, nor with somebody for whom they stand in.
        OwnSubmissionError: the person submitted what they would decide on.
        ClosedError: a submission after the hard close without exception.
        InvalidInputError: a reason is missing, or what is given cannot be.
    """
    if isinstance(event, events.Start):
        change = Change(definition, state, context, "start")
        if state.visits or state.status != "open":
            raise IllegalTransitionError(state=state.name, act="start")
        entering.start(change)
        return change.done()
    name, act = ACTS[type(event)]
    change = Change(definition, state, context, name)
    act(change, event)
    return change.done()
