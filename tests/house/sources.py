"""What the repository holds: the files under version control or about to be, and the documents among them."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENDORED = Path("services/web/static/vendor")
TEST_VENDORED = Path("tests/browser/vendor")
"""What others wrote and we keep unchanged: for our pages, and for the tests alone."""
CODE = ("services", "models", "flows", "schedules", "migrations", "benchmarks", "tools", "tests")

_FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")


@cache
def kept_files() -> tuple[Path, ...]:
    """Every file that is committed or would be, relative to the root; what others made is left out."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True).stdout
    paths = sorted(Path(name.decode()) for name in set(listed.split(b"\0")) if name)
    return tuple(
        path for path in paths if not {VENDORED, TEST_VENDORED} & set(path.parents) and (ROOT / path).is_file()
    )


def python_files(*folders: str) -> list[Path]:
    wanted = folders or CODE
    return [path for path in kept_files() if path.suffix == ".py" and path.parts[0] in wanted]


@cache
def documents() -> dict[Path, str]:
    """Every Markdown document with its text."""
    return {path: (ROOT / path).read_text(encoding="utf-8") for path in kept_files() if path.suffix == ".md"}


def code_in(text: str) -> list[str]:
    """The lines of a document that are code: in fences, and in spans between backticks."""
    fenced = [line for block in _FENCE.findall(text) for line in block.splitlines()]
    return fenced + _SPAN.findall(_FENCE.sub("", text))
