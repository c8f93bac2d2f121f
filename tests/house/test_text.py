"""What no kept file may hold. The patterns are put together from pieces, so that this file does not hold them."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.house.sources import ROOT, kept_files

TEXT = {
    ".cfg", ".css", ".html", ".ini", ".js", ".json", ".lock", ".mako", ".md", ".po", ".py", ".sh", ".svg", ".toml",
    ".txt", ".yaml", ".yml", "",
}  # fmt: skip
PIECES = {
    "a path of somebody's machine": (
        "/wo|rk/(?:main\\|shared)\\b",
        "/ho|me/[a-z]",
        "/Us|ers/[A-Za-z]",
        "/tm|p/[a-z0-9]",
    ),
    "the number of an issue": ("(?i:\\bissu|e\\s*#?\\d)", "\\bissu|es show\\b", "(?:clos\\|fix)es #\\d"),
    "who wrote it": ("(?i:\\bcla|ude\\b)", "(?i:\\banthro|pic\\b)", "(?i:\\bcopi|lot\\b)", "(?i:\\bsub|agents?\\b)"),
    "work left undone": ("\\bTO|DO\\b", "\\bFIX|ME\\b", "\\bX|XX\\b"),
    "a conflict": ("(?m:^<{7} )", "(?m:^>{7} )"),
}
"""Patterns; a bar that is not escaped only separates pieces, an escaped one is meant."""
WORDS = {
    what: "|".join(re.sub(r"(?<!\\)\|", "", each).replace(r"\|", "|") for each in pieces)
    for what, pieces in PIECES.items()
}


@cache
def text_of(path: Path) -> str:
    return (ROOT / path).read_bytes().decode("utf-8")


def text_files() -> list[Path]:
    return [path for path in kept_files() if path.suffix in TEXT]


def places(pattern: str) -> list[str]:
    """Where the pattern stands, as file:line: match."""
    return [
        f"{path}:{text_of(path).count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for path in text_files()
        for match in re.finditer(pattern, text_of(path))
    ]


@pytest.mark.parametrize("what", WORDS)
def test_no_file_holds(what):
    assert places(WORDS[what]) == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a path of somebody's machine", "cd /wo" + "rk/main"),
        ("the number of an issue", "as iss" + "ue 12 asks"),
        ("who wrote it", "written by Cla" + "ude"),
        ("work left undone", "# TO" + "DO: later"),
        ("a conflict", "<" * 7 + " HEAD"),
    ],
)
def test_the_pattern_finds(what, line):
    assert re.search(WORDS[what], line)


def test_text_is_tidy():
    """UTF-8, lines that end with a newline only, none with blanks behind it, one newline at the end."""
    untidy = []
    for path in text_files():
        if "mail_templates" in path.parts:
            continue  # their blanks are part of the mail
        text = text_of(path)
        blanks = re.search(r"[ \t]+$", text, re.MULTILINE) if path.suffix not in {".po", ".svg"} else None
        if "\r" in text or blanks or (text and not text.endswith("\n")) or text.endswith("\n\n"):
            untidy.append(str(path))
    assert untidy == []


def test_nothing_large_is_kept():
    large = {str(path): size for path in kept_files() if (size := (ROOT / path).stat().st_size) > 1_000_000}
    assert large == {}
