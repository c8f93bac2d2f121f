"""Reads a programme pack's folder: programme.yaml, processes/, forms/, calendars/. Every mistake at once, with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from services.adapters.pack_mending import mend
from services.adapters.yaml_source import PackProblem, Reader, Sourced, dotted, gather
from services.errors import PackError
from services.i18n import Message
from services.process.definitions import STAGE_KINDS
from services.process.mistakes import Loc
from services.process.pack_checks import check
from services.process.pack_words import words
from services.process.packs import Pack
from services.process.roster import Roster, roster_mistakes

ROOT = "programme.yaml"
FOLDERS = {"processes": "process", "forms": "form"}
MENDINGS = 8
NAMING_KEYS = {"code", "role", "process", "form", "field", "part", *STAGE_KINDS}

Model = TypeVar("Model", bound=BaseModel)


def read_pack(path: Path) -> Pack:
    """Return the pack in the folder `path` (or of the programme.yaml that `path` is), resolved and checked.

    Raises:
        PackError: `problems` names every mistake: {file, line, path, message}.
    """
    folder = path.parent if path.name == ROOT else path
    reader = Reader()
    source = _read_folder(reader, folder)
    problems = list(reader.problems)
    pack = None
    if source is not None:
        pack, found = _validate(source)
        problems += found
    if problems or pack is None:
        raise PackError([problem.as_dict() for problem in _in_order(problems)])
    return pack


def read_roster(path: Path, pack: Pack) -> Roster:
    """Return the people of a YAML file, checked against the positions of `pack`.

    Raises:
        PackError: `problems` names every mistake: {file, line, path, message}.
    """
    reader = Reader()
    source = reader.read(path)
    problems = list(reader.problems)
    roster = None
    if source is not None:
        roster, errors = _try(Roster, source.value)
        problems += _told(errors, source, Roster)
    if roster is not None and source is not None:
        problems += [_problem(source, mistake.loc, mistake.message) for mistake in roster_mistakes(roster, pack)]
    if problems or roster is None:
        raise PackError([problem.as_dict() for problem in _in_order(problems)])
    return roster


def _read_folder(reader: Reader, folder: Path) -> Sourced | None:
    if not (folder / ROOT).is_file():
        message = Message("there is no {file} here; name the folder of a programme pack", {"file": ROOT})
        reader.problems.append(PackProblem(str(folder / ROOT), 1, "", message))
        return None
    root = reader.read(folder / ROOT)
    sections: dict[str | int, Sourced] = {section: _read_section(reader, folder / section) for section in FOLDERS}
    calendar = _read_calendars(reader, folder / "calendars")
    if root is None:
        return None
    if not isinstance(root.value, dict):
        reader.problems.append(
            PackProblem(
                root.file,
                root.line,
                "",
                Message("named values belong here; found {found}", {"found": Message("a list")}),
            )
        )
        return None
    for name in (*FOLDERS, "calendar"):
        if name in root.children:
            message = Message("“{name}” stand in files of their own, one each; move them there", {"name": name})
            reader.problems.append(PackProblem(root.file, root.children[name].line, name, message))
    children: dict[str | int, Sourced] = {**root.children, **sections, "calendar": calendar}
    return gather(children, file=root.file, values={key: child.value for key, child in children.items()})


def _read_section(reader: Reader, folder: Path) -> Sourced:
    read = [reader.read(path) for path in _files(reader, folder)]
    found: dict[str | int, Sourced] = dict(enumerate(each for each in read if each is not None))
    return gather(found, file=str(folder), values=[source.value for source in found.values()])


def _read_calendars(reader: Reader, folder: Path) -> Sourced:
    """Put the years and days of all calendar files together."""
    lists: dict[str, list[Sourced]] = {"years": [], "days": []}
    for path in _files(reader, folder):
        source = reader.read(path)
        if source is None:
            continue
        for key, child in source.children.items():
            if key in lists and isinstance(child.value, list):
                lists[str(key)].extend(child.children.values())
            elif key not in lists or child.value is not None:
                message = Message("a calendar file has the lists years and days; “{key}” is neither", {"key": key})
                reader.problems.append(PackProblem(source.file, child.line, str(key), message))
    children: dict[str | int, Sourced] = {
        key: gather(dict(enumerate(items)), file=str(folder), values=[item.value for item in items])
        for key, items in lists.items()
    }
    return gather(children, file=str(folder), values={key: child.value for key, child in children.items()})


def _files(reader: Reader, folder: Path) -> list[Path]:
    for path in sorted(folder.glob("*.yml")):
        message = Message("this file is not read; give it the ending .yaml")
        reader.problems.append(PackProblem(str(path), 1, "", message))
    return sorted(folder.glob("*.yaml"))


def _validate(source: Sourced) -> tuple[Pack | None, list[PackProblem]]:
    """Return the pack, or None, and every mistake that can be seen.

    Where values are wrong, the names between the parts are still checked, on what is left without them.
    """
    pack, errors = _try(Pack, source.value)
    problems = _told(errors, source, Pack)
    mended, left = pack, source
    for _ in range(MENDINGS):
        if mended is None:
            left = mend(left, errors)
            mended, errors = _try(Pack, left.value)
    if mended is not None:
        lost = _declared(source.value) - _declared(left.value)
        found = [mistake for mistake in check(mended) if mistake.name not in lost]
        # Without the wrong values an order of stages may look wrong that is not.
        sure = [mistake for mistake in found if pack is not None or not mistake.of_order]
        problems += [_problem(left, mistake.loc, mistake.message) for mistake in sure]
    return pack, problems


def _declared(value: Any) -> set[str]:
    """Return every name that a pack gives to something."""
    names: set[str] = set()
    if isinstance(value, dict):
        names |= {item for key, item in value.items() if key in NAMING_KEYS and isinstance(item, str)}
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            names |= _declared(item)
    return names


def _try(model: type[Model], value: Any) -> tuple[Model | None, list[Any]]:
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        return None, [each for each in error.errors(include_url=False) if not _counts_the_valid(each)]


def _counts_the_valid(error: Any) -> bool:
    """Tell whether a list is called too short only because what is wrong in it was not counted."""
    return bool(error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"])


def _told(errors: list[Any], source: Sourced, root: type[BaseModel]) -> list[PackProblem]:
    return [_problem(source, error["loc"], words(error, root)) for error in errors]


def _problem(source: Sourced, loc: Loc, message: Message) -> PackProblem:
    at = source.locate(loc)
    names_missing = loc and at.path[-1:] != loc[-1:] and isinstance(loc[-1], str) and loc[-1] not in NAMING_KEYS
    path = (*at.path, loc[-1]) if names_missing and isinstance(at.value, dict) else at.path
    return PackProblem(at.file, at.line, dotted(path), message)


def _in_order(problems: list[PackProblem]) -> list[PackProblem]:
    """Return the problems by file and line, each once: a wrong union member is told once, not once per member."""
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.file, problem.line, problem.path))
