"""The drawn process as a page shows it: left to right where there is room, top to bottom on a phone and on paper."""

from __future__ import annotations

from markupsafe import Markup

from services.i18n import translate
from services.process.definitions import ProcessDefinition
from services.process.drawing import draw
from services.process.layout import Direction
from services.process.naming import actor_title
from services.process.packs import Pack
from services.process.position import Position

WAYS: tuple[tuple[str, Direction], ...] = (("wide", "right"), ("narrow", "down"))
"""The class of each drawing's box; `flow.css` shows the one that fits."""


def drawn(pack: Pack, definition: ProcessDefinition, position: Position | None, *, locale: str) -> Markup:
    """Return both drawings, each in a box in which it scrolls; the style sheet shows one of them.

    Args:
        pack: what names the actors.
        definition: what is drawn.
        position: where the case stands; None for the process without a case.
        locale: the language of its words.
    """
    label = translate(locale, "Stages")
    box = Markup('<div class="gt-flow gt-flow-{way}" tabindex="0" role="region" aria-label="{label}">{svg}</div>')
    return Markup("").join(
        box.format(way=way, label=label, svg=Markup(_svg(pack, definition, position, direction, locale)))  # noqa: S704 - written by ElementTree
        for way, direction in WAYS
    )


def _svg(
    pack: Pack, definition: ProcessDefinition, position: Position | None, direction: Direction, locale: str
) -> str:
    return draw(
        definition, locale, position, direction=direction, names=lambda actor: actor_title(pack, actor).in_(locale)
    )
