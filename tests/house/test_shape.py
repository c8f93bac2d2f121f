"""Functions are short, files are small, and what others call says what it does. Exceptions stand here with their reason."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.house.sources import ROOT, python_files

LONGEST_FUNCTION, LONGEST_FILE = 60, 400
USUAL, SHARE = 30, 0.9

LONG_FUNCTIONS = {
    "migrations/versions/0001_the_first_schema.py:upgrade": "one table after the other, generated from the models",
}
LONG_FILES = {
    "migrations/versions/0001_the_first_schema.py": "one table after the other, generated from the models",
    "tests/process/test_forms.py": "one table of inputs and what is said to them",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def functions(*folders: str) -> Iterator[tuple[str, int]]:
    """Every function with its length in lines, without its docstring: that is not what makes it hard to read."""
    for path in python_files(*folders):
        for node in ast.walk(parsed(path)):
            if isinstance(node, Function):
                yield f"{path}:{node.name}", node.end_lineno - node.lineno + 1 - _docstring_lines(node)


def _docstring_lines(node: Function) -> int:
    first = node.body[0]
    return first.end_lineno - first.lineno + 1 if ast.get_docstring(node) is not None else 0


def test_functions_are_not_long():
    long = {name: lines for name, lines in functions() if lines > LONGEST_FUNCTION}
    assert set(long) - set(LONG_FUNCTIONS) == set(), long
    assert set(LONG_FUNCTIONS) - set(long) == set(), "these are short again: take them off the list"


def test_nine_functions_of_ten_are_short():
    lengths = [lines for _name, lines in functions("services", "models", "flows", "schedules", "tests")]
    assert sum(lines <= USUAL for lines in lengths) / len(lengths) >= SHARE


def test_files_are_not_long():
    long = {
        str(path): n for path in python_files() if (n := len((ROOT / path).read_text().splitlines())) > LONGEST_FILE
    }
    assert set(long) - set(LONG_FILES) == set(), long
    assert set(LONG_FILES) - set(long) == set(), "these are short again: take them off the list"


def test_every_module_says_what_it_is():
    silent = [str(path) for path in python_files() if not ast.get_docstring(parsed(path)) and parsed(path).body]
    assert [path for path in silent if not path.startswith("tests/")] == []


def test_what_others_call_says_what_it_does():
    """Every public function of a module that others may call."""
    silent = [
        f"{path}:{node.lineno}: {node.name}"
        for path in python_files("services", "flows", "schedules")
        for node in parsed(path).body
        if isinstance(node, Function) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert silent == []


def test_absolute_imports_only():
    relative = [
        f"{path}:{node.lineno}"
        for path in python_files()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


REAL_TIME = {
    "services/store/clock.py": "the Clock port",
    "services/store/ids.py": "the Ids port",
    "schedules/runner.py": "when the scheduler looks again is the machine's business, not the bureau's",
}
CALLS = {"datetime.now", "datetime.utcnow", "date.today", "uuid4", "uuid.uuid4", "uuid7", "time.time"}
IN_SQL = re.compile(r"(?i)\bgen_random_uuid\b|\buuidv7\(|(?<![\w.])now\(\)|\bcurrent_(?:timestamp|date)\b")


def _taken_from_the_machine(node: ast.AST) -> str:
    if isinstance(node, ast.Call) and ast.unparse(node.func) in CALLS:
        return ast.unparse(node.func)
    found = IN_SQL.search(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
    return found[0] if found else ""


def test_time_and_chance_come_in_by_the_door():
    """No business fact takes its time from the machine or its id from chance, in Python or in SQL.

    Adapters may: what they time is processes and files. Leases use clock_timestamp(), which is meant.
    """
    paths = [path for path in python_files("services", "models", "flows", "schedules") if str(path) not in REAL_TIME]
    found = [
        f"{path}:{node.lineno}: {taken}"
        for path in paths
        if not path.is_relative_to("services/adapters")
        for node in ast.walk(parsed(path))
        if (taken := _taken_from_the_machine(node))
    ]
    assert found == []
