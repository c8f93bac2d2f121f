"""A process as a picture: an SVG of its stages from the first to the last, with where a case stands in it.

It has no script and no style sheet of its own: shapes have a class for the page's style sheet, and the same colours as
attributes for where there is none (a file of its own, paper). Kinds differ by outline and word, marks by sign and word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET  # it only writes

from services.i18n import translate
from services.process.definitions import (
    ActedStage,
    Block,
    BranchStage,
    CompleteStage,
    FileStage,
    ParallelStage,
    ProcessDefinition,
    Stage,
    arms,
)
from services.process.layout import Arm, Back, Box, Direction, Fork, Layout, Part, Placed, Route, lay_out, trunks
from services.process.position import Mark, Position, marks_of
from services.process.shapes import diamond, disc, outline
from services.process.stage_words import KINDS, MARKS, REJECTED, arm_titles, exits, stage_title
from services.process.text_boxes import width_of, wrap
from services.process.xml_text import clean

WIDTH, INNER, START, JOIN, LINE, SMALL_LINE = 156.0, 128.0, 18.0, 28.0, 18.0, 15.0
TITLE, SMALL = 14.0, 11.5
FONT = "system-ui, 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Source Han Sans SC', sans-serif"
INK, PALE, BACK = "#1f2937", "#4b5563", "#9a6700"
COLOURS: dict[Mark | None, dict[str, str]] = {
    None: {"fill": "#ffffff", "stroke": "#33414f", "stroke-width": "1.5"},
    "done": {"fill": "#d8f0df", "stroke": "#1b7f3b", "stroke-width": "1.5"},
    "open": {"fill": "#dbe9fb", "stroke": "#1a62c6", "stroke-width": "3"},
    "returned": {"fill": "#fdf0d5", "stroke": "#9a6700", "stroke-width": "3"},
    "ahead": {"fill": "#ffffff", "stroke": "#5b6672", "stroke-width": "1.5"},
    "skipped": {"fill": "#f4f5f7", "stroke": "#98a2ae", "stroke-width": "1.5", "stroke-dasharray": "2 4"},
}
Names = Callable[[str], str]


def draw(
    definition: ProcessDefinition,
    locale: str,
    position: Position | None = None,
    *,
    direction: Direction = "right",
    names: Names | None = None,
) -> str:
    """Return the process as an SVG element, ready to stand in a page or in a file.

    Args:
        definition: what is drawn.
        locale: the language of its words.
        position: where a case stands; None draws the process without a case.
        direction: left to right, or top to bottom.
        names: what an actor is called; None leaves the actors out.
    """
    return _Picture(definition, locale, position, direction, names).svg()


@dataclass(frozen=True)
class _Text:
    """The words of a box, broken into lines."""

    kind: str
    title: list[str]
    who: list[str]
    ends: str
    mark: str

    @property
    def height(self) -> float:
        small = 1 + len(self.who) + bool(self.ends) + bool(self.mark)
        return 18 + len(self.title) * LINE + small * SMALL_LINE


@dataclass
class _Picture:
    definition: ProcessDefinition
    locale: str
    position: Position | None
    direction: Direction
    names: Names | None
    marks: dict[str, Mark] = field(init=False)

    def __post_init__(self) -> None:
        self.marks = marks_of(self.definition, self.position) if self.position is not None else {}

    def svg(self) -> str:
        layout = lay_out(self._parts(), list(self._backs()), direction=self.direction)
        legend = self._legend()
        height = layout.height + len(legend) * SMALL_LINE + (8 if legend else 0)
        width = max(layout.width, *(width_of(line, SMALL) + 32 for line in legend), 0)
        root = self._root(width, height)
        for lane, title in self._arm_titles():
            self._draw_lane(root, layout.lanes[lane], title, lane)
        for route in layout.routes:
            if not route.back:
                self._draw_step(root, route)
        for target in dict.fromkeys(route.target for route in layout.routes if route.back):
            _draw_backs(root, [route for route in layout.routes if route.back and route.target == target])
        ET.SubElement(root, "path", {"class": "gt-flow-start", "d": disc(layout.boxes["start"]), "fill": INK})
        for stage in self.definition.all_stages:
            self._draw_stage(root, stage, layout)
        for number, line in enumerate(legend):
            _write(root, line, (16, layout.height + 8 + number * SMALL_LINE), size=SMALL, ink=PALE, anchor="start")
        return ET.tostring(root, encoding="unicode")

    # --- what is placed -----------------------------------------------------------------------------------------------

    def _parts(self) -> list[Part]:
        return [Box("start", START, START, tip=True), *self._series(self.definition.stages)]

    def _series(self, stages: tuple[Stage, ...]) -> Iterator[Part]:
        for stage in stages:
            box = Box(stage.code, WIDTH, self._text(stage).height, ends=isinstance(stage, FileStage | CompleteStage))
            if not isinstance(stage, BranchStage | ParallelStage):
                yield box
                continue
            titles = self._block_titles(stage)
            inside = tuple(
                Arm(f"{stage.code} {number}", tuple(self._series(inner)), head=SMALL_LINE * len(titles[number]) + 4)
                for number, inner in enumerate(arms(stage))
            )
            yield Fork(box, inside, Box(f"{stage.code} join", JOIN, JOIN, tip=True))

    def _block_titles(self, block: Block) -> list[list[str]]:
        titles = arm_titles(self.definition, block.code, self.locale)
        return [wrap(clean(title), width=INNER, size=SMALL) if title else [] for title in titles]

    def _arm_titles(self) -> Iterator[tuple[str, list[str]]]:
        for stage in self.definition.all_stages:
            if isinstance(stage, BranchStage | ParallelStage):
                yield from ((f"{stage.code} {n}", lines) for n, lines in enumerate(self._block_titles(stage)))

    def _backs(self) -> Iterator[Back]:
        for stage in self.definition.all_stages:
            targets = dict.fromkeys(way.to for way in exits(stage) if way.to is not None)
            yield from (Back(stage.code, target, f"{stage.code} {target}") for target in targets)

    # --- words --------------------------------------------------------------------------------------------------------

    def _say(self, message: str) -> str:
        return translate(self.locale, message)

    def _mark(self, code: str) -> Mark | None:
        return self.marks.get(code)

    def _mark_words(self, code: str) -> str:
        mark = self._mark(code)
        if mark is None or self.position is None:
            return ""
        sign, word = MARKS[mark]
        visits = self.position.visits.get(code, 0)
        return f"{sign} {self._say(word)}" + (f" ×{visits}" if visits > 1 else "")

    def _text(self, stage: Stage) -> _Text:
        kind = self._say(KINDS[stage.kind])
        title = clean(stage_title(stage, self.locale)) if stage.title is not None else ""
        who = "、".join(map(self.names, stage.actors)) if self.names and isinstance(stage, ActedStage) else ""
        return _Text(
            kind,
            wrap(title, width=INNER, size=TITLE) if title else [],
            wrap(clean(who), width=INNER, size=SMALL) if who else [],
            translate(self.locale, "may end here") if any(way.to is None for way in exits(stage)) else "",
            self._mark_words(stage.code),
        )

    def _description(self) -> str:
        """Return the picture in words, for who does not see it."""
        stages = []
        for stage in self.definition.all_stages:
            words = [self._say(KINDS[stage.kind]), self._mark_words(stage.code)]
            stages.append(f"{stage_title(stage, self.locale)} ({', '.join(filter(None, words))})")
        return clean("; ".join(stages))

    def _legend(self) -> list[str]:
        ways = [way for stage in self.definition.all_stages for way in exits(stage)]
        lines = []
        if any(way.to is not None for way in ways):
            lines.append(translate(self.locale, "- - - back to an earlier stage"))
        if any(way.to is None for way in ways):
            lines.append(
                translate(self.locale, "may end here: the case can be {rejected} there", rejected=self._say(REJECTED))
            )
        return lines

    # --- the drawing --------------------------------------------------------------------------------------------------

    def _root(self, width: float, height: float) -> ET.Element:
        name = f"gt-flow-{self.definition.process}-{self.direction}"
        root = ET.Element("svg", {
            "xmlns": "http://www.w3.org/2000/svg", "class": f"gt-flow-picture gt-flow-{self.direction}", "role": "img",
            "aria-labelledby": f"{name}-title {name}-desc", "width": _n(width), "height": _n(height),
            "viewBox": f"0 0 {_n(width)} {_n(height)}", "font-family": FONT, "lang": self.locale,
        })  # fmt: skip
        ET.SubElement(root, "title", {"id": f"{name}-title"}).text = clean(self.definition.title.in_(self.locale))
        ET.SubElement(root, "desc", {"id": f"{name}-desc"}).text = self._description()
        return root

    def _draw_lane(self, root: ET.Element, place: Placed, title: list[str], key: str) -> None:
        skipped = self._arm_skipped(key)
        look = {"fill": "#6b7280", "fill-opacity": "0.05", "stroke": "#b6bec8", "stroke-width": "1"}
        box = {"x": _n(place.x), "y": _n(place.y), "width": _n(place.width), "height": _n(place.height), "rx": "6"}
        ET.SubElement(root, "rect", {"class": f"gt-flow-lane{' gt-flow-is-skipped' if skipped else ''}", **box, **look})
        for number, line in enumerate(title):
            at = (place.x + 8, place.y + 14 + number * SMALL_LINE)
            _write(root, line, at, size=SMALL, ink=PALE, anchor="start")

    def _arm_skipped(self, key: str | None) -> bool:
        block, _, number = (key or "").rpartition(" ")
        chosen = self.position.chosen.get(block) if self.position is not None else None
        return chosen is not None and chosen != int(number)

    def _draw_step(self, root: ET.Element, route: Route) -> None:
        ends = (route.source, route.target)
        skipped = any(self.marks.get(each) == "skipped" for each in ends) or self._arm_skipped(route.arm)
        stroke = "#98a2ae" if skipped else "#4b5563"
        dash = {"stroke-dasharray": "2 4"} if skipped else {}
        name = "gt-flow-next" + (" gt-flow-is-skipped" if skipped else "")
        look = {"fill": "none", "stroke": stroke, "stroke-width": "1.5", **dash}
        ET.SubElement(root, "path", {"class": name, "d": _polyline(route.points), **look})
        ET.SubElement(root, "path", {"class": f"{name} gt-flow-tip", "d": _tip(route), "fill": stroke})

    def _draw_stage(self, root: ET.Element, stage: Stage, layout: Layout) -> None:
        mark, text = self._mark(stage.code), self._text(stage)
        names = f"gt-flow-stage gt-flow-{stage.kind}" + (f" gt-flow-is-{mark}" if mark else "")
        group = ET.SubElement(root, "g", {"class": names, "data-stage": stage.code})
        words = ", ".join(filter(None, (text.kind, text.ends, text.mark)))
        ET.SubElement(group, "title").text = clean(f"{stage_title(stage, self.locale)}: {words}")
        place = layout.boxes[stage.code]
        ET.SubElement(
            group, "path", {"class": "gt-flow-shape", "d": _tidy(outline(stage.kind, place)), **COLOURS[mark]}
        )
        _write_all(group, text, place)
        join = layout.boxes.get(f"{stage.code} join")
        if join is not None:
            path = diamond(join, plus=isinstance(stage, ParallelStage))
            ET.SubElement(group, "path", {"class": "gt-flow-join", "d": _tidy(path), **COLOURS[mark]})


def _draw_backs(root: ET.Element, routes: list[Route]) -> None:
    """Draw the lines that lead back to one stage."""
    look = {"fill": "none", "stroke": BACK, "stroke-width": "1.5", "stroke-dasharray": "7 4"}
    path = "".join(_polyline(piece) for piece in trunks(routes))
    ET.SubElement(root, "path", {"class": "gt-flow-back", "d": path, **look})
    tips = "".join(dict.fromkeys(map(_tip, routes)))
    ET.SubElement(root, "path", {"class": "gt-flow-back gt-flow-tip", "d": tips, "fill": BACK})


def _polyline(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)


def _write_all(group: ET.Element, text: _Text, place: Placed) -> None:
    middle, y = place.x + place.width / 2, place.y + (place.height - text.height) / 2 + 9
    lines = [(text.kind, SMALL, PALE, False), *((line, TITLE, INK, True) for line in text.title)]
    lines += [(line, SMALL, INK, False) for line in (*text.who, text.ends, text.mark) if line]
    for line, size, ink, bold in lines:
        step = LINE if size == TITLE else SMALL_LINE
        _write(group, line, (middle, y + step * 0.76), size=size, ink=ink, weight="600" if bold else "400")
        y += step


def _write(
    parent: ET.Element,
    line: str,
    at: tuple[float, float],
    *,
    size: float,
    ink: str,
    anchor: str = "middle",
    weight: str = "400",
) -> None:
    place = {"x": _n(at[0]), "y": _n(at[1]), "text-anchor": anchor}
    ET.SubElement(parent, "text", {**place, "font-size": _n(size), "font-weight": weight, "fill": ink}).text = line


def _tip(route: Route) -> str:
    """Return the arrow's head at the end of a line."""
    (x0, y0), (x, y) = route.points[-2:]
    u, v = (x > x0) - (x < x0), (y > y0) - (y < y0)
    return f"M{_n(x)} {_n(y)}L{_n(x - 8 * u - 4 * v)} {_n(y - 8 * v - 4 * u)}L{_n(x - 8 * u + 4 * v)} {_n(y - 8 * v + 4 * u)}Z"


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _tidy(path: str) -> str:
    """Return a path with short numbers."""
    return re.sub(r"\d+\.\d+", lambda number: _n(float(number[0])), path)
