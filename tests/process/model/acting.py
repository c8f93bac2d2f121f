"""The model's acts of persons on tasks: who may, and what a case is afterwards."""

from __future__ import annotations

from uuid import UUID

from services.process import events
from services.process.events import ByTask, Context
from tests.process.model.chart import JUDGED, mode_of, needed_of
from tests.process.model.model import Case, No, Rule, Seat, Visit, copied, require
from tests.process.model.people import POSITIONS


def running(case: Case) -> None:
    require(case.status == "open" and case.suspended is None, "the case stands still")


def on_task(case: Case, event: ByTask) -> tuple[Visit, Seat]:
    running(case)
    for visit in case.open:
        for seat in visit.seats:
            if seat.id == event.task:
                return visit, seat
    raise No("no such open task")


def behalf(seat: Seat, context: Context) -> UUID | None:
    """For whom the person acts as owner of the task: None for themself."""
    if seat.person is not None:
        if seat.person == context.person:
            return None
        mine = [each.person for each in context.stand_ins if each.person == seat.person]
    else:
        if seat.position in context.held:
            return None
        mine = [each.person for each in context.stand_ins if seat.position in each.held]
    require(mine, "the task is somebody else's")
    return mine[0]


def acts(seat: Seat, context: Context) -> UUID | None:
    """As `behalf`; nobody but the helper acts on what is delegated."""
    require(seat.helper is None, "delegated")
    return behalf(seat, context)


def impartial(case: Case, visit: Visit, context: Context, away: UUID | None) -> None:
    """Nobody decides on their own submission, nor on one that they could have made; nobody signs twice in a visit."""
    persons = {each for each in (context.person, away, context.entered_by) if each is not None}
    require(not persons & authors(case, visit), "their own")
    held = set(context.held) | {p for each in context.stand_ins if each.person == away for p in each.held}
    require(not held & own_positions(case), "could have been their own")
    require(not {context.person, away} & visit.people, "has signed")


def authors(case: Case, visit: Visit) -> set[UUID]:
    return case.submitters | (set() if case.chart.kind(visit.stage) == "assess" else case.assessors)


def own_positions(case: Case) -> set[UUID]:
    """The positions that submit where the case has been."""
    stages = [case.chart.stage[code] for code in case.visits if case.chart.kind(code) == "submit"]
    return {POSITIONS[stage["by"]] for stage in stages}


def may_get(case: Case, visit: Visit, person: UUID, context: Context) -> None:
    """A task is given only to who can act on it."""
    if case.chart.kind(visit.stage) in JUDGED:
        require(person not in authors(case, visit), "their own")
        holders = {who for position in own_positions(case) for who in context.holders.get(position, ())}
        require(person not in holders, "could have been their own")
    require(person not in visit.people, "has signed")
    require(all(seat.person != person for seat in visit.all), "signs already")


# --- deciding ---------------------------------------------------------------------------------------------------------


def submit(case: Case, event: events.Submit, context: Context) -> None:
    visit, seat = on_task(case, event)
    away = acts(seat, context)
    require(case.chart.kind(visit.stage) == "submit", "nothing is submitted here")
    require(visit.close is None or context.now < visit.close, "closed")
    left = copied(visit)
    if visit.exception is not None and context.now >= visit.exception[1]:
        left.exception = None
    case.submitters |= {each for each in (context.person, away) if each is not None}
    case.open.remove(visit)
    case.decided(left, seat, context, submits=True)


def judging(
    case: Case, event: ByTask, context: Context, kinds: tuple[str, ...] = JUDGED
) -> tuple[Visit, Seat, UUID | None]:
    visit, seat = on_task(case, event)
    away = acts(seat, context)
    require(case.chart.kind(visit.stage) in kinds, "another kind of stage")
    impartial(case, visit, context, away)
    require(
        not [each for each in visit.seats if each.how == "before" and each.to is seat], "one before is to sign first"
    )
    return visit, seat, away


VERDICTS = {
    events.Approve: ("approve", "approve"), events.Oppose: ("oppose", "approve"), events.Sign: ("sign", "sign"),
    events.Assess: ("assess", "assess"),
}  # fmt: skip


def judge(case: Case, event: events.Approve | events.Oppose | events.Sign | events.Assess, context: Context) -> None:
    verdict, kind = VERDICTS[type(event)]
    visit, seat, away = judging(case, event, context, (kind,))
    if verdict == "oppose":
        require(event.words.strip() and needed_of(case.stage(visit)) is not None, "no vote, or no reason")
    if verdict == "assess":
        case.assessors |= {each for each in (context.person, away) if each is not None}
    before = copied(visit)
    visit.seats.remove(seat)
    visit.signed.append(seat)
    seat.verdict, seat.signer, seat.behalf = verdict, context.person, away
    call(case, visit, visit.after(seat))
    case.settle(visit, before, seat, context)


def call(case: Case, visit: Visit, seats: list[Seat]) -> None:
    """It is their turn; in a sequence the next named one's, once nobody is left before them."""
    if not seats and not visit.seats and mode_of(case.stage(visit)) == "in_sequence":
        seats = [seat for seat in visit.waiting if not seat.how][:1]
    visit.waiting = [seat for seat in visit.waiting if seat not in seats]
    visit.seats += seats


def return_(case: Case, event: events.Return, context: Context) -> None:
    visit, seat, away = judging(case, event, context)
    stage = case.stage(visit)
    require(event.to in stage.get("return_to", ()) and event.words.strip(), "not there, or no reason")
    require(event.to in case.visits, "has not been there")
    assert context.person is not None
    straight = stage.get("after_correction") == "straight-back"
    case.back(event.to, context, mine=(seat, away or context.person) if straight else None)


