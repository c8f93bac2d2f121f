"""Backup and restore on real servers: what a lost data folder gets back, and what is refused."""

from __future__ import annotations

import asyncio
import json
import shutil
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from services.adapters import backup as module
from services.adapters.backup import back_up, restore, restore_here
from services.adapters.data_folder import DataFolder, Marker
from services.adapters.database import database, database_of_held, held
from services.adapters.files import FileStore
from services.adapters.keys import from_words, make_keys, store_keys
from services.errors import SetupError
from services.settings import Settings, load_settings
from services.store import migrate

pytestmark = pytest.mark.postgres
CONTENT = b"the plan's attachment"


def run(url: str, *statements: str) -> object:
    async def go() -> object:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    return asyncio.run(go())


def settings_at(folder: Path, **overrides: object) -> Settings:
    return load_settings({}, home=folder / "data", key_folder=folder / "keys", **overrides)


def set_up(settings: Settings, *, rows: int = 3) -> str:
    """Make an installation with rows and one file; return the file's digest."""
    keys = make_keys(settings.key_folder)
    DataFolder(settings.home).mark(Marker(1, "lasting", keys.fingerprint))
    url = settings.required_database_url()
    asyncio.run(migrate.upgrade(url))
    insert = (
        "INSERT INTO bureau (id, code, name, zone, locale, settings, created_at) "
        f"SELECT gen_random_uuid(), 'b' || n, '教育局' || n, 'Asia/Shanghai', 'zh', '{{}}', now() FROM generate_series(1, {rows}) n"
    )
    run(url, insert, "SELECT 1")
    return FileStore(settings.files, limit=1000).put([CONTENT]).sha256


def holdings(settings: Settings) -> tuple[object, object, list[str]]:
    url = settings.required_database_url()
    text = "SELECT string_agg(code || name, ',' ORDER BY code) FROM bureau"
    return run(url, text), asyncio.run(migrate.current(url)), list(FileStore(settings.files, limit=1000).digests())


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Settings:
    """One on a database of the test server, with its data."""
    (tmp_path / "data").mkdir()
    settings = settings_at(tmp_path, database_url=database_url)
    set_up(settings)
    return settings


@pytest.fixture
def archive(installation: Settings, tmp_path: Path) -> Path:
    return back_up(installation, tmp_path / "saved.tar")


@pytest.fixture
def other(installation: Settings, tmp_path: Path, empty_database: Callable[[], str]) -> Settings:
    """A second, empty installation with the same key."""
    folder = tmp_path / "other"
    (folder / "data").mkdir(parents=True)
    shutil.copytree(installation.key_folder, folder / "keys")
    return settings_at(folder, database_url=empty_database())


@pytest.mark.crash
def test_a_lost_data_folder_comes_back_from_archive_and_recovery_sheet(home: Path) -> None:
    """The whole story on the embedded server: back up while it runs, lose folder and key, restore both."""
    settings = settings_at(home)
    settings.home.mkdir(mode=0o711)
    with held(settings), database_of_held(settings) as running:
        digest = set_up(running)
        before = holdings(running)
        saved = back_up(running, home / "saved.tar")
    words = make_keys(settings.key_folder).words()
    shutil.rmtree(settings.home)
    shutil.rmtree(settings.key_folder)

    with pytest.raises(SetupError, match="recovery sheet"):
        restore_here(settings, saved, replace=False)
    store_keys(settings.key_folder, from_words(words))
    manifest = restore_here(settings, saved, replace=False)

    assert (manifest.files, manifest.schema) == (1, migrate.head())
    with database(settings) as running:
        assert holdings(running) == before
        assert FileStore(running.files, limit=1000).path(digest).read_bytes() == CONTENT
    assert DataFolder(settings.home).claim("lasting", manifest.key) is False


def test_restored_data_equal_what_was_saved(
    installation: Settings, archive: Path, other: Settings, tmp_path: Path
) -> None:
    restore(other, archive)
    assert holdings(other) == holdings(installation)
    again = back_up(other, tmp_path / "again.tar")
    restore(other, again, replace=True)
    assert holdings(other) == holdings(installation)


def test_an_archive_names_its_content_and_not_the_key(installation: Settings, archive: Path) -> None:
    with tarfile.open(archive) as opened:
        names = opened.getnames()
        manifest = json.load(opened.extractfile("manifest.json") or BytesIO())
    assert names[0] == "database.dump"
    assert names[-1] == "manifest.json"
    assert manifest["key"] == make_keys(installation.key_folder).fingerprint
    assert make_keys(installation.key_folder).words().encode() not in archive.read_bytes()
    assert archive.stat().st_mode & 0o077 == 0


def test_restore_over_data_is_refused_unless_told(installation: Settings, archive: Path) -> None:
    url = installation.required_database_url()
    run(url, "UPDATE bureau SET name = 'changed'", "SELECT 1")
    with pytest.raises(SetupError, match="--replace"):
        restore(installation, archive)
    assert "changed" in str(holdings(installation)[0])
    restore(installation, archive, replace=True)
    assert "changed" not in str(holdings(installation)[0])


