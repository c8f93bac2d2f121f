"""One archive with the database and the files of an installation, and the way back from it.

A tar with `database.dump` (pg_dump's own format), `files/ab/cdef…`, and last `manifest.json`: what wrote it, which key
it belongs to, and the digests. It gets its name only when it is whole and on disk. The key itself is never in it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO

from sqlalchemy.engine import URL, make_url

from services.adapters.data_folder import DataFolder, sync_folder, unusable
from services.adapters.database import database_of_held, held
from services.adapters.files import FileStore
from services.adapters.keys import load_keys
from services.adapters.postgres_programs import program
from services.errors import SetupError
from services.settings import Settings
from services.store import migrate

FORMAT = 1
CHUNK = 1024 * 1024
DUMP, MANIFEST = "database.dump", "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What an archive says about itself."""

    format: int
    guantong: str
    made: str
    kind: str
    schema: str | None
    key: str
    dump_sha256: str
    files: int


def back_up(settings: Settings, path: Path | None = None) -> Path:
    """Save database and files as one archive. The installation may go on working meanwhile.

    Args:
        settings: with the address of a database that runs.
        path: the archive's name; left out, one with the date in the data folder's `backups`.

    Returns:
        Where it is.

    Raises:
        SetupError: the name is taken, the database cannot be read, or the disk is full; then no archive is there.
    """
    final = path or settings.home / "backups" / f"guantong-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar"
    if final.exists():
        raise SetupError("{path} exists already. Choose another name.", path=final)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        half = final.with_name(f".{final.name}.{os.getpid()}.part")
        try:
            _write(settings, half)
            half.rename(final)
            sync_folder(final.parent)
        finally:
            half.unlink(missing_ok=True)
    except OSError as error:
        raise unusable(final.parent, error) from error
    return final


def backup_before_migrating(settings: Settings) -> Path:
    """Save the data under a name that says why."""
    name = f"before-migrating-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar"
    return back_up(settings, settings.home / "backups" / name)


def _write(settings: Settings, path: Path) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch, tarfile.open(fileobj=out, mode="w") as archive:
            dump = Path(scratch) / DUMP
            _dump(settings, dump)
            archive.add(dump, DUMP)
            # After the dump: a file is on disk before the row that names it, so the archive has every one that is named.
            count = _add_files(archive, settings)
            manifest = Path(scratch) / MANIFEST
            manifest.write_text(json.dumps(asdict(_manifest(settings, dump, count)), indent=2))
            archive.add(manifest, MANIFEST)
        out.flush()
        os.fsync(out.fileno())


def _manifest(settings: Settings, dump: Path, files: int) -> Manifest:
    marker = DataFolder(settings.home).marker()
    return Manifest(
        format=FORMAT,
        guantong=version("guantong"),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        kind=marker.kind if marker else "lasting",
        schema=asyncio.run(migrate.current(settings.required_database_url())),
        key=load_keys(settings.key_folder).fingerprint,
        dump_sha256=sha256(dump),
        files=files,
    )


def _add_files(archive: tarfile.TarFile, settings: Settings) -> int:
    store = FileStore(settings.files, limit=settings.attachment_limit)
    count = 0
    for count, digest in enumerate(store.digests(), start=1):  # noqa: B007  the last number is the count
        archive.add(store.path(digest), f"files/{digest[:2]}/{digest[2:]}")
    return count


def _dump(settings: Settings, path: Path) -> None:
    command, environment = _connected("pg_dump", settings)
    _run([*command, "--format=custom", "--no-owner", "--no-privileges", f"--file={path}"], environment)


def restore(settings: Settings, path: Path, *, replace: bool = False) -> Manifest:
    """Bring back what an archive holds. The caller holds the data folder; the database runs and nothing else does.

    Files come first (their names are their digests, so nothing is overwritten by something else), then the database in
    one transaction: a restore that is killed leaves the database as it was.

    Args:
        settings: with the database's address.
        path: the archive.
        replace: take the place of a database that already holds something.

    Raises:
        SetupError: the archive is damaged, is of a newer version, belongs to another key, or would overwrite data.
    """
    with _opened(path) as archive:
        manifest = _read_manifest(archive)
        _refuse_unfit(settings, manifest)
        if not replace:
            _refuse_overwriting(settings)
        with tempfile.TemporaryDirectory(dir=settings.home) as scratch:
            dump = Path(scratch) / DUMP
            _extract(archive, DUMP, dump)
            if sha256(dump) != manifest.dump_sha256:
                raise SetupError("{path} is damaged: its database is not the one that was saved.", path=path)
            _restore_files(archive, settings, manifest)
            _load(settings, dump)
    return manifest


def restore_here(settings: Settings, path: Path, *, replace: bool) -> Manifest:
    """Restore into the installation of these settings, which must not be running.

    Raises:
        SetupError: as `restore`; or the installation runs.
    """
    with held(settings) as folder, database_of_held(settings) as running:
        manifest = restore(running, path, replace=replace)
        folder.claim("demo" if manifest.kind == "demo" else "lasting", manifest.key)
    return manifest


