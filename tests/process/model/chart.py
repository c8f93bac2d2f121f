"""Where the stages of a process stand, worked out from its YAML alone and not by the engine's own means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Raw = dict[str, Any]
KINDS = (
    "submit", "approve", "sign", "assess", "publish", "wait", "process", "file", "complete", "branch", "parallel",
)  # fmt: skip
ACTED = ("submit", "approve", "sign", "assess")
JUDGED = ("approve", "sign", "assess")
TIMED = ("publish", "wait", "process")
FINAL = ("file", "complete")


def kind_of(stage: Raw) -> str:
    return next(kind for kind in KINDS if kind in stage)


def code_of(stage: Raw) -> str:
    code: str = stage[kind_of(stage)]
    return code


def arms_of(stage: Raw) -> list[list[Raw]]:
    """The lists of stages inside a block; [] for any other stage."""
    return [arm.get("stages", []) for arm in stage.get("ways", stage.get("paths", []))]


Address = tuple[int, ...]
"""Where a stage stands: its index in the process, then, inside a block, the arm and the index there, and so on."""


class Chart:
    """The stages of a process by their code, with their addresses."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.address: dict[str, Address] = {}
        self.stage: dict[str, Raw] = {}
        self.at: dict[Address, Raw] = {}
        self.kinds: dict[str, str] = {}
        for address, stage in _walk(raw["stages"], ()):
            self.address[code_of(stage)], self.stage[code_of(stage)], self.at[address] = address, stage, stage
            self.kinds[code_of(stage)] = kind_of(stage)

    def kind(self, code: str) -> str:
        return self.kinds[code]

    def before(self, one: str, other: str) -> bool:
        """Whether the first comes before the other on the way through the process; beside each other is neither."""
        first, second = self.address[one], self.address[other]
        for place, (left, right) in enumerate(zip(first, second, strict=False)):
            if left != right:
                return place % 2 == 0 and left < right
        return False

    def inside(self, code: str, block: str) -> bool:
        mine, outer = self.address[code], self.address[block]
        return len(mine) > len(outer) and mine[: len(outer)] == outer

    def blocks(self, code: str) -> list[tuple[str, int]]:
        """The blocks around a stage with the arm that it stands in, innermost first."""
        address = self.address[code]
        lengths = range(len(address) - 2, 0, -2)
        return [(code_of(self.at[address[:length]]), address[length]) for length in lengths]

    def next(self, code: str) -> Raw | None:
        """The stage that stands after this one in the same list."""
        *way, index = self.address[code]
        return self.at.get((*way, index + 1))


def _walk(stages: list[Raw], above: Address) -> Iterator[tuple[Address, Raw]]:
    for index, stage in enumerate(stages):
        yield (*above, index), stage
        for number, arm in enumerate(arms_of(stage)):
            yield from _walk(arm, (*above, index, number))


def mode_of(stage: Raw) -> str:
    by = stage.get("by")
    if not isinstance(by, dict):
        return "one"
    return next(mode for mode in ("all_of", "any_of", "in_sequence", "quorum", "votes", "each") if mode in by)


def signers_of(stage: Raw) -> dict[str, int]:
    """The positions that sign with the weights of their votes, in order."""
    by = stage["by"]
    match mode_of(stage):
        case "one":
            return {by: 1}
        case "votes":
            return dict(by["votes"])
        case "quorum":
            return dict.fromkeys(by["of"], 1)
        case mode:
            return {by["each"]: 1} if mode == "each" else dict.fromkeys(by[mode], 1)


def needed_of(stage: Raw) -> int | None:
    """How much weight must be in favour where votes are counted; None where all or the first decide."""
    by = stage["by"]
    match mode_of(stage):
        case "quorum":
            return int(by["quorum"])
        case "votes" | "each":
            return by.get("needed")
    return None


def way_of(branch: Raw, values: dict[str, Any]) -> int:
    """Which way a branch takes for these forms: stage -> its data, and "" -> the last of all."""
    for number, way in enumerate(branch["ways"]):
        when = way.get("when")
        if when is None or _so(when, values.get(when.get("stage", ""), {})):
            return number
    raise AssertionError("the last way has no condition")


def _so(when: Raw, data: Any) -> bool:
    for name in when["field"].split("."):
        data = data.get(name) if isinstance(data, dict) else None
    tests = {
        "equals": lambda wanted: data == wanted,
        "one_of": lambda wanted: data in wanted,
        "at_least": lambda wanted: data is not None and data >= wanted,
        "at_most": lambda wanted: data is not None and data <= wanted,
        "filled": lambda wanted: bool(data) == wanted,
    }
    return all(test(when[name]) for name, test in tests.items() if name in when)
