"""Differences between two versions of a programme in words: what was added, removed and changed, numbers old → new."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from services.i18n import N_, Localizable, Message
from services.process.definitions import Localized
from services.process.pack_diff import Difference
from services.process.pack_places import LANGUAGES, MODES, Doc, below, read, steps_of, written
from services.process.packs import BASE_SCHOOL, GUIDING_UNIT

SECTIONS = {
    "settings": N_("Settings"),
    "units": N_("Units"),
    "groups": N_("Project groups"),
    "positions": N_("Positions"),
    "calendar": N_("Calendar"),
}
ITEMS = {
    "units": N_("unit"),
    "groups": N_("project group"),
    "subjects": N_("subject"),
    "positions": N_("position"),
    "processes": N_("process"),
    "stages": N_("stage"),
    "branches": N_("branch"),
    "forms": N_("form"),
    "parts": N_("part"),
    "fields": N_("field"),
    "columns": N_("column"),
    "options": N_("option"),
    "years": N_("year"),
    "days": N_("day"),
}
KEYS = {
    "after": N_("from when"),
    "all_of": N_("who acts"),
    "any_of": N_("who acts"),
    "at": N_("time of day"),
    "base_unit": N_("base"),
    "basis": N_("basis"),
    "by": N_("who acts"),
    "checks": N_("checks"),
    "close": N_("close"),
    "close/after": N_("close after the due date"),
    "close/exceptions": N_("who grants late exceptions"),
    "due": N_("due"),
    "due/returned/at_least": N_("time after a return, at least"),
    "due/returned": N_("time after a return"),
    "every": N_("how often"),
    "form": N_("form"),
    "guiding_unit": N_("guiding unit"),
    "help": N_("help"),
    "kind": N_("kind"),
    "locale": N_("language"),
    "max": N_("at most"),
    "max_files": N_("files at most"),
    "max_length": N_("length at most"),
    "max_rows": N_("rows at most"),
    "min": N_("at least"),
    "min_rows": N_("rows at least"),
    "near_days": N_("days before the due date that count as near"),
    "notify": N_("who is told"),
    "number": N_("number"),
    "opens": N_("opens"),
    "overdue": N_("overdue ladder"),
    "parent": N_("parent"),
    "remind": N_("reminders"),
    "remind/at": N_("reminders, time of day"),
    "remind/before": N_("reminders before the due date"),
    "remind_at": N_("time of day of reminders"),
    "required": N_("required"),
    "requires": N_("positions that must be filled"),
    "return_to": N_("may be returned to"),
    "roll_forward": N_("a due date on a day off moves to the next workday"),
    "season/due": N_("season due"),
    "season/opens": N_("season opens"),
    "seats/max": N_("seats at most"),
    "seats/min": N_("seats at least"),
    "timezone": N_("time zone"),
    "title": N_("title"),
    "until": N_("until when"),
    "within": N_("time allowed"),
}
"""What a value is called, by the last steps of its place; what is not listed is called by its key."""
NAMING = frozenset({"code", "kind", "type", "at", "role", "process", "form", "part", "field", "title"})
ACTOR_KEYS = frozenset({"by", "tell", "notify", "exceptions", "requires", "all_of", "any_of", "of"})
CHINESE_MARKS = {"": "、", ": ": "：", "; ": "；"}
SPAN = re.compile(r"(\d+)(wd|d)")
SEASON_DAY = re.compile(r"(-1/)?(\d\d)-(\d\d)")


@dataclass(frozen=True)
class Joined:
    """Several texts as one list, by the comma of the language where no other mark is named."""

    items: tuple[Localizable | str, ...]
    mark: str = ""

    def in_(self, locale: str) -> str:
        """Return them as one text."""
        mark = (CHINESE_MARKS.get(self.mark, self.mark) if locale.startswith("zh") else self.mark) or ", "
        return mark.join(text(item, locale) for item in self.items)


@dataclass(frozen=True)
class Told:
    """A difference and its sentence."""

    difference: Difference
    words: Message

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values, its sentence in both languages."""
        return {**self.difference.as_dict(), "words": {each: self.words.in_(each) for each in sorted(LANGUAGES)}}


@dataclass(frozen=True)
class Section:
    """The differences of one part of a programme."""

    title: Localizable
    lines: tuple[Told, ...]


