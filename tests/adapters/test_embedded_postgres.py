"""The embedded server on real data folders: what it refuses, whom it leaves alone, and that it ends with its owner."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from services.adapters import postgres_programs
from services.adapters.postgres import EmbeddedPostgres, free_port, running_url
from services.adapters.postgres_programs import Account, choose_account, first_barrier, program
from services.errors import SetupError
from tests.homes import passable_folder, running_on, until

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.crash, pytest.mark.postgres]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives PostgreSQL another account")

OWNER = """
import sys, time
from pathlib import Path
from services.adapters.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.url, flush=True)
time.sleep(600)
"""


def ask(url: str, statement: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(url, timeout=5)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(run())


@pytest.fixture(scope="module")
def shared() -> Iterator[EmbeddedPostgres]:
    with passable_folder() as folder, EmbeddedPostgres(folder) as server:
        yield server


def place(home: Path) -> Path:
    return home / "postgres"


def server_pid(home: Path) -> int:
    return int((place(home) / "data" / "postmaster.pid").read_text().splitlines()[0])


def test_it_is_version_18_with_a_locale_of_its_own(shared: EmbeddedPostgres) -> None:
    assert str(ask(shared.url, "SHOW server_version")).startswith("18.")
    facts = "SELECT datlocprovider::text || ' ' || datlocale || ' ' || pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"
    assert ask(shared.url, facts) == "b C.UTF-8 UTF8"
    assert ask(shared.url, "SELECT lower('ÄÉ') || upper('я')") == "äéЯ"


def test_nobody_gets_in_without_the_password(shared: EmbeddedPostgres) -> None:
    for wrong in (
        f"postgresql://guantong@127.0.0.1:{shared.port}/guantong",
        shared.url.replace("guantong:", "guantong:x"),
    ):
        with pytest.raises(asyncpg.InvalidPasswordError):
            ask(wrong, "SELECT 1")


def test_it_listens_on_loopback_only(shared: EmbeddedPostgres) -> None:
    connections = psutil.Process(server_pid(shared.home)).net_connections("all")
    listening = [c.laddr for c in connections if c.status == psutil.CONN_LISTEN or c.family not in {2, 10}]
    assert [(a.ip, a.port) for a in listening if a] == [("127.0.0.1", shared.port)]


def test_its_folder_and_password_are_closed_to_others(shared: EmbeddedPostgres) -> None:
    root = place(shared.home)
    assert [path.stat().st_mode & 0o777 for path in (root, root / "data", root / "password")] == [0o700, 0o700, 0o600]


@as_root
def test_as_root_it_runs_under_an_unprivileged_account(shared: EmbeddedPostgres) -> None:
    account = choose_account(place(shared.home))
    assert account.uid != 0
    process = psutil.Process(server_pid(shared.home))
    assert {process.uids(), process.gids()} == {(account.uid,) * 3, (account.gid,) * 3}
    groups = next(x for x in Path(f"/proc/{process.pid}/status").read_text().splitlines() if x.startswith("Groups:"))
    assert groups.split()[1:] in ([], [str(account.gid)]), "root's groups are gone"


@as_root
def test_as_root_a_folder_that_the_account_cannot_reach_is_refused_by_name(home: Path) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(SetupError, match=f"cannot pass through {closed}"):
        EmbeddedPostgres(closed / "data").start()
    assert running_on(closed) == []


@as_root
def test_as_root_programs_in_a_closed_folder_are_copied_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout under /root: the account can reach neither it nor the programs in its environment."""
    account = Account("nobody", 65534, 65534)
    monkeypatch.setattr(postgres_programs, "first_barrier", lambda path, _: path if home not in path.parents else None)
    copied = program("postgres", home, account)
    assert home in copied.parents
    monkeypatch.undo()
    assert first_barrier(copied.parent, account) is None
    said = subprocess.run([copied, "--version"], capture_output=True, text=True, check=True, user=account.uid)
    assert "PostgreSQL" in said.stdout
    before = copied.stat().st_ino
    monkeypatch.setattr(postgres_programs, "first_barrier", lambda path, _: path if home not in path.parents else None)
    assert program("postgres", home, account).stat().st_ino == before