def decline(case: Case, event: events.Decline, context: Context) -> None:
    visit, _, _ = judging(case, event, context, ("sign",))
    require(event.words.strip(), "no reason")
    case.badly(case.stage(visit).get("declined", "reject"), context)


def reject(case: Case, event: events.Reject, context: Context) -> None:
    visit, _, _ = judging(case, event, context)
    require(case.stage(visit).get("may_reject") and event.words.strip(), "may not, or no reason")
    case.finish("rejected")


# --- handing on -------------------------------------------------------------------------------------------------------


def claim(case: Case, event: events.Claim, context: Context) -> None:
    visit, seat = on_task(case, event)
    require(seat.person is None, "has an owner")
    away = acts(seat, context)
    if case.chart.kind(visit.stage) in JUDGED:
        impartial(case, visit, context, away)
    seat.person = away or context.person


def put_back(case: Case, event: events.PutBack, context: Context) -> None:
    _, seat = on_task(case, event)
    require(seat.person is not None and not seat.member and seat.position is not None, "has no queue")
    if not context.administrator:
        behalf(seat, context)
    seat.person = seat.helper = None


def to_another(case: Case, visit: Visit, seat: Seat, to: UUID, context: Context) -> None:
    hand_to(case, visit, seat, to, context)
    require(to not in (seat.with_, context.person), "the same person")
    may_get(case, visit, to, context)


def hand_to(case: Case, visit: Visit, seat: Seat, to: UUID, context: Context) -> None:
    whom = case.stage(visit).get("hand_to", "bureau")
    require(whom != "nobody", "to nobody")
    if whom == "position":
        require(seat.position is not None and to in context.holders.get(seat.position, ()), "not of the position")


def transfer(case: Case, event: events.Transfer, context: Context) -> None:
    visit, seat = on_task(case, event)
    if not context.administrator:
        acts(seat, context)
    to_another(case, visit, seat, event.to, context)
    seat.person, seat.helper = event.to, None


def delegate(case: Case, event: events.Delegate, context: Context) -> None:
    visit, seat = on_task(case, event)
    away = acts(seat, context)
    to_another(case, visit, seat, event.to, context)
    seat.person, seat.helper = seat.person or away or context.person, event.to


def answer(case: Case, event: events.Answer, context: Context) -> None:
    _, seat = on_task(case, event)
    require(seat.helper is not None and seat.helper == context.person and event.words.strip(), "not the helper")
    seat.helper = None


def recall(case: Case, event: events.Recall, context: Context) -> None:
    _, seat = on_task(case, event)
    require(seat.helper is not None, "not delegated")
    behalf(seat, context)
    seat.helper = None


def add_signer(case: Case, event: events.AddSigner, context: Context) -> None:
    visit, seat = on_task(case, event)
    away = acts(seat, context)
    require(event.person not in (context.person, away), "oneself")
    require(case.chart.kind(visit.stage) in JUDGED, "nobody signs here")
    hand_to(case, visit, seat, event.person, context)
    may_get(case, visit, event.person, context)
    added = Seat(seat.actor, None, event.person, member=True, how=event.how, by=context.person, to=seat)
    (visit.waiting if event.how == "after" else visit.seats).append(added)


def remove_signer(case: Case, event: events.RemoveSigner, context: Context) -> None:
    """Whoever added them, or the administrator; those whom they had added after themselves go too, and somebody must stay."""
    running(case)
    found = [(visit, seat) for visit in case.open for seat in visit.all if seat.id == event.task]
    require(found and event.words.strip(), "no such signer, or no reason")
    visit, seat = found[0]
    require(case.chart.kind(visit.stage) in JUDGED, "nobody signs here")
    require(context.administrator or (seat.how and seat.by == context.person), "may not")
    gone = [seat]
    for each in gone:
        gone += visit.after(each)
    rest = [each for each in visit.all if each not in gone]
    require(rest and (seat.how or enough(case, visit, rest)), "the last signer")
    visit.seats = [each for each in visit.seats if each not in gone]
    visit.waiting = [each for each in visit.waiting if each not in gone]
    if mode_of(case.stage(visit)) == "in_sequence" and not visit.seats:
        call(case, visit, [])


def enough(case: Case, visit: Visit, rest: list[Seat]) -> bool:
    """Whether the named signers who would be left can still decide."""
    left = [seat for seat in rest if not seat.how]
    needed = needed_of(case.stage(visit))
    if needed is None:
        return bool(left)
    given = [seat for seat in visit.signed if not seat.how and seat.verdict != "oppose"]
    return sum(seat.weight for seat in [*given, *left]) >= needed


def hand_over(case: Case, event: events.HandOver, context: Context) -> None:
    running(case)
    require(context.administrator, "not the administrator")
    theirs = [(visit, s) for visit in case.open for s in visit.all if event.leaving in (s.person, s.helper)]
    require(theirs, "nothing is theirs")
    for visit, _ in theirs:
        may_get(case, visit, event.to, context)
    for _, seat in theirs:
        seat.person = event.to if seat.person == event.leaving else seat.person
        seat.helper = event.to if seat.helper == event.leaving else seat.helper


RULES: dict[type, Rule] = {
    events.Submit: submit, events.Approve: judge, events.Oppose: judge, events.Sign: judge, events.Assess: judge,
    events.Return: return_, events.Decline: decline, events.Reject: reject, events.Claim: claim,
    events.PutBack: put_back, events.Transfer: transfer, events.Delegate: delegate, events.Answer: answer,
    events.Recall: recall, events.AddSigner: add_signer, events.RemoveSigner: remove_signer,
    events.HandOver: hand_over,
}  # fmt: skip
