"""What the documents name exists, and what exists is documented."""

import re
from functools import cache
from pathlib import Path

import click
import pytest
import typer

from services.cli import build
from services.settings import INTERNAL_NAMES, PREFIX, Settings
from tests.house.sources import CODE, ROOT, code_in, documents

README, README_ZH = Path("README.md"), Path("README.zh.md")
OWN_TEST_NAMES = {"GUANTONG_TEST_DATABASE_URL"}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
WORDS_OF_A_DECISION = ["Context", "Decision", "Why", "What it costs"]
PAGE = 60


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@cache
def commands() -> dict[str, set[str]]:
    """Every command of `guantong`, as it is typed, with its options."""
    return dict(_below(typer.main.get_command(build()), ()))


def _below(command: click.Command, path: tuple[str, ...]):
    if hasattr(command, "commands"):
        for name, each in command.commands.items():
            yield from _below(each, (*path, name))
    else:
        yield " ".join(path), {option for each in command.params for option in each.opts if option.startswith("--")}


def make_targets_in(text: str) -> set[str]:
    return {name for line in code_in(text) for name in re.findall(r"(?:^|\s)make ([a-z][a-z-]*)", line)}


def commands_in(text: str) -> list[tuple[str, set[str]]]:
    """Every `guantong …` of a document: the words up to the first argument, and its options."""
    found = []
    for line in code_in(text):
        for said in re.findall(r"(?:^|[\s/])guantong ([a-z][^#|&;]*)", line):
            words = said.split()
            options = {word.partition("=")[0] for word in words if word.startswith("--") and word != "--help"}
            named = next(
                (" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in commands()), " ".join(words[:2])
            )
            found.append((named, options))
    return found


def settings_in(text: str) -> set[str]:
    return set(re.findall(r"GUANTONG_[A-Z_]*[A-Z]", text))


def settings() -> set[str]:
    return {PREFIX + name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("path", documents(), ids=str)
def test_make_targets_exist(path):
    assert make_targets_in(documents()[path]) - targets() == set()


@pytest.mark.parametrize("path", documents(), ids=str)
def test_commands_and_their_options_exist(path):
    wrong = [
        (name, options - commands().get(name, set()))
        for name, options in commands_in(documents()[path])
        if name not in commands() or options - commands()[name]
    ]
    assert wrong == []


@pytest.mark.parametrize("path", documents(), ids=str)
def test_settings_exist(path):
    assert settings_in(documents()[path]) - settings() - INTERNAL_NAMES - OWN_TEST_NAMES == set()


def test_every_target_is_documented():
    named = set().union(*(make_targets_in(text) for text in documents().values()))
    assert targets() - named == set()


def test_every_command_is_documented():
    named = {name for text in documents().values() for name, _options in commands_in(text)}
    assert set(commands()) - named == set()


def test_every_setting_is_documented_in_both_languages():
    for path in (Path("docs/guide/settings.md"), Path("docs/guide/settings.zh.md")):
        assert settings() - settings_in(documents()[path]) == set(), path


def test_defaults_are_the_documented_ones():
    """The second column of the table of settings holds the default, a dash where there is none."""
    for path in (Path("docs/guide/settings.md"), Path("docs/guide/settings.zh.md")):
        rows = dict(re.findall(r"^\| `GUANTONG_([A-Z_]+)` \| `([^`]*)` \|", documents()[path], re.MULTILINE))
        fixed = {n: f.default for n, f in Settings.model_fields.items() if f.default_factory is None and f.default}
        assert {name.lower(): value for name, value in rows.items()} == {k: str(v) for k, v in fixed.items()}, path


def test_readmes_agree():
    ours, theirs = documents()[README], documents()[README_ZH]
    assert make_targets_in(ours) == make_targets_in(theirs)
    assert sorted(map(str, commands_in(ours))) == sorted(map(str, commands_in(theirs)))
    assert settings_in(ours) == settings_in(theirs)
    assert {"demo", "test"} <= make_targets_in(ours)


def anchors(text: str) -> set[str]:
    """The anchors of a document's headings, as they are usually made from them."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {each.strip().replace(" ", "-") for each in plain}


def links_of(path: Path) -> list[str]:
    found = LINK.findall(re.sub(r"^```.*?^```", "", documents()[path], flags=re.MULTILINE | re.DOTALL))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


@pytest.mark.parametrize("path", documents(), ids=str)
def test_links_lead_somewhere(path):
    broken = []
    for link in links_of(path):
        name, _, anchor = link.partition("#")
        target = (ROOT / path.parent / name).resolve() if name else ROOT / path
        relative = target.relative_to(ROOT)
        if not target.exists() or (anchor and anchor not in anchors(documents().get(relative, ""))):
            broken.append(link)
    assert broken == []


def test_every_document_is_reached_from_the_readme():
    reached, queue = set(), [README]
    while queue:
        path = queue.pop()
        if path in reached or path not in documents():
            continue
        reached.add(path)
        names = (link.partition("#")[0] for link in links_of(path))
        queue += [(ROOT / path.parent / name).resolve().relative_to(ROOT) for name in names if name]
    assert set(documents()) - reached == set()


@pytest.mark.parametrize("path", documents(), ids=str)
def test_named_places_exist(path):
    tops = "|".join((*CODE, "docs", "programmes"))
    named = {
        each.rstrip("/")
        for line in code_in(documents()[path])
        for each in re.findall(rf"(?<![\w/.-])((?:{tops})/[\w./-]+)", line)
    }
    made = {"benchmarks/results/latest.json"}
    assert {each for each in named - made if not (ROOT / each.partition(":")[0]).exists()} == set()


DECISIONS = sorted(path for path in documents() if path.parent == Path("docs/decisions") and path.name[0].isdigit())


def test_decisions_are_numbered_without_gaps():
    assert DECISIONS
    assert [path.name[:5] for path in DECISIONS] == [f"{n:04}-" for n in range(1, len(DECISIONS) + 1)]


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_is_a_page_with_its_reason_and_its_price(path):
    text = documents()[path]
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == WORDS_OF_A_DECISION
    assert re.match(rf"# {int(path.name[:4])}\. \S", text)
    assert len(text.splitlines()) <= PAGE
    assert text.splitlines()[0].partition(". ")[2] in documents()[Path("docs/decisions/README.md")]
