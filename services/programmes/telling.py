"""A pack in words for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from services.i18n import N_, Localizable, Message, translate
from services.process.definitions import ApproveStage, FileStage, ProcessDefinition, Rung, Span, Stage, SubmitStage
from services.process.packs import BASE_SCHOOL, GUIDING_UNIT, GroupPosition, Pack


def pack_lines(pack: Pack, *, locale: str) -> Iterator[str]:
    """Yield what a reader wants to know of a pack: units, groups, positions, and each process stage by stage."""
    yield f"{pack.title.in_(locale)} ({pack.programme})"
    yield _say(locale, Message("Basis: {basis}", {"basis": pack.basis}))
    yield f"SHA-256 {pack.digest()}"
    yield from ("", translate(locale, "Units"))
    yield from (f"  {unit.title.in_(locale)} ({unit.code})" for unit in pack.units)
    yield from ("", translate(locale, "Project groups"))
    for group in pack.groups:
        values = {"guiding": pack.unit(group.guiding_unit).title, "base": pack.unit(group.base_unit).title}
        words = Message("guided by {guiding}, hosted by {base}", values)
        yield f"  {group.title.in_(locale)} ({group.code}): {words.in_(locale)}"
    yield from ("", translate(locale, "Positions"))
    for position in pack.positions:
        count = sum(place.role == position.role for place in pack.places())
        where = (
            Message("in every project group")
            if isinstance(position, GroupPosition)
            else Message("at {n} units", {"n": count})
        )
        yield f"  {position.title.in_(locale)} ({position.role}): {where.in_(locale)}"
    for process in pack.processes:
        yield from process_lines(pack, process, locale=locale)


def process_lines(pack: Pack, process: ProcessDefinition, *, locale: str) -> Iterator[str]:
    """Yield a process in words: its season, then each stage in order."""
    yield from ("", f"{process.title.in_(locale)} ({process.process})")
    values = {"opens": process.season.opens, "due": process.season.due}
    yield "  " + _say(locale, Message("Every year: opens {opens}, due {due} (-1/ is the year before)", values))
    for number, stage in enumerate(process.stages, start=1):
        title = stage.title.in_(locale) if stage.title else stage.code
        yield f"  {number}. {title} ({stage.code})"
        for sentence in _stage_sentences(pack, stage):
            yield f"     {sentence.in_(locale)}"


def _stage_sentences(pack: Pack, stage: Stage) -> Iterator[Message]:
    match stage:
        case SubmitStage():
            yield from _submit_sentences(pack, stage)
        case ApproveStage():
            yield from _approve_sentences(pack, stage)
        case FileStage():
            yield Message("Filed under a number like {number}", {"number": stage.number})
    if stage.notify:
        yield Message("Told: {who}", {"who": _Names(pack, stage.notify)})


def _submit_sentences(pack: Pack, stage: SubmitStage) -> Iterator[Message]:
    yield Message("{who} submits “{form}”", {"who": actor_title(pack, stage.by), "form": pack.form(stage.form).title})
    if stage.close is not None:
        yield Message("Closes {after} after the due date", {"after": _length(stage.close.after)})
        if stage.close.exceptions is not None:
            yield Message("{who} may grant a late exception", {"who": actor_title(pack, stage.close.exceptions)})
    yield from _reminder_sentences(pack, stage)


def _approve_sentences(pack: Pack, stage: ApproveStage) -> Iterator[Message]:
    sentence = {
        "one": N_("{who} approves or returns within {within}"),
        "all_of": N_("all of {who} approve within {within}; one return sends it back"),
        "any_of": N_("the first of {who} to act decides, within {within}"),
    }[stage.mode]
    yield Message(sentence, {"who": _Names(pack, stage.actors), "within": _length(stage.within)})
    yield Message("Can be returned to: {stages}", {"stages": ", ".join(stage.return_to)})
    yield from _reminder_sentences(pack, stage)


def _reminder_sentences(pack: Pack, stage: SubmitStage | ApproveStage) -> Iterator[Message]:
    if stage.remind is not None:
        values = {"before": ", ".join(map(str, stage.remind.before)), "at": f"{stage.remind.at:%H:%M}"}
        yield Message("Reminded before the due date: {before}, at {at}", values)
    yield from (_rung_sentence(pack, rung) for rung in stage.overdue)


def _rung_sentence(pack: Pack, rung: Rung) -> Message:
    values = {"after": _length(rung.after), "every": _length(rung.every), "who": _Names(pack, rung.tell)}
    return Message("Overdue by {after}, then every {every}: {who} is told", values)


def _length(span: Span) -> Message:
    if span.unit == "wd":
        return Message("{n} workdays", {"n": span.n})
    return Message("{n} days", {"n": span.n})


def actor_title(pack: Pack, actor: str) -> Localizable:
    """Return what people call an actor: `basic-education-office/clerk` is “Basic education office: clerk”."""
    unit, _, role = actor.rpartition("/")
    if not unit:
        return pack.position(role, at="group").title
    stands_for = {GUIDING_UNIT: Message("Guiding unit"), BASE_SCHOOL: Message("Base school")}
    place = stands_for[unit] if unit in stands_for else pack.unit(unit).title
    return Message("{unit}: {role}", {"unit": place, "role": pack.position(role, at="unit").title})


class _Names:
    """Several actors by their titles."""

    def __init__(self, pack: Pack, actors: tuple[str, ...]) -> None:
        self.titles = [actor_title(pack, actor) for actor in actors]

    def in_(self, locale: str) -> str:
        return ("、" if locale.startswith("zh") else ", ").join(title.in_(locale) for title in self.titles)


def _say(locale: str, message: Message) -> str:
    return message.in_(locale)
