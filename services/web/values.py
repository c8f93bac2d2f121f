"""A programme's values that a bureau may set, as pages need them: by stage, as they are typed, with what would be wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.i18n import N_, Localizable
from services.process.pack_overlay import Change
from services.process.pack_places import MISSING, Doc, read
from services.process.pack_values import Setting, Sort, parsed, settable, typed
from services.programmes.differing import Joined, Teller
from services.programmes.overlays import OverlayView
from services.web.arrival import Form

PREFIX = "v:"
MOST_TYPED = 4_000
HELP: Mapping[Sort, str] = {
    "span": N_("5wd are five workdays, 30d thirty calendar days."),
    "spans": N_("Lengths with commas between them, for example 7d, 3d, 0d."),
    "number": N_("A whole number."),
    "seats": N_("A whole number; empty: without limit."),
    "time": N_("For example 09:00."),
    "yes-no": "",
    "season-day": N_("Month-day, for example 01-31; -1/11-15 is 15 November of the year before."),
    "actor": N_("role of the group, or unit/role."),
    "actors": N_("role of the group, or unit/role; commas between several."),
    "who": N_("One: unit/role. All must approve: all_of: a, b. The first decides: any_of: a, b."),
    "ladder": N_(
        "One rung a line: from when, how often, until close or done, who is told. For example: 1wd 2wd done unit/role, role"
    ),
    "pattern": N_("Places are {season}, {serial:03d} and {group}."),
}


@dataclass(frozen=True)
class ValueField:
    """One value. pack: what the pack says. ours: whether the bureau has set it. problem: what is wrong with what was typed."""

    place: str
    sort: Sort
    title: Localizable | str
    help: str
    pack: Localizable | str
    now: Localizable | str
    typed: str
    ours: bool
    problem: Any = None

    @property
    def name(self) -> str:
        """The name of its input."""
        return PREFIX + self.place


@dataclass(frozen=True)
class ValueGroup:
    """The values of one stage, or of another part of the programme."""

    place: str
    section: Localizable
    title: Localizable | str
    fields: tuple[ValueField, ...] = field(default=())

    @property
    def ours(self) -> int:
        """How many of them the bureau has set."""
        return sum(each.ours for each in self.fields)


class ValueSheet:
    """All values of a programme that its bureau may set, over what is set now."""

    def __init__(self, view: OverlayView) -> None:
        self.base: Doc = view.base
        self.set_now = {change.place: change.value for change in view.changes}
        self.teller = Teller(view.base)
        self.settings = {each.place: each for each in settable(view.base)}

    def groups(self) -> tuple[ValueGroup, ...]:
        """Return the values by the stage or part that they belong to, in the order of the programme."""
        places = dict.fromkeys(self.teller.item_of(place) for place in self.settings)
        return tuple(self._group(place, tuple(self._fields(place))) for place in places)

    def group(
        self, of: str, texts: Mapping[str, str] | None = None, problems: Mapping[str, Any] | None = None
    ) -> ValueGroup | None:
        """Return one group, with what was typed and what is wrong with it; None where there is no such group."""
        fields = tuple(self._fields(of, texts or {}, problems or {}))
        return self._group(of, fields) if fields else None

    def _group(self, place: str, fields: tuple[ValueField, ...]) -> ValueGroup:
        whole = "/".join(place.split("/")[:2])
        part = self.teller.section(whole)
        return ValueGroup(place, part, part if place == whole else self.teller.where(place), fields)

    def _fields(
        self, of: str, texts: Mapping[str, str] | None = None, problems: Mapping[str, Any] | None = None
    ) -> Iterator[ValueField]:
        for place, found in self.settings.items():
            if self.teller.item_of(place) == of:
                yield self._field(found, (texts or {}).get(place), (problems or {}).get(place))

    def _field(self, found: Setting, text: str | None, problem: Any) -> ValueField:
        now = self.set_now.get(found.place, found.value)
        where = self.teller.where(found.place)
        title = self.teller.what(found.place)
        return ValueField(
            place=found.place, sort=found.sort, help=HELP[found.sort], ours=found.place in self.set_now, problem=problem,
            title=title if found.place.startswith("processes") or not where else Joined((where, title), ": "),
            pack=self.teller.said(found.value, found.place), now=self.teller.said(now, found.place),
            typed=typed(found.sort, now) if text is None else text,
        )  # fmt: skip

    def texts(self, form: Form, of: str) -> dict[str, str]:
        """Return what was typed into a group's fields, by place."""
        sent = {name.removeprefix(PREFIX): text[:MOST_TYPED] for name, text in form.items if name.startswith(PREFIX)}
        own = [place for place in self.settings if self.teller.item_of(place) == of]
        return {place: sent[place] for place in own if place in sent}

    def values(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """Return all values that the bureau sets: those set now, with what was typed instead; what is the pack's is left out."""
        read_now = {place: parsed(self.settings[place].sort, text) for place, text in texts.items()}
        found = {**self.set_now, **read_now}
        return {place: value for place, value in found.items() if read(self.base, place) not in (value, MISSING)}


def own_values(view: OverlayView) -> list[tuple[Change, Localizable | str, Localizable | str, Localizable | str]]:
    """Return each value that the bureau has set, with its place, the pack's value and its own in words."""
    teller = Teller(view.base)
    return [
        (each, teller.whole(each.place), teller.said(each.base, each.place), teller.said(each.value, each.place))
        for each in view.changes
    ]
