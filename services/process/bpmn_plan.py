"""What a process becomes in BPMN: its nodes by their ids, and how they are placed and joined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from services.process.bpmn_conditions import exit_condition, way_condition
from services.process.definitions import (
    BranchStage,
    CompleteStage,
    FileStage,
    ParallelStage,
    ProcessDefinition,
    PublishStage,
    Stage,
    WaitStage,
    arms,
)
from services.process.layout import Arm, Back, Box, Fork, Layout, Part, lay_out
from services.process.stage_words import Exit, exits

START, REJECTED, END = "start_event", "end_rejected", "end_event"
EVENT, GATEWAY, TASK = (36.0, 36.0), (50.0, 50.0), (130.0, 80.0)
HEAD = 16.0
"""Room for the name of an arm."""
Role = Literal["start", "stage", "after", "split", "join", "end", "rejected"]


@dataclass(frozen=True)
class Node:
    """One element of BPMN. role: which part of its stage it is."""

    id: str
    role: Role
    stage: Stage | None = None


@dataclass(frozen=True)
class Flow:
    """One sequence flow. ways: the exits that it stands for, where it leads back or to the end."""

    id: str
    source: str
    target: str
    condition: str | None
    points: tuple[tuple[float, float], ...]
    arm: tuple[Stage, int] | None = None
    ways: tuple[Exit, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Everything of one process."""

    nodes: Mapping[str, Node]
    flows: tuple[Flow, ...]
    layout: Layout


def stage_id(code: str) -> str:
    """Return the id of a stage's own element; other elements of it have another word before its code."""
    return f"stage_{code}"


def plan(definition: ProcessDefinition) -> Plan:
    """Return what the process becomes."""
    return _Planner(definition).plan()


class _Planner:
    def __init__(self, definition: ProcessDefinition) -> None:
        self.definition = definition
        self.nodes: dict[str, Node] = {}

    def plan(self) -> Plan:
        parts: list[Part] = [self._box(START, "start", None, EVENT), *self._series(self.definition.stages)]
        if _goes_on(self.definition.stages):
            parts.append(self._box(END, "end", None, EVENT))
        ways = {stage.code: list(exits(stage)) for stage in self.definition.all_stages}
        rejects = any(way.to is None for each in ways.values() for way in each)
        aside = self._box(REJECTED, "rejected", None, EVENT) if rejects else None
        layout = lay_out(parts, list(self._backs(ways)), aside=aside)
        nodes = {key: node for key, node in self.nodes.items() if key in layout.boxes}
        return Plan(nodes, tuple(self._flows(layout, ways)), layout)

    def _box(self, key: str, role: Role, stage: Stage | None, size: tuple[float, float], *, ends: bool = False) -> Box:
        self.nodes[key] = Node(key, role, stage)
        return Box(key, *size, tip=size != TASK, ends=ends)

    def _series(self, stages: tuple[Stage, ...]) -> Iterator[Part]:
        for stage in stages:
            match stage:
                case BranchStage() | ParallelStage():
                    yield self._fork(stage)
                case FileStage():
                    yield self._box(stage_id(stage.code), "stage", stage, TASK)
                    yield self._box(f"end_{stage.code}", "end", stage, EVENT, ends=True)
                case CompleteStage():
                    yield self._box(f"end_{stage.code}", "end", stage, EVENT, ends=True)
                case _:
                    size = EVENT if isinstance(stage, PublishStage | WaitStage) else TASK
                    yield self._box(stage_id(stage.code), "stage", stage, size)
                    if any(exits(stage)):
                        yield self._box(f"after_{stage.code}", "after", stage, GATEWAY)

    def _fork(self, block: BranchStage | ParallelStage) -> Fork:
        split = self._box(f"split_{block.code}", "split", block, GATEWAY)
        join = self._box(f"join_{block.code}", "join", block, GATEWAY)
        inside = (
            Arm(f"{block.code} {number}", tuple(self._series(each)), head=HEAD)
            for number, each in enumerate(arms(block))
        )
        return Fork(split, tuple(inside), join)

    def _backs(self, ways: Mapping[str, list[Exit]]) -> Iterator[Back]:
        for code, each in ways.items():
            for target in dict.fromkeys(way.to for way in each):
                to = stage_id(target) if target is not None else REJECTED
                yield Back(f"after_{code}", to, f"{code} {target or ''}")

    def _flows(self, layout: Layout, ways: Mapping[str, list[Exit]]) -> Iterator[Flow]:
        for route in layout.routes:
            if route.back:
                code, _, target = route.key.partition(" ")
                mine = tuple(way for way in ways[code] if (way.to or "") == target)
                stage = self.definition.stage(code)
                condition = " or ".join(f"({exit_condition(stage, way)})" for way in mine)
                yield Flow(
                    f"back_{code}.{target or 'rejected'}",
                    route.source,
                    route.target,
                    condition,
                    route.points,
                    ways=mine,
                )
                continue
            block, _, number = (route.arm or "").rpartition(" ")
            arm = (self.definition.stage(block), int(number)) if block else None
            name = f"flow_{route.source}.{route.target}" + (f".{number}" if number else "")
            yield Flow(name, route.source, route.target, _condition(arm), route.points, arm)


def _condition(arm: tuple[Stage, int] | None) -> str | None:
    return way_condition(arm[0], arm[1]) if arm is not None and isinstance(arm[0], BranchStage) else None


def _goes_on(stages: tuple[Stage, ...]) -> bool:
    """Tell whether something could follow the last of the stages."""
    if not stages:
        return True
    last = stages[-1]
    if isinstance(last, BranchStage | ParallelStage):
        return any(_goes_on(each) for each in arms(last))
    return not isinstance(last, FileStage | CompleteStage)
