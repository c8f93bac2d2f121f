"""The commands that a person gives beside a running installation, or without one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from services.adapters.data_folder import DataFolder, Marker
from services.adapters.database import as_demo, here
from services.adapters.keys import load_keys, make_keys
from services.cli import build
from services.settings import Settings, load_settings
from tests.installation.command import GUANTONG, environment, guantong

ROOT = Path(__file__).parents[2]


def ask(place: Path, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [GUANTONG, *arguments], env=environment(place), capture_output=True, text=True, check=False, input=said
    )


def test_the_key_is_typed_back_from_its_sheet(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "old")
    done = ask(tmp_path, "key", "restore", said=keys.words().lower())
    assert (done.returncode, done.stderr) == (0, "")
    assert load_keys(tmp_path / "keys") == keys
    assert ask(tmp_path, "key", "fingerprint").stdout.strip() == keys.fingerprint
    wrong = ask(tmp_path, "key", "restore", said="not a key")
    assert wrong.returncode == 2
    assert "mistyped" in wrong.stderr


def test_doctor_of_an_empty_machine_says_what_fails_and_changes_nothing(tmp_path: Path) -> None:
    done = guantong("doctor", "--json", env=environment(tmp_path))
    found = json.loads(done.stdout)
    assert (done.returncode, found["works"]) == (1, False)
    levels = {each["thing"]: each["level"] for each in found["findings"]}
    assert levels["python"] == levels["disk"] == "ok"
    assert {levels[thing] for thing in ("key", "database", "schema", "web", "clock", "prefect", "worker")} == {"fail"}
    assert not (tmp_path / "data").exists()


def test_commands_without_an_installation_make_none(tmp_path: Path) -> None:
    for command in (["backup"], ["migrate"]):
        done = guantong(*command, env=environment(tmp_path))
        assert (done.returncode, done.stderr.strip()) == (2, f"{tmp_path / 'data'} holds no installation.")
    assert not (tmp_path / "data").exists()


def test_settings_lists_every_name(tmp_path: Path) -> None:
    done = guantong(
        "settings", env=environment(tmp_path) | {"GUANTONG_SMTP_USERNAME": "me", "GUANTONG_SMTP_PASSWORD": "geheim"}
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        f"GUANTONG_{n.upper()}" for n in Settings.model_fields
    ]
    assert "geheim" not in done.stdout


def test_a_command_means_the_running_demo_where_nothing_lasting_is(tmp_path: Path) -> None:
    settings = load_settings({}, home=tmp_path / "data", key_folder=tmp_path / "keys")
    demo = DataFolder(tmp_path / "data" / "demo")
    assert here(settings) == settings
    demo.hold()
    demo.mark(Marker(1, "demo", "any"))
    assert here(settings) == as_demo(settings, demo.path)
    assert here(settings).clock == "store"
    DataFolder(settings.home).mark(Marker(1, "lasting", "any"))
    assert here(settings) == settings
    demo.release()


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_a_refusal_is_said_in_the_installations_language(tmp_path: Path, locale: str) -> None:
    done = guantong("settings", env=environment(tmp_path, locale=locale, port="x"))
    assert ("应为1 至 65535 的端口号" in done.stderr) == (locale == "zh")
    assert ("a port number from 1 to 65535" in done.stderr) == (locale == "en")


def test_each_group_is_found_by_its_name_and_all_without_one() -> None:
    assert {group.name for group in build().registered_groups} >= {None, "key", "programme", "token"}
    assert [group.name for group in build(["key", "fingerprint"]).registered_groups] == ["key"]
    assert [group.name for group in build(["up"]).registered_groups] == [None]


def test_make_explains_itself() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("help", "setup", "demo", "up", "test", "test-fast", "test-long", "lint", "bench"):
        assert f"  make {target} " in said


def test_setup_without_a_fitting_python_says_so_in_one_sentence_each_language(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    script = tmp_path / "tools" / "setup.sh"
    script.write_text((ROOT / "tools" / "setup.sh").read_text())
    done = subprocess.run(
        ["/bin/sh", script],
        env={"PATH": "/usr/bin:/bin", "PYTHON": "no-such-python"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 2
    assert "Python 3.11, 3.12 or 3.13" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_setup_with_a_python_that_makes_no_environments_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    script = tmp_path / "tools" / "setup.sh"
    script.write_text((ROOT / "tools" / "setup.sh").read_text())
    bare = tmp_path / "python-without-venv"
    bare.write_text(f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"\n')
    bare.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", script],
        env={"PATH": "/usr/bin:/bin", "PYTHON": str(bare)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "python3-venv" in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "https://py" + "pi.org/simple",
        "files.python" + "hosted.org",
        "--index" + "-url https://x",
        "https://mirror.example/simp" + "le/",
    ],
)
def test_a_file_that_names_a_package_index_is_refused(tmp_path: Path, line: str) -> None:
    check = [sys.executable, ROOT / "tools" / "check_hosts.py"]
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "notes.md").write_text(f"one\n{line}\n")
    subprocess.run(["git", "add", "notes.md"], cwd=tmp_path, check=True)
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "notes.md:2: names a package index or its host\n")
    (tmp_path / "notes.md").write_text("a simple plan, and a package index\n")
    assert subprocess.run(check, cwd=tmp_path, check=False).returncode == 0