def test_data_and_password_stay_from_one_start_to_the_next(home: Path) -> None:
    with EmbeddedPostgres(home) as server:
        ask(server.url, "CREATE TABLE kept AS SELECT 7 AS n")
        assert running_url(home) == server.url
    assert running_url(home) is None
    with EmbeddedPostgres(home) as server:
        assert ask(server.url, "SELECT n FROM kept") == 7
    assert running_on(home) == []


def test_a_set_up_that_was_killed_is_begun_anew(home: Path) -> None:
    place(home).mkdir(parents=True)
    (place(home) / "data.new").mkdir()
    (place(home) / "data.new" / "PG_VERSION").write_text("18\n")
    (place(home) / "password").write_text("half")
    with EmbeddedPostgres(home) as server:
        assert ask(server.url, "SELECT 1") == 1


def test_kill_9_of_the_owner_ends_the_server_and_the_next_start_works(home: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(home)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    url = owner.stdout.readline().strip()
    owner.stdout.close()
    ask(url, "CREATE TABLE kept AS SELECT 7 AS n")
    owner.kill()
    owner.wait()
    assert until(lambda: not running_on(home), seconds=5) < 5
    with EmbeddedPostgres(home) as server:
        assert ask(server.url, "SELECT n FROM kept") == 7


def test_kill_9_of_the_server_itself_loses_nothing_committed(home: Path) -> None:
    server = EmbeddedPostgres(home)
    server.start()
    ask(server.url, "CREATE TABLE kept AS SELECT 7 AS n")
    os.kill(server_pid(home), signal.SIGKILL)
    server.stop()
    with server:
        assert ask(server.url, "SELECT n FROM kept") == 7


def test_a_stale_pid_file_with_a_reused_pid_stops_nobody(home: Path) -> None:
    """The pid belongs to a stranger of the very account under which PostgreSQL runs: it would believe the file."""
    with EmbeddedPostgres(home):
        lines = (place(home) / "data" / "postmaster.pid").read_text().splitlines()
    account = choose_account(place(home)) if os.geteuid() == 0 else None
    stranger = subprocess.Popen(["sleep", "600"], user=account.uid if account else None)
    try:
        lines[0] = str(stranger.pid)
        (place(home) / "data" / "postmaster.pid").write_text("\n".join(lines) + "\n")
        assert running_url(home) is None
        with EmbeddedPostgres(home) as server:
            assert ask(server.url, "SELECT 1") == 1
        assert stranger.poll() is None, "the stranger was left alone"
    finally:
        stranger.kill()
        stranger.wait()


def test_a_server_that_outlived_everything_is_ended_before_the_next_start(home: Path) -> None:
    with EmbeddedPostgres(home):
        pass
    account = choose_account(place(home)) if os.geteuid() == 0 else None
    left = subprocess.Popen(
        [
            program("postgres", home, account),
            "-D",
            place(home) / "data",
            "-p",
            str(free_port()),
            "-c",
            "unix_socket_directories=",
        ],
        user=account.uid if account else None,
        cwd="/",
        stderr=subprocess.DEVNULL,
    )
    until(lambda: running_url(home), seconds=10)
    with EmbeddedPostgres(home) as server:
        assert ask(server.url, "SELECT 1") == 1
        assert left.wait(1) == 0, "it ended in good order"


def test_data_of_another_version_are_refused(home: Path) -> None:
    with EmbeddedPostgres(home):
        pass
    (place(home) / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(SetupError, match="PostgreSQL 17"):
        EmbeddedPostgres(home).start()
    assert running_on(home) == []


def test_a_port_that_is_taken_says_so(shared: EmbeddedPostgres, home: Path) -> None:
    with pytest.raises(SetupError, match="did not start"), EmbeddedPostgres(home, port=shared.port):
        pass
    assert running_on(home) == []


@pytest.fixture
def tiny(home: Path) -> Iterator[Path]:
    """A disk of 30 MB."""
    tried = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=30m,mode=711", "tmpfs", home], check=False, stderr=-3)
    if tried.returncode:
        pytest.skip("this account may not mount")
    yield home
    subprocess.run(["umount", home], check=True)


@as_root
def test_a_full_disk_is_said_as_such_and_nothing_half_made_is_taken_for_a_database(tiny: Path) -> None:
    server = EmbeddedPostgres(tiny)
    for _ in range(2):
        with pytest.raises(SetupError, match=f"The disk of {tiny}/postgres is full"):
            server.start()
        assert not server.exists
