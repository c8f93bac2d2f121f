"""A working programme pack to begin with: one process, one form, units, positions, a calendar, with comments that teach."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Template

from services.errors import ConflictError, InvalidInputError
from services.i18n import N_, Message
from services.process.definitions import CODE

TEMPLATES = Path(__file__).parent / "new_pack"
LONGEST = 60
LONGEST_TITLE = 200


class FolderInUseError(ConflictError):
    """A new pack would be written among other files."""

    code, default = "folder-in-use", N_("“{path}” is there and not empty; name a folder that is not.")


def write_new_pack(folder: Path, *, code: str, title_zh: str, title_en: str) -> list[Path]:
    """Write a pack that passes its check into a folder that is not there yet, or empty; return its files.

    Raises:
        FolderInUseError: there is something already.
        InvalidInputError: the code is none, or a title is empty or too long.
    """
    _refuse(code, title_zh, title_en)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderInUseError(path=folder)
    # As JSON a text is YAML, whatever it holds.
    titles = {
        "title_zh": json.dumps(title_zh, ensure_ascii=False),
        "title_en": json.dumps(title_en, ensure_ascii=False),
    }
    made = []
    for source in sorted(TEMPLATES.rglob("*.yaml")):
        path = folder / source.relative_to(TEMPLATES)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = Template(source.read_text(encoding="utf-8")).substitute(titles, code=code, number=code.upper())
        path.write_text(text, encoding="utf-8")
        made.append(path)
    return made


def _refuse(code: str, *titles: str) -> None:
    if not re.fullmatch(CODE, code) or len(code) > LONGEST:
        message = Message(
            N_("“{code}” is no code; write small letters, digits and single hyphens, for example reading-week."),
            {"code": code},
        )
        raise InvalidInputError([{"field": "code", "message": message}], message.id, code=code)
    if not all(title.strip() and len(title) <= LONGEST_TITLE for title in titles):
        words = N_("Write a title of at most {most} letters in each language.")
        raise InvalidInputError(
            [{"field": "title", "message": Message(words, {"most": LONGEST_TITLE})}], words, most=LONGEST_TITLE
        )
