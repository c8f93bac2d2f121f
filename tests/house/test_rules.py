"""The rules of the house that no linter knows: layers, the lock, the Makefile, what CI runs."""

import os
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from importlinter.cli import lint_imports

from services.adapters.doctor import PYTHONS
from tests.house.licences import locked
from tests.house.sources import ROOT, kept_files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def contracts() -> dict[str, dict[str, object]]:
    return {each["name"]: each for each in PROJECT["tool"]["importlinter"]["contracts"]}


def test_imports_point_downward(capsys):
    exit_code = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert exit_code == 0, capsys.readouterr().out


def test_no_package_is_outside_the_layers():
    layers = " ".join(contracts()["Imports point downward only"]["layers"])
    named = {name.strip() for name in re.split(r"[|:\s]+", layers)}
    there = {path.parts[1] for path in kept_files() if path.parts[0] == "services" and len(path.parts) > 2}
    packages = {f"services.{name}" for name in there if (ROOT / "services" / name / "__init__.py").exists()}
    packages |= {
        f"services.{path.stem}" for path in kept_files() if path.parent.name == "services" and path.suffix == ".py"
    }
    assert packages - named - {"services.__init__"} == set()


def test_the_rules_know_no_framework():
    forbidden = set(contracts()["The rules are pure"]["forbidden_modules"])
    assert forbidden >= {"sqlmodel", "sqlalchemy", "prefect", "fastapi", "aiosmtplib"}


def test_ci_lints_and_tests_and_does_nothing_else():
    path = ROOT / ".ci/run"
    assert os.access(path, os.X_OK)
    lines = [line.strip() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    work = [line for line in lines if not line.startswith(("set ", "cd "))]
    assert work == ["make lint", "make test"]


def test_pythons_agree():
    first, last = (".".join(map(str, version)) for version in PYTHONS)
    after = f"{PYTHONS[1][0]}.{PYTHONS[1][1] + 1}"
    assert PROJECT["project"]["requires-python"] == f">={first},<{after}"
    assert PROJECT["tool"]["mypy"]["python_version"] == first
    assert PROJECT["tool"]["ruff"]["target-version"] == "py" + first.replace(".", "")
    setup = (ROOT / "tools/setup.sh").read_text(encoding="utf-8")
    assert f"{PYTHONS[0]} <= sys.version_info[:2] <= {PYTHONS[1]}" in setup
    assert f"python{last}" in setup


def test_every_target_but_helpers_explains_itself():
    phony = set(re.search(r"^\.PHONY:(.*)$", MAKEFILE, re.MULTILINE)[1].split())
    explained = set(re.findall(r"^([a-z-]+):.*## .+$", MAKEFILE, re.MULTILINE))
    assert explained >= {"help", "setup", "demo", "up", "test", "test-fast", "test-long", "lint", "bench"}
    assert explained <= phony
    said = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(re.findall(r"^\s+make ([a-z-]+)", said.stdout, re.MULTILINE)) == explained


def test_strictness_is_on():
    pytest_options = PROJECT["tool"]["pytest"]["ini_options"]
    assert pytest_options["filterwarnings"][0] == "error"
    assert {"--strict-markers", "--strict-config"} <= set(pytest_options["addopts"])
    assert pytest_options["xfail_strict"] is True
    assert PROJECT["tool"]["mypy"]["strict"] is True
    assert PROJECT["tool"]["ruff"]["lint"]["select"] == ["ALL"]


def test_the_lock_has_names_versions_and_hashes_only():
    parts = re.split(r"\n(?=\S)", LOCK.strip())
    wrong = [
        part
        for part in parts
        if not re.fullmatch(
            r"[a-z0-9._-]+==[^\s;]+(?: ;[^\\\n]+)? \\(?:\n    --hash=sha256:[0-9a-f]{64}(?: \\)?)+", part
        )
    ]
    assert wrong == []
    assert len(parts) == len(locked())


def test_everything_asked_for_is_locked():
    asked = PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]
    names = {re.match(r"[A-Za-z0-9._-]+", each)[0].lower().replace("_", "-") for each in asked}
    assert names - set(locked()) == set()


def test_prefect_is_the_one_that_the_deployments_name():
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    assert deployments["prefect-version"] == locked()["prefect"]


def test_no_kept_file_names_a_package_index():
    done = subprocess.run(
        [sys.executable, "tools/check_hosts.py"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "line",
    [
        "get it from https://py" + "pi.org/project/x",
        "https://files.python" + "hosted.org/packages/x.whl",
        "--index-" + "url https://example.org/x",
        'registry = "https://packages.example.org/sim' + 'ple"',
    ],
)
def test_naming_one_is_noticed(line, tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "notes.txt").write_text(f"one\n{line}\n")
    subprocess.run(["git", "add", "notes.txt"], cwd=tmp_path, check=True)
    done = subprocess.run(
        [sys.executable, ROOT / "tools/check_hosts.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "notes.txt:2" in done.stdout) == (1, True)
