"""The data folder (`GUANTONG_HOME`): who holds it, what wrote it, and whether it may be used."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Literal

from services.errors import SetupError

# Raised when an older program could not read what this one writes.
FORMAT = 1
LEFTOVER_TIMEOUT = 15.0
Kind = Literal["lasting", "demo"]
_OURS = {"postgres", "programs", "prefect", "files", "logs", "keys", "backups"}


@dataclass(frozen=True)
class Marker:
    """What `installation.json` says: the layout's version, what the folder is for, and which key belongs to it."""

    format: int
    kind: Kind
    key: str


class DataFolder:
    """One data folder, held by at most one supervisor (or restore) at a time.

    Two locks: `lock` says that a supervisor lives; `children.lock` is shared with everything that it starts, and so
    is free only when the last child of a killed run is gone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: list[IO[str]] = []

    def hold(self) -> None:
        """Take the folder, making it if it is missing.

        Raises:
            SetupError: another run holds it, its children do not end, or the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
            lock = self._open("lock")
        except OSError as error:
            raise unusable(self.path, error) from error
        if not _try_lock(lock, fcntl.LOCK_EX):
            holder = lock.read().strip() or "?"
            lock.close()
            raise SetupError(
                "Guantong already runs on {folder} (process {pid}). Stop that one first, or set GUANTONG_HOME.",
                folder=self.path,
                pid=holder,
            )
        self._held.append(lock)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._wait_for_children()

    def is_held(self) -> bool:
        """Say whether a supervisor runs on the folder now."""
        try:
            with self._open("lock", make=False) as lock:
                return not _try_lock(lock, fcntl.LOCK_EX)
        except OSError:
            return False

    def release(self) -> None:
        """Let go; children that still run keep their share."""
        for lock in reversed(self._held):
            lock.close()
        self._held.clear()

    @property
    def child_fd(self) -> int:
        """The file descriptor to hand to every child (`pass_fds`)."""
        return self._held[1].fileno()

    def empty(self) -> None:
        """Remove what a demo left here; the locks, which we hold, stay.

        Raises:
            SetupError: this is no demo's folder.
        """
        found = self.marker()
        rest = [path for path in self.path.iterdir() if path.name not in {"lock", "children.lock"}]
        if found is None and rest and not all(path.name in _OURS for path in rest):
            raise SetupError(
                "{folder} holds files that are not a demo's. Set GUANTONG_HOME to another.", folder=self.path
            )
        if found is not None and found.kind != "demo":
            raise SetupError("{folder} is a lasting data folder: a demo would delete it.", folder=self.path)
        for path in sorted(rest, key=lambda p: p.name == "installation.json"):  # the mark goes last
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _wait_for_children(self) -> None:
        lock = self._open("children.lock")
        deadline = time.monotonic() + LEFTOVER_TIMEOUT
        while not _try_lock(lock, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                lock.close()
                self.release()
                raise SetupError(
                    "Processes of an earlier run still use {folder}. End them, then start again.", folder=self.path
                )
            time.sleep(0.1)
        fcntl.flock(lock, fcntl.LOCK_SH)
        self._held.append(lock)

    def _open(self, name: str, *, make: bool = True) -> IO[str]:
        return os.fdopen(os.open(self.path / name, os.O_RDWR | (os.O_CREAT if make else 0), 0o600), "r+")

    def marker(self) -> Marker | None:
        """Return what the folder says about itself, or None when nothing was ever set up in it.

        Raises:
            SetupError: a newer version wrote it, or the file is not readable.
        """
        try:
            found = json.loads((self.path / "installation.json").read_text())
            version = int(found["format"])
            if version > FORMAT:
                raise SetupError(
                    "The data folder {folder} was written by a newer version (format {found}; this one knows {known}). Install that version.",
                    folder=self.path,
                    found=version,
                    known=FORMAT,
                )
            return Marker(format=version, kind=found["kind"], key=str(found["key"]))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unusable(self.path, error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise SetupError("{file} is damaged. Restore a backup.", file=self.path / "installation.json") from error

    def mark(self, marker: Marker) -> None:
        """Write what the folder is; whole or not at all."""
        write_whole(self.path / "installation.json", json.dumps(asdict(marker)).encode())

    def claim(self, kind: Kind, key: str) -> bool:
        """See that the folder is of this kind and belongs to this key, marking it on its first use.

        Returns:
            Whether this was the first use.

        Raises:
            SetupError: it is of the other kind, belongs to another key, or a newer version wrote it.
        """
        found = self.marker()
        if found is None:
            self.mark(Marker(FORMAT, kind, key))
            return True
        if found.kind != kind:
            raise SetupError(
                "{folder} is a {found} data folder and cannot be used as a {wanted} one. Set GUANTONG_HOME to another.",
                folder=self.path,
                found=found.kind,
                wanted=kind,
            )
        if found.key != key:
            raise SetupError(
                "The key in GUANTONG_KEY_FOLDER is not the one of {folder}. Bring back the right one with “guantong key restore” and the recovery sheet.",
                folder=self.path,
            )
        return False

    def require_space(self, megabytes: int) -> None:
        """See that the disk has room.

        Raises:
            SetupError: it has less than `megabytes` (10^6 bytes) left.
        """
        free = shutil.disk_usage(self.path).free // 1_000_000
        if free < megabytes:
            raise SetupError(
                "The disk of {folder} has {free} MB left; at least {needed} MB are needed (GUANTONG_MINIMUM_FREE_MB).",
                folder=self.path,
                free=free,
                needed=megabytes,
            )


def unusable(folder: Path, error: OSError) -> SetupError:
    """Return the sentence for a folder that cannot be written."""
    if error.errno == errno.ENOSPC:
        return SetupError("The disk of {folder} is full.", folder=folder)
    return SetupError("{folder} cannot be used: {words}.", folder=folder, words=(error.strerror or str(error)).lower())


def write_whole(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file so that its name has the old content or the new one, on disk when this returns."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put a folder's entries on disk: without it a new name may be gone after a power cut, its content notwithstanding."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(file: IO[str], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