def _opened(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path)
    except FileNotFoundError as error:
        raise SetupError("{path} does not exist.", path=path) from error
    except (tarfile.TarError, OSError) as error:
        raise SetupError("{path} is not a backup of Guantong.", path=path) from error


def _read_manifest(archive: tarfile.TarFile) -> Manifest:
    try:
        source = archive.extractfile(MANIFEST)
        found = json.load(source) if source else {}
        if int(found["format"]) > FORMAT:
            raise SetupError("{path} was written by a newer version. Install that version.", path=archive.name)
        return Manifest(**found)
    except (KeyError, TypeError, ValueError, tarfile.TarError) as error:
        raise SetupError(
            "{path} is not a whole backup: its manifest is missing or damaged.", path=archive.name
        ) from error


def _refuse_unfit(settings: Settings, manifest: Manifest) -> None:
    if load_keys(settings.key_folder).fingerprint != manifest.key:
        raise SetupError(
            "The backup belongs to the key {wanted}, but {folder} has another. Bring the right one back with “guantong key restore” first.",
            wanted=manifest.key,
            folder=settings.key_folder,
        )
    marker = DataFolder(settings.home).marker()
    if marker is not None and marker.kind != manifest.kind:
        raise SetupError(
            "The backup is of a {theirs} installation, this is a {ours} one.", theirs=manifest.kind, ours=marker.kind
        )


def _refuse_overwriting(settings: Settings) -> None:
    store = FileStore(settings.files, limit=settings.attachment_limit)
    holds_tables = asyncio.run(migrate.current(settings.required_database_url())) is not None
    if holds_tables or next(store.digests(), None) is not None:
        raise SetupError("{folder} holds data already. “--replace” takes its place.", folder=settings.home)


def _restore_files(archive: tarfile.TarFile, settings: Settings, manifest: Manifest) -> None:
    store = FileStore(settings.files, limit=2**62)
    count = 0
    for member in archive:
        if not member.name.startswith("files/") or not member.isfile():
            continue
        source = archive.extractfile(member)
        stored = store.put(_chunks(source)) if source else None
        if stored is None or f"files/{stored.sha256[:2]}/{stored.sha256[2:]}" != member.name:
            raise SetupError("{path} is damaged: {name} holds something else.", path=archive.name, name=member.name)
        count += 1
    if count != manifest.files:
        raise SetupError("{path} is damaged: files are missing.", path=archive.name)


def _load(settings: Settings, dump: Path) -> None:
    """Replace the schema's content in one transaction."""
    script = dump.with_suffix(".sql")
    listing, _ = _connected("pg_restore", settings)
    _run([listing[0], "--no-owner", "--no-privileges", f"--file={script}", str(dump)], {})
    whole = dump.with_name("whole.sql")
    with whole.open("w") as out, script.open() as source:
        out.write("DROP SCHEMA public CASCADE; CREATE SCHEMA public;\n")
        # A setting that only version 17 and later know; the rest is plain SQL for every version from 15 on.
        out.writelines(line for line in source if not line.startswith("SET transaction_timeout"))
    command, environment = _connected("psql", settings)
    _run([*command, "-X", "-q", "--single-transaction", "-v", "ON_ERROR_STOP=1", "-f", str(whole)], environment)


def _connected(name: str, settings: Settings) -> tuple[list[str], dict[str, str]]:
    """Return the command and environment by which a program reaches the database; no password on a command line.

    Raises:
        SetupError: the address holds the passphrase of a TLS key, for which the programs know no environment variable.
    """
    url = make_url(settings.required_database_url())
    if "sslpassword" in url.query:
        raise SetupError("Take “sslpassword” out of the database's address: use a TLS key without a passphrase.")
    inside = url.query.get("password", "")
    # The query's goes first, as it does with the driver.
    password = (inside if isinstance(inside, str) else inside[-1]) or url.password
    environment = {"PGPASSWORD": str(password)} if password else {}
    # Made anew: setting a URL's password to None would leave it as it is.
    bare = URL.create(
        "postgresql", url.username, host=url.host, port=url.port, database=url.database, query=url.query
    ).difference_update_query(["password"])
    target = bare.render_as_string(hide_password=False)
    # Our own account runs these, so the copy that root makes for another one is not needed.
    return [str(program(name, settings.home, None)), f"--dbname={target}"], environment


def _run(command: list[str], environment: dict[str, str]) -> None:
    whole = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", **environment}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=whole)
    if done.returncode:
        words = [line for line in done.stderr.splitlines() if "error" in line.lower() or "FATAL" in line]
        raise SetupError("{program} failed: {words}", program=Path(command[0]).name, words=(words or [done.stderr])[0])


def _extract(archive: tarfile.TarFile, name: str, path: Path) -> None:
    try:
        source = archive.extractfile(name)
    except (KeyError, tarfile.TarError) as error:
        raise SetupError("{path} is damaged: it has no {name}.", path=archive.name, name=name) from error
    if source is not None:
        with path.open("wb") as out:
            shutil.copyfileobj(source, out, CHUNK)


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    while chunk := source.read(CHUNK):
        yield chunk


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in lower hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