def text(value: Localizable | str, locale: str) -> str:
    """Return a text in a language, whatever it is."""
    return value.in_(locale) if isinstance(value, Localizable) else str(value)


def tell_differences(before: Doc, after: Doc, found: Iterable[Difference]) -> tuple[Section, ...]:
    """Return the differences between two resolved packs in words, by the parts that they stand in."""
    teller = Teller(after, before)
    parts = groupby(found, key=lambda each: _part(each.place))
    return tuple(
        Section(teller.section(part), tuple(Told(each, teller.sentence(each)) for each in each_part))
        for part, each_part in parts
    )


def difference_lines(sections: Iterable[Section], *, locale: str) -> Iterator[str]:
    """Yield the differences for a terminal."""
    signs = {"added": "+", "removed": "-", "changed": "~", "moved": "~"}
    for section in sections:
        yield text(section.title, locale)
        yield from (f"  {signs[line.difference.kind]} {line.words.in_(locale)}" for line in section.lines)


def _part(place: str) -> str:
    first, *rest = steps_of(place)
    if first in {"processes", "forms"}:
        return written((first, *rest[:1]))
    return first if first in SECTIONS else ""


def _unlike(before: Any, after: Any) -> tuple[Any, Any]:
    """Leave out what two lists of named values have in common: of a ladder only the rungs that differ are told."""
    lists = all(isinstance(each, list) and all(isinstance(item, dict) for item in each) for each in (before, after))
    if not lists:
        return before, after
    return [each for each in before if each not in after], [each for each in after if each not in before]


