"""A whole installation, as `guantong up` runs it: started, looked at, wounded, stopped, killed, started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from services.adapters.postgres_programs import choose_account
from services.settings import load_settings
from tests.homes import passable_folder, running_on, until
from tests.installation.command import FIRST, GUANTONG, Running, environment, guantong, started, status

pytestmark = [pytest.mark.crash, pytest.mark.prefect]


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with passable_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def up(place: Path) -> Iterator[Running]:
    """One installation that all tests of this module look at, in their order; the last ones end it."""
    typed = "\n海州市教育局\nhaizhou\n管理员\nadmin\n"  # the first line is empty: a name is asked for again
    with started("up", env=environment(place), typed=typed) as running:
        running.wait_for("Guantong answers")
        yield running


def child(place: Path, words: str) -> psutil.Process:
    found = [p for p in running_on(place) if words in " ".join(p.cmdline())]
    assert found, words
    return found[0]


def test_the_page_answers_before_prefect_is_up(up: Running) -> None:
    assert status(f"{up.url}/healthz") == 200
    assert not up.said("Prefect is ready")


def test_the_first_start_tells_how_the_administrator_gets_in_and_where_the_key_is(up: Running, place: Path) -> None:
    assert up.said("The bureau's name: The bureau's name: A short code for it")
    assert up.said("海州市教育局 is set up.")
    assert up.said(f"The administrator 管理员 sets a password once, at {up.url}/activate (sign-in name admin, code ")
    sheet = place / "keys" / "recovery-sheet.txt"
    assert up.said(f"Print {sheet}")
    assert sheet.stat().st_mode & 0o077 == 0


def test_a_second_up_and_a_restore_on_the_same_folder_are_refused(up: Running, place: Path) -> None:
    for command in (["up", *FIRST], ["restore", "any.tar"]):
        done = guantong(*command, env=up.env | {"GUANTONG_PORT": "1"})
        assert done.returncode == 2
        assert f"Guantong already runs on {place / 'data'} (process {up.process.pid})." in done.stderr
    assert up.process.poll() is None


def test_prefect_comes_up_with_a_worker_and_lets_nobody_in_without_its_secret(up: Running) -> None:
    up.wait_for("Prefect is ready", seconds=90)
    api = f"http://127.0.0.1:{up.env['GUANTONG_PREFECT_PORT']}/api"
    assert status(f"{api}/flow_runs/filter") == 401
    assert status(f"{api}/admin/version") == 401


def test_prefect_listens_on_loopback_only(up: Running, place: Path) -> None:
    port = int(up.env["GUANTONG_PREFECT_PORT"])
    listening = {
        c.laddr.ip
        for p in running_on(place)
        for c in p.net_connections("tcp")
        if c.laddr and c.laddr.port == port and c.status == "LISTEN"
    }
    assert listening == {"127.0.0.1"}


def test_doctor_finds_what_runs(up: Running) -> None:
    def worker_is_online() -> bool:
        found = json.loads(guantong("doctor", "--json", env=up.env).stdout)["findings"]
        levels.update({each["thing"]: each["level"] for each in found})
        return levels["worker"] == "ok"

    levels: dict[str, str] = {}
    until(worker_is_online, seconds=60)
    working = ("python", "data folder", "disk", "database", "schema", "web", "prefect", "worker")
    assert {thing: levels[thing] for thing in working} == dict.fromkeys(working, "ok")
    assert (levels["mail"], levels["key"]) == ("warn", "warn"), "no mail server; the recovery sheet still lies there"


def test_a_backup_is_taken_while_everything_runs(up: Running, place: Path) -> None:
    done = guantong("backup", str(place / "saved.tar"), env=up.env)
    assert done.returncode == 0, done.stderr
    assert (place / "saved.tar").stat().st_size > 10_000


@pytest.mark.parametrize(("name", "words"), [("web", "--module uvicorn"), ("postgres", "pginstall18/bin/postgres -D")])
def test_a_killed_child_is_started_again_and_said(up: Running, place: Path, name: str, words: str) -> None:
    before = child(place, words)
    if name == "postgres":  # the server itself, not the process beside it
        before = next(p for p in running_on(place) if p.name() == "postgres" and p.cmdline()[1:2] == ["-D"])
    before.kill()
    up.wait_for(f"{name} ended")
    until(lambda: _answers(up), seconds=30)


def _answers(up: Running) -> bool:
    try:
        return status(f"{up.url}/readyz") == 200
    except OSError:
        return False


def test_ctrl_c_stops_everything(up: Running, place: Path) -> None:
    assert up.stop(signal.SIGINT) == 0
    assert running_on(place) == []


def test_kill_9_stops_everything_within_five_seconds_and_the_next_start_works(up: Running, place: Path) -> None:
    assert up.process.poll() is not None, "the tests before have stopped the first one"
    with started("up", env=environment(place)) as second:
        second.wait_for("Prefect is ready", seconds=90)
        assert len(running_on(place)) > 5
        second.process.kill()
        second.process.wait()
        until(lambda: not running_on(place), seconds=5)
    stranger = _let_the_pid_be_reused(place)
    with started("up", env=environment(place)) as third:
        third.wait_for("Guantong answers")
        assert not third.said("is set up"), "the bureau is there"
        assert third.stop(signal.SIGTERM) == 0
    assert running_on(place) == []
    assert stranger.poll() is None, "whoever has the pid now was left alone"
    stranger.kill()
    stranger.wait()


def _let_the_pid_be_reused(place: Path) -> subprocess.Popen[bytes]:
    """Leave a pid file as a machine does that lost power: its pid is now that of a stranger of the same account."""
    data = place / "data" / "postgres" / "data"
    account = choose_account(data) if os.geteuid() == 0 else None
    stranger = subprocess.Popen(["sleep", "120"], user=account.uid if account else None)
    lines = [str(stranger.pid), str(data), "1700000000", "5432", "", "127.0.0.1", "", "ready   "]
    (data / "postmaster.pid").write_text("\n".join(lines) + "\n")
    return stranger


def test_ending_make_ends_what_it_started(place: Path) -> None:
    """`make up` is killed: the command notices that its parent is gone."""
    env = environment(place) | {"GUANTONG_END_WITH_PARENT": "1"}
    shell = subprocess.Popen(["/bin/sh", "-c", f"{GUANTONG} up & wait"], env=env, stdout=subprocess.DEVNULL)
    port = load_settings({k: v for k, v in env.items() if k.startswith("GUANTONG_")}).port
    until(lambda: _listens(port), seconds=60)
    shell.kill()
    shell.wait()
    until(lambda: not running_on(place), seconds=5)


def _listens(port: int) -> bool:
    try:
        return status(f"http://127.0.0.1:{port}/healthz") == 200
    except OSError:
        time.sleep(0.2)
        return False