def test_a_backup_that_fails_half_way_leaves_no_archive(
    installation: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "addfile", full)
    target = tmp_path / "backups"
    with pytest.raises(SetupError, match="full"):
        back_up(installation, target / "saved.tar")
    assert list(target.iterdir()) == []


def test_a_backup_of_a_database_that_does_not_answer_leaves_no_archive(installation: Settings, tmp_path: Path) -> None:
    gone = installation.model_copy(update={"database_url": SecretStr("postgresql://x:y@127.0.0.1:1/none")})
    with pytest.raises(SetupError, match="pg_dump"):
        back_up(gone, tmp_path / "backups" / "saved.tar")
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_name_that_is_taken_is_refused(installation: Settings, archive: Path) -> None:
    before = archive.read_bytes()
    with pytest.raises(SetupError, match="exists already"):
        back_up(installation, archive)
    assert archive.read_bytes() == before


def rewritten(archive: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """A copy of the archive in which `change` has replaced (or with None dropped) members."""
    target = archive.with_name("changed.tar")
    with tarfile.open(archive) as source, tarfile.open(target, "w") as out:
        for member in source:
            file = source.extractfile(member)
            content = change(member.name, file.read() if file else b"")
            if content is not None:
                member.size = len(content)
                out.addfile(member, BytesIO(content))
    return target


def spoil(which: str) -> Callable[[str, bytes], bytes | None]:
    return lambda name, content: content[:-1] + b"!" if name.startswith(which) else content


def drop(which: str) -> Callable[[str, bytes], bytes | None]:
    return lambda name, content: None if name.startswith(which) else content


def newer(name: str, content: bytes) -> bytes:
    return content.replace(b'"format": 1', b'"format": 2') if name == "manifest.json" else content


DAMAGES = [
    (spoil("database.dump"), "database is not the one"),
    (spoil("files/"), "holds something else"),
    (spoil("manifest.json"), "manifest"),
    (drop("manifest.json"), "manifest"),
    (drop("database.dump"), "has no database.dump"),
    (drop("files/"), "files are missing"),
    (newer, "newer version"),
]


def test_a_damaged_archive_is_refused_and_the_database_stays_empty(archive: Path, other: Settings) -> None:
    for change, words in DAMAGES:  # one database for all: each leaves it as it was
        with pytest.raises(SetupError, match=words):
            restore(other, rewritten(archive, change))
        shutil.rmtree(other.files, ignore_errors=True)
        assert asyncio.run(migrate.current(other.required_database_url())) is None


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_what_is_no_archive_is_refused(installation: Settings, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "none.tar"
    path.write_bytes(content)
    with pytest.raises(SetupError, match="backup"):
        restore(installation, path, replace=True)
    with pytest.raises(SetupError, match="does not exist"):
        restore(installation, tmp_path / "absent.tar")


def test_an_archive_of_another_key_is_refused(archive: Path, other: Settings) -> None:
    shutil.rmtree(other.key_folder)
    make_keys(other.key_folder)
    with pytest.raises(SetupError, match="belongs to the key"):
        restore(other, archive)


def test_a_restore_whose_sql_fails_changes_nothing(
    installation: Settings, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(installation.required_database_url(), "UPDATE bureau SET name = 'changed'", "SELECT 1")  # after the backup
    before = holdings(installation)
    real = module._run

    def run_with_a_mistake(command: list[str], environment: dict[str, str]) -> None:
        if command[-1].endswith("whole.sql"):
            script = Path(command[-1])
            script.write_text(script.read_text() + "\nSELECT nonsense;\n")
        real(command, environment)

    monkeypatch.setattr(module, "_run", run_with_a_mistake)
    with pytest.raises(SetupError, match="psql failed"):
        restore(installation, archive, replace=True)
    assert holdings(installation) == before


def test_no_password_of_the_address_is_on_a_command_line(installation: Settings, tmp_path: Path) -> None:
    def reaching(url: str) -> tuple[list[str], dict[str, str]]:
        return module._connected("pg_dump", settings_at(tmp_path, database_url=url))

    command, environment = reaching("postgresql://me@db.example.org/guantong?password=s3cret&application_name=x")
    assert environment == {"PGPASSWORD": "s3cret"}
    assert command[1:] == ["--dbname=postgresql://me@db.example.org/guantong?application_name=x"]
    command, environment = reaching("postgresql+asyncpg://me:s3cret@db.example.org:5433/guantong")
    assert environment == {"PGPASSWORD": "s3cret"}
    assert command[1:] == ["--dbname=postgresql://me@db.example.org:5433/guantong"]
    command, environment = reaching("postgresql://me:first@db.example.org/guantong?password=second")
    assert environment == {"PGPASSWORD": "second"}
    assert "first" not in " ".join(command)
    with pytest.raises(SetupError, match="sslpassword") as raised:
        reaching("postgresql://me@db.example.org/guantong?sslpassword=s3cret")
    assert "s3cret" not in str(raised.value)
