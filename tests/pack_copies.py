"""The Qingdao pack with other rules: a copy of its files, changed, and read as any pack is."""

from __future__ import annotations

import shutil
from pathlib import Path

from services.adapters.packs import read_pack
from services.process.packs import Pack
from tests.world import PACK

FILING = "processes/annual-filing.yaml"


def changed_pack(folder: Path, *changes: tuple[str, str], file: str = FILING) -> Pack:
    """Return the pack whose `file` says the second text of each change instead of the first.

    Args:
        folder: where the copy goes; must not exist.
        changes: texts that stand in the file exactly once, and what stands there instead.
        file: of the pack.
    """
    shutil.copytree(PACK, folder)
    path = folder / file
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return read_pack(folder)
