"""YAML that knows where it stands: every value with its file and line, every mistake collected instead of the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from services.i18n import Message

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it: a province's pack has thousands of lines, which it reads in a fifth of the time."""
DEEPEST = 40
"""Levels of nesting that a pack may have; PyYAML takes seconds for thousands."""


@dataclass(frozen=True)
class PackProblem:
    """One mistake in a pack: the file, the line (from 1), the path in the file's structure, and what would be right."""

    file: str
    line: int
    path: str
    message: Message

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values; `message` is English text until somebody asks it `.in_(locale)`."""
        return {"file": self.file, "line": self.line, "path": self.path, "message": self.message}


@dataclass(frozen=True)
class Sourced:
    """A value with the place where it was written; `children` by key or index, `path` from its file's beginning."""

    value: Any
    file: str
    line: int
    children: Mapping[str | int, Sourced] = field(default_factory=dict)
    path: tuple[str | int, ...] = ()

    def locate(self, loc: tuple[str | int, ...]) -> Sourced:
        """Return the deepest written value on the way along `loc`."""
        found = self
        for step in self.trace(loc):
            found = found.children[step]
        return found

    def trace(self, loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
        """Return the steps of `loc` that somebody wrote; the others (a union's tag, a missing key) are passed over."""
        return _trace(self, loc, 0, {})


def _trace(
    source: Sourced, loc: tuple[str | int, ...], at: int, known: dict[tuple[int, int], tuple[str | int, ...]]
) -> tuple[str | int, ...]:
    """Return what `trace` does for `loc` from `at` on. known: what was found, since blocks inside of blocks repeat their keys."""
    if at == len(loc):
        return ()
    key = (id(source), at)
    if key not in known:
        found = _trace(source, loc, at + 1, known)
        if loc[at] in source.children:
            within = (loc[at], *_trace(source.children[loc[at]], loc, at + 1, known))
            # At a tie the step is a tag that happens to be written too: `submit: plan` names the stage's kind.
            found = within if len(within) > len(found) else found
        known[key] = found
    return known[key]


def gather(children: Mapping[str | int, Sourced], *, file: str, values: Any) -> Sourced:
    """Return a value that is put together from several files."""
    return Sourced(values, file, 1, children)


class Reader:
    """Reads YAML files; `problems` holds what is wrong with them as YAML."""

    def __init__(self) -> None:
        self.problems: list[PackProblem] = []

    def read(self, path: Path) -> Sourced | None:
        """Return the file's content, or None where it is no YAML at all (the problem is noted)."""
        name = str(path)
        try:
            return self._read(path.read_text(encoding="utf-8"), name)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            self._note(
                name, line, Message("this is not YAML: {problem}", {"problem": error.problem or error.context or ""})
            )
        except yaml.YAMLError as error:
            self._note(name, 1, Message("this is not YAML: {problem}", {"problem": str(error).splitlines()[0]}))
        except UnicodeDecodeError:
            self._note(name, 1, Message("this is not UTF-8 text; save the file as UTF-8"))
        except OSError as error:
            self._note(
                name, 1, Message("the file cannot be read: {problem}", {"problem": error.strerror or str(error)})
            )
        return None

    def _read(self, text: str, name: str) -> Sourced | None:
        depth = 0
        for event in yaml.parse(text, Loader=Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                self._note(name, 1, Message("this is nested too deeply to be a pack"))
                return None
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else 1
                self._note(
                    name,
                    line,
                    Message("*{anchor} refers to another place; write the value out here", {"anchor": event.anchor}),
                )
                return None
        loader = Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                self._note(name, 1, Message("the file is empty"))
                return None
            return self._build(loader, node, name, ())
        finally:
            loader.dispose()

    def _build(self, loader: yaml.SafeLoader, node: yaml.Node, name: str, path: tuple[str | int, ...]) -> Sourced:
        line = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            children = dict(self._entries(loader, node, name, path))
            return Sourced({key: child.value for key, child in children.items()}, name, line, children, path)
        if isinstance(node, yaml.SequenceNode):
            items: dict[str | int, Sourced] = {
                index: self._build(loader, item, name, (*path, index)) for index, item in enumerate(node.value)
            }
            return Sourced([child.value for child in items.values()], name, line, items, path)
        return Sourced(self._scalar(loader, node, name, path), name, line, {}, path)

    def _entries(
        self, loader: yaml.SafeLoader, node: yaml.MappingNode, name: str, path: tuple[str | int, ...]
    ) -> Iterator[tuple[str | int, Sourced]]:
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._note(name, line, Message("a key must be a word"), path)
                continue
            key = str(key_node.value)
            if key in lines:
                values = {"key": key, "line": lines[key]}
                self._note(
                    name,
                    line,
                    Message("“{key}” was already written in line {line}; keep one of them", values),
                    (*path, key),
                )
                continue
            lines[key] = line
            built = self._build(loader, value_node, name, (*path, key))
            # A mapping below a key is found at the key's line: that is where a reader looks for it.
            yield key, Sourced(built.value, name, line, built.children, built.path)

    def _scalar(self, loader: yaml.SafeLoader, node: yaml.Node, name: str, path: tuple[str | int, ...]) -> Any:
        try:
            return loader.construct_object(node)
        except yaml.constructor.ConstructorError:
            words = Message("the tag {tag} is not accepted; write the value alone", {"tag": node.tag})
        except ValueError:
            words = Message("“{value}” is no value; write text in quotes", {"value": node.value})
        self._note(name, node.start_mark.line + 1, words, path)
        return str(node.value)

    def _note(self, file: str, line: int, message: Message, path: tuple[str | int, ...] = ()) -> None:
        self.problems.append(PackProblem(file, line, dotted(path), message))


def dotted(path: tuple[str | int, ...]) -> str:
    """Return a path as people write it: `stages.1.by`."""
    return ".".join(str(step) for step in path)
