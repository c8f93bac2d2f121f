"""Bringing a database up to date: what it holds is saved first, and what is not understood is left alone."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

import migrations
from services.adapters.data_folder import DataFolder, Marker
from services.adapters.keys import make_keys
from services.adapters.schema import bring_up_to_date
from services.errors import SetupError
from services.settings import Settings, load_settings
from services.store import migrate

pytestmark = pytest.mark.postgres
NEXT = """
from alembic import op

revision, down_revision, branch_labels, depends_on = "next", "{head}", None, None


def upgrade():
    {act}


def downgrade():
    pass
"""


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    found = load_settings({}, home=tmp_path / "data", key_folder=tmp_path / "keys", database_url=database_url)
    found.home.mkdir()
    DataFolder(found.home).mark(Marker(1, "lasting", make_keys(found.key_folder).fingerprint))
    return found


def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str) -> str:
    """Make the next release's migrations the installed ones; return the revision of this one."""
    head = migrate.head()
    folder = tmp_path / "migrations"
    shutil.copytree(Path(migrations.__file__).parent, folder)
    (folder / "versions" / "next.py").write_text(NEXT.format(head=head, act=act))
    monkeypatch.setattr(migrations, "__file__", str(folder / "__init__.py"))
    return head


async def test_an_older_database_is_saved_and_then_migrated(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = release(tmp_path, monkeypatch, 'op.execute("CREATE TABLE of_the_next (id int)")')
    said: list[tuple[str, dict[str, object]]] = []
    assert await bring_up_to_date(settings, say=lambda message, **values: said.append((message, values)))
    assert await migrate.current(settings.required_database_url()) == "next"
    (saved,) = (settings.home / "backups").iterdir()
    assert said[0][1] == {"path": saved}
    with tarfile.open(saved) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        assert json.load(manifest)["schema"] == older


async def test_a_database_that_is_up_to_date_is_not_saved_again(settings: Settings) -> None:
    assert not await bring_up_to_date(settings, say=lambda *_, **__: pytest.fail("nothing to say"))
    assert not (settings.home / "backups").exists()


async def test_an_empty_database_is_migrated_without_a_backup(settings: Settings, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("DROP SCHEMA public CASCADE")
    await connection.execute("CREATE SCHEMA public")
    await connection.close()
    assert await bring_up_to_date(settings, say=lambda *_, **__: pytest.fail("nothing to say"))
    assert await migrate.current(settings.required_database_url()) == migrate.head()
    assert not (settings.home / "backups").exists()


async def test_a_migration_that_fails_leaves_the_old_schema_and_its_backup(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = release(tmp_path, monkeypatch, 'op.execute("SELECT nonsense")')
    with pytest.raises(SetupError, match=r"could not be brought up to date: .*nonsense"):
        await bring_up_to_date(settings, say=lambda *_, **__: None)
    assert await migrate.current(settings.required_database_url()) == older
    assert len(list((settings.home / "backups").iterdir())) == 1


@pytest.mark.parametrize(
    ("old", "new"), [("/guantong_test_", "/no_such_database_"), ("//postgres@", "//no_such_role@")]
)
async def test_a_database_that_does_not_let_us_in_is_one_sentence(
    settings: Settings, database_url: str, old: str, new: str
) -> None:
    wrong = settings.model_copy(update={"database_url": SecretStr(database_url.replace(old, new))})
    if wrong == settings:
        pytest.skip("this server has another account")
    with pytest.raises(SetupError, match=r"The database does not answer: .*no_such"):
        await bring_up_to_date(wrong, say=lambda *_, **__: None)
