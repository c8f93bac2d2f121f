"""What `guantong up` refuses: one clear sentence, an exit code that is not 0, and nothing left running."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import sys
from pathlib import Path
from typing import Protocol

import asyncpg
import pytest

from services.adapters.data_folder import DataFolder, Marker
from services.adapters.keys import make_keys
from services.adapters.postgres import EmbeddedPostgres
from services.cli import main
from tests.homes import running_on
from tests.installation.command import FIRST, environment


class Refusal(Protocol):
    def __call__(self, *arguments: str, **settings: object) -> str: ...


@pytest.fixture
def refusal(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Refusal:
    """Runs a command that is refused, and returns its one sentence. In this process: two dozen fresh ones take long."""

    def run(*arguments: str, **settings: object) -> str:
        for name in [name for name in os.environ if name.startswith("GUANTONG_")]:
            monkeypatch.delenv(name)
        for name, value in environment(home, **settings).items():
            if name.startswith("GUANTONG_"):
                monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["guantong", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, said = capfd.readouterr()
        assert (ended.value.code, out, said.count("\n")) == (2, "", 1), (out, said)
        assert running_on(home) == []
        return said.strip()

    return run


def set_up(home: Path, **changes: object) -> Path:
    keys = make_keys(home / "keys")
    data = home / "data"
    data.mkdir(mode=0o711, exist_ok=True)
    marker = {"format": 1, "kind": "lasting", "key": keys.fingerprint} | changes
    (data / "installation.json").write_text(json.dumps(marker))
    return data


@pytest.mark.parametrize("setting", ["port", "prefect_port", "postgres_port"])
def test_a_taken_port_names_its_setting(refusal: Refusal, setting: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refusal("up", *FIRST, **{setting: port})
    assert said == f"Port {port} is taken by another program. Set GUANTONG_{setting.upper()} to another."


def test_an_address_that_is_not_ours_is_refused(home: Path, refusal: Refusal) -> None:
    assert "Nothing can listen on 192.0.2.1" in refusal("up", *FIRST, host="192.0.2.1")
    assert "there is no such address" in refusal("up", *FIRST, host="no.such.host.invalid")


def test_a_wrong_and_an_unknown_setting_are_refused(home: Path, refusal: Refusal) -> None:
    assert refusal("up", *FIRST, log_level="loud").startswith("GUANTONG_LOG_LEVEL is “loud”")
    assert refusal("up", *FIRST, prot=1) == "GUANTONG_PROT is not a setting. Did you mean GUANTONG_PORT?"
    assert not (home / "data").exists()


def test_too_little_disk_is_refused(home: Path, refusal: Refusal) -> None:
    assert "at least 900000000 MB are needed" in refusal("up", *FIRST, minimum_free_mb=900_000_000)


def test_a_folder_that_cannot_be_written_is_refused(home: Path, refusal: Refusal) -> None:
    (home / "file").write_text("")
    assert "not a directory" in refusal("up", *FIRST, home=home / "file" / "data")


def test_a_data_folder_of_a_newer_version_is_refused(home: Path, refusal: Refusal) -> None:
    set_up(home, format=2)
    assert "written by a newer version (format 2; this one knows 1)" in refusal("up", *FIRST)


def test_a_damaged_data_folder_is_refused(home: Path, refusal: Refusal) -> None:
    (set_up(home) / "installation.json").write_text("{")
    assert "is damaged" in refusal("up", *FIRST)


def test_a_data_folder_without_its_key_or_with_another_is_refused(home: Path, refusal: Refusal) -> None:
    set_up(home, key="another")
    assert "is not the one of" in refusal("up", *FIRST)
    (home / "keys" / "guantong.key").unlink()
    assert "guantong key restore" in refusal("up", *FIRST)


def test_a_lasting_folder_refuses_the_store_clock_and_the_demo(home: Path, refusal: Refusal) -> None:
    assert "only a demo may move its clock" in refusal("up", *FIRST, clock="store")
    data = set_up(home)
    kept = DataFolder(data / "demo")
    kept.path.mkdir(mode=0o711)
    kept.mark(Marker(1, "lasting", "any"))
    assert "a demo would delete it" in refusal("demo")
    assert kept.marker() is not None


def test_a_demo_deletes_no_strange_files(home: Path, refusal: Refusal) -> None:
    precious = home / "data" / "demo" / "thesis.docx"
    precious.parent.mkdir(parents=True, mode=0o711)
    precious.parent.parent.chmod(0o711)
    precious.write_text("years of work")
    assert "files that are not a demo's" in refusal("demo")
    assert precious.exists()


def test_a_demo_takes_nobodys_database(home: Path, refusal: Refusal) -> None:
    assert "brings its own database" in refusal("demo", database_url="postgresql://u:p@h/d")


def test_a_first_start_that_nobody_can_answer_is_refused_before_anything_starts(home: Path, refusal: Refusal) -> None:
    assert "--bureau-name" in refusal("up", *FIRST[:-2])
    assert not (home / "data").exists()
    assert "“Hai Zhou” is no code" in refusal("up", *FIRST[:3], "Hai Zhou", *FIRST[4:])


@pytest.mark.crash
def test_a_database_of_a_newer_release_is_refused_and_left_as_it_is(home: Path, refusal: Refusal) -> None:
    data = set_up(home)

    async def mark(url: str) -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        await connection.execute("INSERT INTO alembic_version VALUES ('from_the_future')")
        await connection.close()

    with EmbeddedPostgres(data) as server:
        asyncio.run(mark(server.url))
    assert "from_the_future" in refusal("up", *FIRST)
    assert not list((data / "backups").glob("*")), "nothing was done with what is not understood"


def test_a_database_that_does_not_answer_is_refused(home: Path, refusal: Refusal) -> None:
    said = refusal("up", *FIRST, database_url="postgresql://u:secret@127.0.0.1:1/d")
    assert said.startswith("The database does not answer:")
    assert "secret" not in said
