"""The outline of each kind of stage as an SVG path, so that kinds differ without a colour."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.process.layout import Placed

Outline = Callable[[float, float, float, float], str]
"""Left, top, right, bottom -> the path."""


def _folded(x: float, y: float, r: float, b: float) -> str:
    return f"M{x} {y}H{r - 14}L{r} {y + 14}V{b}H{x}ZM{r - 14} {y}V{y + 14}H{r}"


def _rounded(x: float, y: float, r: float, b: float) -> str:
    return f"M{x + 10} {y}H{r - 10}Q{r} {y} {r} {y + 10}V{b - 10}Q{r} {b} {r - 10} {b}H{x + 10}Q{x} {b} {x} {b - 10}V{y + 10}Q{x} {y} {x + 10} {y}Z"


def _waved(x: float, y: float, r: float, b: float) -> str:
    half, quarter = (x + r) / 2, (r - x) / 4
    return f"M{x} {y}H{r}V{b}Q{r - quarter} {b - 8} {half} {b - 2}T{x} {b - 2}Z"


def _cut(x: float, y: float, r: float, b: float) -> str:
    return f"M{x + 12} {y}H{r - 12}L{r} {y + 12}V{b - 12}L{r - 12} {b}H{x + 12}L{x} {b - 12}V{y + 12}Z"


def _ribbon(x: float, y: float, r: float, b: float) -> str:
    middle = (y + b) / 2
    return f"M{x} {y}H{r}L{r - 9} {middle}L{r} {b}H{x}L{x + 9} {middle}Z"


def _delay(x: float, y: float, r: float, b: float) -> str:
    return f"M{x} {y}H{r - 24}Q{r} {y} {r} {(y + b) / 2}Q{r} {b} {r - 24} {b}H{x}Z"


def _barred(x: float, y: float, r: float, b: float) -> str:
    return f"M{x} {y}H{r}V{b}H{x}ZM{x + 7} {y}V{b}M{r - 7} {y}V{b}"


def _stadium(x: float, y: float, r: float, b: float) -> str:
    radius = min(24.0, (b - y) / 2)
    return (
        f"M{x + radius} {y}H{r - radius}A{radius} {radius} 0 0 1 {r} {y + radius}V{b - radius}"
        f"A{radius} {radius} 0 0 1 {r - radius} {b}H{x + radius}A{radius} {radius} 0 0 1 {x} {b - radius}V{y + radius}"
        f"A{radius} {radius} 0 0 1 {x + radius} {y}Z"
    )


def _sealed(x: float, y: float, r: float, b: float) -> str:
    return _stadium(x, y, r, b) + _stadium(x + 4, y + 4, r - 4, b - 4)


def _hexagon(x: float, y: float, r: float, b: float) -> str:
    middle = (y + b) / 2
    return f"M{x + 16} {y}H{r - 16}L{r} {middle}L{r - 16} {b}H{x + 16}L{x} {middle}Z"


def _rails(x: float, y: float, r: float, b: float) -> str:
    return f"M{x} {y}H{r}V{b}H{x}ZM{x} {y + 5}H{r}M{x} {b - 5}H{r}"


OUTLINES: Mapping[str, Outline] = {
    "submit": _folded,
    "approve": _rounded,
    "sign": _waved,
    "assess": _cut,
    "publish": _ribbon,
    "wait": _delay,
    "process": _barred,
    "file": _sealed,
    "complete": _stadium,
    "branch": _hexagon,
    "parallel": _rails,
}
"""The outline of each kind."""


def outline(kind: str, box: Placed) -> str:
    """Return the path of a stage of this kind."""
    return OUTLINES[kind](box.x, box.y, box.x + box.width, box.y + box.height)


def diamond(box: Placed, *, plus: bool) -> str:
    """Return the path of a gateway; the one of parallel paths has a plus."""
    x, y, r, b = box.x, box.y, box.x + box.width, box.y + box.height
    u, v = (x + r) / 2, (y + b) / 2
    path = f"M{u} {y}L{r} {v}L{u} {b}L{x} {v}Z"
    return path + f"M{u} {v - 6}V{v + 6}M{u - 6} {v}H{u + 6}" if plus else path


def disc(box: Placed) -> str:
    """Return the path of the circle at which a process begins."""
    radius, v = box.width / 2, box.y + box.height / 2
    return f"M{box.x} {v}a{radius} {radius} 0 1 1 {box.width} 0a{radius} {radius} 0 1 1 -{box.width} 0Z"
