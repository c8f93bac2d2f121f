"""Text as XML may hold it, whatever a definition's title holds."""

from __future__ import annotations

import re

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """Return `text` without the signs that no XML document may hold; escaping is the writer's business."""
    return _FORBIDDEN.sub("", text)
