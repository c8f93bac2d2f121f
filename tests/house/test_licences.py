"""What we build on may be used under the Apache licence, and docs/licences.md says under which terms."""

import re
from hashlib import sha256

import pytest

from tests.house.licences import licence_of, locked
from tests.house.sources import ROOT, TEST_VENDORED, VENDORED

DOCUMENT = ROOT / "docs/licences.md"
ROW = re.compile(r"^\| ([a-z0-9][a-z0-9._-]*) \| ([^|]+?) \|$", re.MULTILINE)
PERMISSIVE = {
    "0BSD", "Apache-2.0", "Artistic-1.0-Perl", "BSD-2-Clause", "BSD-3-Clause", "CNRI-Python", "ISC", "MIT", "MIT-0",
    "PSF-2.0", "PostgreSQL",
}  # fmt: skip
UNCHANGED_ONLY = {"MPL-2.0", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later"}
"""Free to use as a library that we neither change nor copy from."""
LOCKED = locked()
KEPT = {
    "LICENSE": "5788cf8bd61481776cee1c943595525499a1355c045e9244f92e6c8092c06770",
    "bpmn-viewer.production.min.js": "3e86176f1be59ab1d7fb052d4bf458b93af598e7e80f2c7742ad37da98bf4733",
}
"""The checksums of what the tests keep of bpmn-js."""


def permitted(expression: str) -> bool:
    """Whether an SPDX expression offers a choice of permitted licences only."""
    if not re.fullmatch(r"[A-Za-z0-9.+() -]+", expression):
        return False
    words = {"OR": "or", "AND": "and"}
    known = PERMISSIVE | UNCHANGED_ONLY
    return bool(eval(re.sub(r"[A-Za-z0-9.+-]+", lambda word: words.get(word[0], str(word[0] in known)), expression)))


def documented() -> dict[str, str]:
    return dict(ROW.findall(DOCUMENT.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", True),
        ("GPL-3.0-or-later", False),
        ("AGPL-3.0-only", False),
        ("Artistic-1.0-Perl OR GPL-2.0-or-later", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("MIT AND GPL-2.0-only", False),
        ("unclear: 'somebody says so'", False),
    ],
)
def test_a_choice_counts_and_a_sum_does_not(expression, expected):
    assert permitted(expression) is expected


def test_every_locked_distribution_is_listed():
    assert len(LOCKED) > 50
    assert sorted(documented()) == sorted(LOCKED), "docs/licences.md: see “When the lock changes”"


def test_the_list_says_what_the_distributions_say():
    """Each Python and system sees those that are installed there."""
    installed = {name: licence for name in LOCKED if (licence := licence_of(name)) is not None}
    assert len(installed) > len(LOCKED) * 0.8
    listed = documented()
    assert {name: listed.get(name) for name in installed} == installed


def test_every_licence_is_permitted():
    assert {name: licence for name, licence in documented().items() if not permitted(licence)} == {}


def test_what_is_served_from_the_repository_brings_its_licence():
    folders = [folder for folder in (ROOT / VENDORED).iterdir() if folder.is_dir()]
    text, notice = DOCUMENT.read_text(encoding="utf-8"), (ROOT / "NOTICE").read_text(encoding="utf-8")
    assert folders
    for folder in folders:
        assert list(folder.glob("LICENSE*")), folder.name
        name, _, version = folder.name.rpartition("-")
        assert f"{name} {version}" in text.lower(), folder.name
        assert name in notice.lower(), folder.name


def test_what_the_tests_keep_of_others_is_unchanged_and_brings_its_licence():
    folders = [folder for folder in (ROOT / TEST_VENDORED).iterdir() if folder.is_dir()]
    assert [folder.name for folder in folders] == ["bpmn-js-18.31.1"]
    folder = folders[0]
    assert {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()} == KEPT
    text, notice = DOCUMENT.read_text(encoding="utf-8"), (ROOT / "NOTICE").read_text(encoding="utf-8")
    assert "bpmn-js 18.31.1" in text
    assert "bpmn-js" in notice


def test_our_own_licence_is_whole():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
