"""The pack around a random process: its forms, its units and positions, and the process that its stages start or wait for.

It is stored without the checks of `guantong programme check`: they refuse what the generator makes on purpose and the engine
must bear all the same (a branch that never takes one of its ways, `fails` where nobody votes, paths with nothing in them).
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from services.process.packs import Pack
from tests.process.model.chart import ACTED, Raw, arms_of, kind_of

PROGRAMME, PROCESS, OTHER, GROUP, SEASON = "histories", "modelled", "other", "group", "2027"
ADMINISTRATOR = "bureau/administrator"
FIELDS = {"kind": "basics.kind", "note": "basics.note"}
"""What the generator asks for, by the path that it has in a real form."""
UNIT_OF = {"guiding-unit": "institute", "base-school": "school"}


def titled(name: str) -> dict[str, str]:
    return {"zh": name, "en": name}


def adapted(raw: Raw) -> Raw:
    """Return a generated process as a pack may hold it: real paths of fields, reminders, and numbers that differ by stage."""
    return {**raw, "season": YEARLY, "stages": [_stage(stage) for stage in deepcopy(raw["stages"])]}


def _stage(stage: Raw) -> Raw:
    kind = kind_of(stage)
    if kind in ACTED:
        stage["remind"] = {"before": ["7d", "1d"], "at": "09:00"}
        stage["overdue"] = [{"after": "1d", "every": "2d", "tell": ["office/head"]}]
    if isinstance(by := stage.get("by"), dict) and "votes" in by:  # as jsonb keeps the keys of an object
        by["votes"] = dict(sorted(by["votes"].items(), key=lambda vote: (len(vote[0]), vote[0])))
    if kind == "file":
        stage["number"] = f"{stage['file']}-{{season}}-{{serial:03d}}"
    key = "ways" if kind == "branch" else "paths"
    for arm, stages in zip(stage.get(key, []), arms_of(stage), strict=True):
        arm["stages"] = [_stage(each) for each in stages]
        if "when" in arm:
            arm["when"]["field"] = FIELDS.get(arm["when"]["field"], arm["when"]["field"])
    return stage


def form_data(n: int) -> dict[str, Any]:
    """The form that says the number `n`, as it is kept."""
    note = {"note": "x"} if n % 2 else {}
    return {"sum": {"total": n}, "basics": {"kind": "abcd"[n % 4], **note}}


def pack_of(raw: Raw) -> Pack:
    return Pack.model_validate({
        "programme": PROGRAMME, "title": titled("Histories"), "basis": titled("None"),
        "settings": {"timezone": "Asia/Shanghai", "remind_at": "09:00"},
        "units": UNITS, "groups": GROUPS, "positions": POSITIONS,
        "forms": [_form("plan"), _form("assessment")], "processes": [raw, OTHER_PROCESS],
    })  # fmt: skip


def _form(name: str) -> Raw:
    options = [{"value": each, "title": titled(each)} for each in "abcd"]
    return {
        "form": name, "title": titled(name), "parts": [
            {"part": "sum", "title": titled("Sum"), "fields": [
                {"field": "total", "type": "integer", "title": titled("Total")}]},
            {"part": "basics", "title": titled("Basics"), "fields": [
                {"field": "kind", "type": "choice", "title": titled("Kind"), "options": options},
                {"field": "note", "type": "text", "title": titled("Note")}]},
        ],
    }  # fmt: skip


YEARLY = {"every": "year", "opens": "-1/11-15", "due": "01-31"}
UNITS = [
    {"code": "bureau", "kind": "bureau", "title": titled("Bureau")},
    *({"code": code, "kind": "office", "parent": "bureau", "title": titled(code)}
      for code in ("office", "finance", "committee")),
    {"code": "institute", "kind": "institute", "parent": "bureau", "title": titled("Institute")},
    {"code": "school", "kind": "school", "parent": "bureau", "title": titled("School")},
]  # fmt: skip
GROUPS = [{
    "code": GROUP, "title": titled("Group"), "subjects": [{"code": "subject", "title": titled("Subject")}],
    "guiding_unit": "institute", "base_unit": "school",
}]  # fmt: skip
POSITIONS = [
    {"role": "chief-coach", "at": "group", "title": titled("Chief coach")},
    *({"role": role, "at": "unit", "units": units, "title": titled(role)} for role, units in {
        "reviewer": ["institute"], "office": ["school"], "clerk": ["office", "finance"], "head": ["office"],
        "member": ["committee"], "chair": ["committee"], "administrator": ["bureau"],
    }.items()),
]  # fmt: skip
OTHER_PROCESS = {
    "process": OTHER, "title": titled("Other"), "subject": "project-group", "season": YEARLY,
    "stages": [
        {"approve": "look", "by": ADMINISTRATOR, "within": "8d"},
        {"complete": "looked"},
    ],
}  # fmt: skip


def position_code(actor: str) -> str:
    """The code of the position row that an actor means for the one group."""
    unit, _, role = actor.rpartition("/")
    return f"{UNIT_OF.get(unit, unit)}/{role}" if unit else f"{PROGRAMME}:{GROUP}:{role}"
