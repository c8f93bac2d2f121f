"""How a work list is narrowed, as it stands in addresses: kept from the list through the reading desk and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast, get_args
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from services.i18n import N_
from services.process.states import TaskKind
from services.workflow.queue import QueueFilter, Span
from services.workflow.represented import Whose

NAMES = ("stage", "group", "season", "whose", "light", "priority", "snoozed")
WHOSE = {"own": N_("My own"), "on-behalf": N_("On behalf of others")}
PRIORITIES = {"urgent": N_("Urgent"), "high": N_("High"), "normal": N_("Normal")}
LIGHTS = {"overdue": N_("Overdue"), "near": N_("Due soon"), "later": N_("Later")}


@dataclass(frozen=True)
class Filter:
    """The chosen entries as text; what is no such thing counts as not chosen."""

    stage: str = ""
    group: str = ""
    season: str = ""
    whose: str = ""
    light: str = ""
    priority: str = ""
    snoozed: str = ""

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Filter:
        """Read an address's or a form's values."""
        chosen = {name: values.get(name, "")[:80] for name in NAMES}
        for name in ("group", "season"):
            chosen[name] = str(as_id(chosen[name]) or "")
        known = {"light": get_args(Span), "whose": get_args(Whose), "priority": PRIORITIES, "snoozed": ("1",)}
        return cls(**chosen | {name: chosen[name] if chosen[name] in values else "" for name, values in known.items()})

    @classmethod
    def read(cls, query: str) -> Filter:
        """Read what `query` wrote."""
        return cls.of(dict(parse_qsl(query[:600])))

    @property
    def query(self) -> str:
        """The chosen entries as an address's query."""
        return urlencode({name: value for name in NAMES if (value := getattr(self, name))})

    def behind(self, path: str) -> str:
        """Return an address with this filter."""
        return f"{path}?{self.query}" if self.query else path

    def without_light(self) -> Filter:
        """Return the filter with every light."""
        return replace(self, light="")

    def with_light(self, light: str) -> Filter:
        """Return the filter with one light."""
        return replace(self, light=light)

    def with_whose(self, whose: str) -> Filter:
        """Return the filter with the tasks of one's own positions ("own"), of others' ("on-behalf"), or all ("")."""
        return replace(self, whose=whose)

    def with_snoozed(self, snoozed: str) -> Filter:
        """Return the filter for what is put off (`1`), or for what is not (empty)."""
        return replace(self, snoozed=snoozed, light="")

    def queue(self, kind: TaskKind | None) -> QueueFilter:
        """Return it as the work list understands it."""
        return QueueFilter(
            kind=kind,
            stage=self.stage or None,
            group_id=as_id(self.group),
            season_id=as_id(self.season),
            light=cast("Any", self.light or None),
            whose=cast("Any", self.whose or None),
            priority=cast("Any", self.priority or None),
            snoozed=bool(self.snoozed),
        )


def as_id(text: str) -> UUID | None:
    """Return a UUID, or None for anything else."""
    try:
        return UUID(text)
    except ValueError:
        return None
