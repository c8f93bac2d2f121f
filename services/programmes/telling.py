"""A pack in words for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from services.i18n import Localizable, Message, translate
from services.process.definitions import Block, BranchStage, ParallelStage, ProcessDefinition, Stage, arms
from services.process.naming import actor_title, condition_words, stage_name
from services.process.packs import GroupPosition, Pack
from services.process.sentences import stage_sentences
from services.process.told import told_sentences

__all__ = ["actor_title", "pack_lines", "process_lines"]


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
    """Yield a process in words: its season, each stage in order with what is inside of blocks indented, and who is told."""
    yield from ("", f"{process.title.in_(locale)} ({process.process})")
    if process.season is None:
        yield "  " + _say(locale, Message("Has no season: other processes run it"))
    else:
        values = {"opens": process.season.opens, "due": process.season.due}
        yield "  " + _say(locale, Message("Every year: opens {opens}, due {due} (-1/ is the year before)", values))
    yield from _series_lines(pack, process, process.stages, locale=locale)
    yield from (f"  {sentence.in_(locale)}" for sentence in told_sentences(process))


def _series_lines(
    pack: Pack,
    process: ProcessDefinition,
    stages: tuple[Stage, ...],
    *,
    locale: str,
    before: str = "",
    indent: str = "  ",
) -> Iterator[str]:
    """Yield the stages of one list. before: the number of the arm that they are in; 3a.1 is the first stage of way a of 3."""
    for number, stage in enumerate(stages, start=1):
        yield f"{indent}{before}{number}. {stage_name(stage).in_(locale)} ({stage.code})"
        yield from (f"{indent}   {line.in_(locale)}" for line in stage_sentences(pack, process, stage))
        if not isinstance(stage, BranchStage | ParallelStage):
            continue
        for place, inner in enumerate(arms(stage)):
            arm = f"{before}{number}{chr(ord('a') + place)}"
            yield f"{indent}   {arm}. {_arm_words(pack, process, stage, place).in_(locale)}"
            yield from _series_lines(pack, process, inner, locale=locale, before=f"{arm}.", indent=indent + "      ")


def _arm_words(pack: Pack, process: ProcessDefinition, block: Block, number: int) -> Localizable:
    """Return what a way or a path is called, and when a way is taken."""
    if isinstance(block, ParallelStage):
        return block.paths[number].title or Message("Path {n}", {"n": number + 1})
    way = block.ways[number]
    words = (
        Message("otherwise")
        if way.when is None
        else Message("if {condition}", {"condition": condition_words(pack, process, way.when)})
    )
    return Message("{title}: {words}", {"title": way.title, "words": words}) if way.title else words


def _say(locale: str, message: Message) -> str:
    return message.in_(locale)
