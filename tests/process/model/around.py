"""The model's acts on the case as a whole, on its times, and what the clock and other cases bring."""

from __future__ import annotations

from uuid import UUID

from services.process import events
from services.process.events import Context, Event
from tests.process.model import acting
from tests.process.model.acting import acts, on_task, running
from tests.process.model.chart import ACTED, JUDGED, TIMED, mode_of, needed_of
from tests.process.model.model import Case, Rule, Seat, Step, Visit, member, require
from tests.process.model.people import POSITIONS


def start(case: Case, _event: events.Start, context: Context) -> None:
    require(not case.visits and case.status == "open", "has started")
    case.run(case.chart.raw["stages"], context)


# --- taking back ------------------------------------------------------------------------------------------------------


def withdraw(case: Case, _event: events.Withdraw, context: Context) -> None:
    running(case)
    held = set(context.held) | {position for each in context.stand_ins for position in each.held}
    mine = [step for step in case.steps if step.submits and POSITIONS[case.chart.stage[step.left.stage]["by"]] in held]
    require(mine and context.person, "nothing of theirs to withdraw")
    undo(case, mine[-1], context)


def take_back(case: Case, event: events.TakeBack, context: Context) -> None:
    running(case)
    for step in case.steps:
        if step.task == event.task:
            require(step.person == context.person, "another's decision")
            undo(case, step, context)
            return
    found = [(visit, seat) for visit in case.open for seat in visit.signed if seat.id == event.task]
    require(found, "nobody decided that")
    opinion_back(case, *found[0], context)


def undo(case: Case, step: Step, context: Context) -> None:
    closes = step.left.close if step.submits else None
    require(closes is None or context.now < closes, "closed")
    case.open = [visit for visit in case.open if visit not in step.opened]
    if step.detour is not None:
        case.detours.append(step.detour)
    case.steps.remove(step)
    case.again(step.left, kept=True)


def opinion_back(case: Case, visit: Visit, seat: Seat, context: Context) -> None:
    in_turn = mode_of(case.stage(visit)) == "in_sequence"
    require(seat.signer == context.person, "another's decision")
    require(not (in_turn and visit.signed[-1] is not seat), "the next has signed")
    require(not [each for each in visit.signed if each.how == "after" and each.to is seat], "who came after has signed")
    require(case.tally(visit) != "passed", "decided; only added signers are waited for")
    called = [
        each for each in visit.seats if (each.how == "after" and each.to is seat) or (in_turn and next_of(seat, each))
    ]
    visit.seats = [each for each in visit.seats if each not in called]
    visit.waiting = [*called, *visit.waiting]
    for each in called:
        each.id = each.helper = None
    visit.signed.remove(seat)
    visit.seats.append(seat)
    seat.id, seat.person, seat.verdict = None, seat.behalf or context.person, ""


def next_of(seat: Seat, other: Seat) -> bool:
    """Whether in a sequence the other was called up because this one had signed: a named one whom it was not added to."""
    at: Seat | None = seat
    while at is not None and at is not other:
        at = at.to
    return not other.how and at is None


# --- the administrator ----------------------------------------------------------------------------------------------


def administer(so: object, event: events.Suspend | events.Jump | events.Reopen, context: Context) -> None:
    require(context.administrator and so and event.words.strip(), "not the administrator, not now, or no reason")


def end(case: Case, event: events.End, context: Context) -> None:
    require(case.status == "open" and context.person and event.words.strip(), "not open, nobody, or no reason")
    case.finish("ended")
    case.suspended = None


def suspend(case: Case, event: events.Suspend, context: Context) -> None:
    administer(case.status == "open" and case.suspended is None, event, context)
    case.suspended = context.now


def resume(case: Case, _event: events.Resume, context: Context) -> None:
    require(context.administrator and case.suspended is not None, "not suspended")
    case.suspended = None


def landing(case: Case, to: str) -> bool:
    return to in case.chart.stage and case.chart.kind(to) in (*ACTED, *TIMED)


def jump(case: Case, event: events.Jump, context: Context) -> None:
    running(case)
    administer(landing(case, event.to), event, context)
    case.open, case.detours, case.steps = [], [], []
    case.enter(event.to, context)


def reopen(case: Case, event: events.Reopen, context: Context) -> None:
    administer(case.status != "open" and landing(case, event.to), event, context)
    case.status, case.suspended = "open", None
    case.enter(event.to, context)


# --- more time --------------------------------------------------------------------------------------------------------


def ask_extension(case: Case, event: events.AskExtension, context: Context) -> None:
    visit, seat = on_task(case, event)
    acts(seat, context)
    rule = case.stage(visit).get("extension")
    require(rule and event.words.strip() and visit.asked is None, "none here, no reason, or asked already")
    require(visit.extensions < rule.get("times", 1) and visit.due is not None, "often enough")
    require(context.now < visit.due < event.until, "too late, or not later")
    assert context.person is not None
    visit.asked = (context.person, event.until)