class Teller:
    """Says places and values of resolved packs: titles are looked for in the first, then in the second."""

    def __init__(self, *docs: Doc) -> None:
        self.docs = docs

    def section(self, part: str) -> Localizable:
        """Return what a part of a pack is called."""
        first, *rest = steps_of(part) or ("",)
        if not rest:
            whole = {"processes": N_("Processes"), "forms": N_("Forms")}
            return Message(SECTIONS.get(first) or whole.get(first) or N_("Programme"))
        titled = {"title": self.title(part, rest[0])}
        return Message("Process “{title}”", titled) if first == "processes" else Message("Form “{title}”", titled)

    def sentence(self, found: Difference) -> Message:
        """Return a difference as a sentence."""
        where, what = self.where(found.place), self.what(found.place)
        if found.kind == "moved":
            values = {"what": what, "order": self._names(found.place, found.after)}
            return Message("the order of {what} is now {order}", values)
        if self._is_item(found.place):
            return self._item_sentence(found)
        before, after = (self.said(value, found.place) for value in _unlike(found.before, found.after))
        values = {"where": where, "what": what, "before": before, "after": after}
        sentence = N_("{where}: {what}: {before} → {after}") if where else N_("{what}: {before} → {after}")
        return Message(sentence, values)

    def whole(self, place: str) -> Localizable | str:
        """Return a place in words from its part on: “Process “Annual plan filing”: stage “Guidance”: time allowed”."""
        names = (self.section(_part(place)), self.where(place), self.what(place))
        return Joined(tuple(name for name in names if name), ": ")

    def _item_sentence(self, found: Difference) -> Message:
        values = {"item": self.where(found.place)}
        if found.kind == "added":
            return Message("new: {item}", values)
        if found.kind == "removed":
            return Message("no longer: {item}", values)
        sorts = [value.get("kind") or value.get("type") for value in (found.before, found.after)]
        return Message(
            "{item} is of another kind: {before} → {after}", {**values, "before": sorts[0], "after": sorts[1]}
        )

    def where(self, place: str) -> Localizable | str:
        """Return the items that lead to a place, without the part that it stands in: “stage “Guidance””."""
        steps = steps_of(place)
        known = len(steps_of(_part(place)))
        found = [
            self._item(steps[: end + 1])
            for end in range(1, len(steps))
            if (end + 1 > known or end + 1 == len(steps)) and self._is_item(written(steps[: end + 1]))
        ]
        return Joined(tuple(found)) if found else ""

    def _item(self, steps: tuple[str, ...]) -> Localizable:
        noun = Message(ITEMS[steps[-2]]) if steps[-2] in ITEMS else steps[-2]
        return Message("{noun} “{title}”", {"noun": noun, "title": self.title(written(steps), steps[-1])})

    def item_of(self, place: str) -> str:
        """Return the innermost item that a place belongs to: its stage, its process; else the part that it stands in."""
        steps = steps_of(place)
        for end in range(len(steps) - 1, 1, -1):
            if steps[0] == "processes" and self._is_item(written(steps[:end])):
                return written(steps[:end])
        return _part(place)

    def what(self, place: str) -> Localizable | str:
        """Return what the value at a place is called."""
        steps = steps_of(place)
        for count in (3, 2, 1):
            known = KEYS.get("/".join(steps[-count:])) if len(steps) >= count else None
            if known:
                return Message(known)
        return Message(ITEMS[steps[-1]]) if steps[-1] in ITEMS else self._plain(steps[-1])

    @staticmethod
    def _plain(step: str) -> str:
        return step.replace("_", " ")

    def title(self, place: str, name: str) -> Localizable | str:
        """Return the title of the item at a place, or its name where it has none."""
        for doc in self.docs:
            found = read(doc, place)
            if isinstance(found, dict) and isinstance(found.get("title"), dict):
                return Localized(**found["title"])
        return name

    def _names(self, place: str, names: list[str]) -> Joined:
        return Joined(tuple(self.title(written((*steps_of(place), name)), name) for name in names))

    def _is_item(self, place: str) -> bool:
        parent = written(steps_of(place)[:-1])
        holders = [read(doc, parent) for doc in self.docs]
        name = steps_of(place)[-1]
        return any(isinstance(each, list) and name in (below(each) or {}) for each in holders)

    # --- values -----------------------------------------------------------------------------------------------------

    def said(self, value: Any, place: str) -> Localizable | str:
        """Return a value in words."""
        key = next((step for step in reversed(steps_of(place)) if step in ACTOR_KEYS), steps_of(place)[-1])
        return self._said(value, key)

    def _said(self, value: Any, key: str) -> Localizable | str:
        match value:
            case _ if value in (None, [], {}):
                return Message("none")
            case bool():
                return Message("yes") if value else Message("no")
            case str():
                return self._text(value, key)
            case list():
                mark = "; " if any(isinstance(each, dict) for each in value) else ""
                return Joined(tuple(self._said(each, key) for each in value), mark)
            case dict():
                return self._values(value)
            case _:
                return str(value)

    def _text(self, value: str, key: str) -> Localizable | str:
        if span := SPAN.fullmatch(value):
            return Message(N_("{n} workdays") if span[2] == "wd" else N_("{n} days"), {"n": span[1]})
        if day := SEASON_DAY.fullmatch(value):
            date = {"month": int(day[2]), "day": int(day[3]), "text": f"{day[2]}-{day[3]}"}
            return Message("{text} of the year before", date) if day[1] else Message("{text} of the year", date)
        return self.actor(value) if key in ACTOR_KEYS else value

    def _values(self, value: dict[str, Any]) -> Localizable | str:
        keys = value.keys()
        if keys in MODES:
            sentence = N_("all of {who}") if "all_of" in keys else N_("the first of {who}")
            return Message(sentence, {"who": self._said(next(iter(value.values())), "by")})
        if keys == LANGUAGES or isinstance(value.get("title"), dict):
            return Localized(**(value if keys == LANGUAGES else value["title"]))
        if {"after", "every", "until", "tell"} <= keys:
            return self._rung(value)
        if "from" in value or not keys & NAMING:
            pairs = ((self.what(key), self._said(each, key)) for key, each in value.items() if each is not None)
            return Joined(tuple(Message("{what} {value}", {"what": what, "value": each}) for what, each in pairs))
        return json.dumps(value, ensure_ascii=False)

    def _rung(self, rung: dict[str, Any]) -> Message:
        until = Message("it is closed") if rung["until"] == "close" else Message("it is done")
        named = {key: self._said(rung[key], key) for key in ("after", "every", "tell")}
        return Message("overdue by {after}, then every {every} until {until}: {tell}", {**named, "until": until})

    def actor(self, actor: str) -> Localizable | str:
        """Return what people call an actor, or its code where no version knows it."""
        unit, _, role = actor.rpartition("/")
        title = self.title(f"positions/{'unit' if unit else 'group'}:{role}", role)
        if not unit:
            return title
        stands_for = {GUIDING_UNIT: Message("Guiding unit"), BASE_SCHOOL: Message("Base school")}
        place = stands_for.get(unit) or self.title(f"units/{unit}", unit)
        return Message("{unit}: {role}", {"unit": place, "role": title})
