"""A pack to begin with: it passes its check, teaches by its comments, and is never written among other files."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from services.adapters.new_pack_folder import FolderInUseError, write_new_pack
from services.adapters.packs import read_pack
from services.cli import build
from services.errors import InvalidInputError

NAMES = {"code": "reading-week", "title_zh": "读书周", "title_en": "Reading week"}


def test_a_new_pack_passes_its_check(tmp_path):
    write_new_pack(tmp_path / "pack", **NAMES)
    pack = read_pack(tmp_path / "pack")
    assert (pack.programme, pack.title.zh, pack.title.en) == ("reading-week", "读书周", "Reading week")
    assert [process.process for process in pack.processes] == ["plan-filing"]
    assert [stage.kind for stage in pack.processes[0].stages] == ["submit", "approve", "file"]
    assert [form.form for form in pack.forms] == ["plan"]


@pytest.mark.parametrize("title", ['a "quoted": title', "{braces}, [brackets] # no comment", "’$code $$ ' \\ é"])
def test_a_title_may_hold_anything(tmp_path, title):
    write_new_pack(tmp_path / "pack", code="x", title_zh=title, title_en=title)
    assert read_pack(tmp_path / "pack").title.en == title


def test_each_file_teaches(tmp_path):
    for path in write_new_pack(tmp_path / "pack", **NAMES):
        comments = [line for line in path.read_text(encoding="utf-8").splitlines() if "# " in line]
        assert comments, path
        assert "$" not in path.read_text(encoding="utf-8")


def test_a_folder_that_is_not_empty_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FolderInUseError, match="is there and not empty; name a folder that is not"):
        write_new_pack(tmp_path, **NAMES)
    with pytest.raises(FolderInUseError):
        write_new_pack(tmp_path / "mine.txt", **NAMES)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    assert write_new_pack(tmp_path / "empty", **NAMES)


@pytest.mark.parametrize(
    "wrong", [{"code": "Reading Week"}, {"code": "x" * 61}, {"title_zh": " "}, {"title_en": "x" * 201}]
)
def test_a_wrong_code_or_title_is_refused_and_nothing_is_written(tmp_path, wrong):
    with pytest.raises(InvalidInputError):
        write_new_pack(tmp_path / "pack", **NAMES | wrong)
    assert not (tmp_path / "pack").exists()


def test_the_command_names_the_files(tmp_path, monkeypatch):
    monkeypatch.setenv("GUANTONG_LOCALE", "en")
    options = ["--code=reading-week", "--title-zh=读书周", "--title-en=Reading week"]
    done = CliRunner().invoke(build(), ["programme", "new", str(tmp_path / "pack"), *options, "--json"])
    answer = json.loads(done.stdout)
    assert answer["ok"]
    assert sorted(path.removeprefix(str(tmp_path)) for path in answer["files"]) == [
        "/pack/calendars/own.yaml", "/pack/forms/plan.yaml", "/pack/processes/plan-filing.yaml", "/pack/programme.yaml",
    ]  # fmt: skip
