"""The few drawings of the pages, as inline SVG without styles: shapes of lights and signs beside words."""

from __future__ import annotations

from markupsafe import Markup

_PATHS = {
    "circle": '<circle cx="8" cy="8" r="6.5" fill="currentColor"/>',
    "triangle": '<path d="M8 1.5 15 14H1z" fill="currentColor"/>',
    "square": '<path d="M2 2h12v12H2z" fill="currentColor"/>',
    "check": '<path d="m2 8.5 4 4 8-9" fill="none" stroke="currentColor" stroke-width="2.4"/>',
    "dash": '<path d="M2 8h12" stroke="currentColor" stroke-width="2.4"/>',
    "diamond": '<path d="M8 1 15 8 8 15 1 8z" fill="currentColor"/>',
    "clip": '<path d="M11 4v7a3 3 0 0 1-6 0V4a2 2 0 0 1 4 0v7a1 1 0 0 1-2 0V5" fill="none" stroke="currentColor"/>',
    "person": '<circle cx="8" cy="5" r="3" fill="currentColor"/><path d="M2 15c0-4 3-6 6-6s6 2 6 6z" fill="currentColor"/>',
}


def icon(name: str) -> Markup:
    """Return a drawing; it is decoration, the word beside it says what it means."""
    # The drawings stand in this file; nothing of them comes from outside.
    head = f'<svg class="icon-{name} gt-icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">'
    return Markup(head + _PATHS[name] + "</svg>")  # noqa: S704