def asked(case: Case, event: events.GrantExtension | events.RefuseExtension, context: Context) -> Visit:
    visit = visited(case, event.visit)
    require(visit.asked, "nobody asked")
    position = POSITIONS[case.stage(visit)["extension"]["by"]]
    away = [each.person for each in context.stand_ins if position in each.held]
    require(position in context.held or away, "may not grant")
    deciders = {context.person} if position in context.held else {context.person, away[0]}
    require(visit.asked[0] not in deciders, "their own")
    return visit


def grant_extension(case: Case, event: events.GrantExtension, context: Context) -> None:
    visit = asked(case, event, context)
    visit.due, visit.asked, visit.extensions = visit.asked[1], None, visit.extensions + 1


def refuse_extension(case: Case, event: events.RefuseExtension, context: Context) -> None:
    visit = asked(case, event, context)
    require(event.words.strip(), "no reason")
    visit.asked = None


def grant_exception(case: Case, event: events.GrantException, context: Context) -> None:
    running(case)
    closing = [visit for visit in case.open if "exceptions" in case.stage(visit).get("close", {})]
    granted = [v for v in closing if POSITIONS[case.stage(v)["close"]["exceptions"]] in context.held]
    require(granted, "nothing closes here, or may not")
    visit = granted[-1]
    require(POSITIONS[case.stage(visit)["by"]] not in context.held, "their own")
    away = {each.person for each in context.stand_ins}
    lent = {position for each in context.stand_ins for position in each.held}
    for seat in visit.seats:
        mine = seat.person in {context.person} | away if seat.person else seat.position in context.held | lent
        require(not mine, "their own to submit")
    require(event.words.strip() and event.until > context.now, "no reason, or over")
    require(visit.close is None or event.until > visit.close, "no longer than before")
    closed = visit.exception[1] if visit.exception else visit.close
    visit.exception, visit.close = (event.until, closed or event.until), event.until


# --- the clock and other cases ----------------------------------------------------------------------------------------


def visited(case: Case, visit_id: UUID) -> Visit:
    running(case)
    found = [visit for visit in case.open if visit.id == visit_id]
    require(found, "no such open visit")
    return found[0]


def pass_(case: Case, event: events.Pass, context: Context) -> None:
    visit = visited(case, event.visit)
    require(case.chart.kind(visit.stage) in TIMED, "people act here")
    require(visit.due is None or context.now >= visit.due, "early")
    require(not visit.objections, "an objection is open")
    case.open.remove(visit)
    case.go_on(visit.stage, context)


def fail(case: Case, event: events.Fail, context: Context) -> None:
    visit = visited(case, event.visit)
    require(case.chart.kind(visit.stage) == "process", "waits for no other process")
    case.badly(case.stage(visit)["failed"], context)


def fill(case: Case, event: events.Fill, context: Context) -> None:
    """Only what could not be given when the stage opened: fewer seats than it needs."""
    visit = visited(case, event.visit)
    stage = case.stage(visit)
    require(case.chart.kind(visit.stage) in JUDGED and mode_of(stage) == "each", "no members here")
    named = [seat for seat in [*visit.all, *visit.signed] if not seat.how]
    require(len(named) < (needed_of(stage) or 1), "has its members")
    there = visit.people | {seat.person for seat in visit.all}
    actor = stage["by"]["each"]
    new = [person for person in context.holders.get(POSITIONS[actor], ()) if person not in there]
    require(new, "nobody new")
    visit.seats += [member(actor, person) for person in new]


def posted(case: Case, event: events.Object | events.Settle) -> Visit:
    visit = visited(case, event.visit)
    require(case.chart.kind(visit.stage) == "publish" and event.words.strip(), "nothing is posted, or no words")
    return visit


def object_(case: Case, event: events.Object, context: Context) -> None:
    visit = posted(case, event)
    require(visit.due is None or context.now < visit.due, "over")
    visit.objections.append(event.objection)


def settle(case: Case, event: events.Settle, context: Context) -> None:
    visit = posted(case, event)
    stage = case.stage(visit)
    require(POSITIONS[stage["objections_to"]] in context.held and event.objection in visit.objections, "may not")
    visit.objections.remove(event.objection)
    if event.upheld:
        case.badly(stage["upheld"], context)


RULES: dict[type, Rule] = {
    events.Start: start, events.Withdraw: withdraw, events.TakeBack: take_back, events.End: end,
    events.Suspend: suspend, events.Resume: resume, events.Jump: jump, events.Reopen: reopen,
    events.AskExtension: ask_extension, events.GrantExtension: grant_extension,
    events.RefuseExtension: refuse_extension, events.GrantException: grant_exception, events.Pass: pass_,
    events.Fail: fail, events.Fill: fill, events.Object: object_, events.Settle: settle, **acting.RULES,
}  # fmt: skip


def apply(case: Case, event: Event, context: Context) -> None:
    """Do it, or raise No and leave the case as it is."""
    RULES[type(event)](case, event, context)
    if case.status in ("filed", "completed"):
        case.open = []
    case.version += 1
    case.forget()
