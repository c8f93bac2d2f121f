"""Content-addressed files: `files/ab/cdef…`, named by the SHA-256 of what they hold.

The same content is kept once. A file is on disk, name included, before `put` returns, so that a row that names it may be
committed afterwards; what no row names is swept later.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import AsyncIterable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import anyio.to_thread

from services.adapters.data_folder import sync_folder
from services.errors import NotFoundError, TooLargeError

CHUNK = 1024 * 1024
INCOMING = "incoming"
FOLDER_MODE, FILE_MODE = 0o700, 0o600
"""What a school sends is for the installation's own user, who runs everything that reads it."""


@dataclass(frozen=True)
class StoredFile:
    """A file that was put: its SHA-256 in lower hexadecimal, and its size in bytes."""

    sha256: str
    size: int


class _Incoming:
    """A file that is still arriving; nobody can find it yet."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.path = folder / uuid4().hex
        self._limit = limit
        self._digest = hashlib.sha256()
        self._file = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb")
        self.size = 0

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size > self._limit:
            raise TooLargeError(
                message="The file is larger than {limit} MB; at most that is accepted.",
                limit=self._limit // 1024 // 1024,
            )
        self._digest.update(chunk)
        self._file.write(chunk)

    def finish(self) -> StoredFile:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return StoredFile(self._digest.hexdigest(), self.size)

    def drop(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)


class FileStore:
    """The files of one installation.

    Args:
        root: the folder, made if missing.
        limit: the largest accepted file, in bytes.
    """

    def __init__(self, root: Path, *, limit: int) -> None:
        self.root = root
        self._limit = limit
        (root / INCOMING).mkdir(parents=True, exist_ok=True)
        # The one folder above keeps everything from others, whatever an earlier release made inside of it.
        for folder in (root, root / INCOMING):
            _tighten(folder)

    def put(self, chunks: Iterable[bytes]) -> StoredFile:
        """Keep what arrives in pieces.

        Raises:
            TooLargeError: it is larger than the limit; nothing of it is kept.
        """
        with self._arriving() as incoming:
            for chunk in chunks:
                incoming.write(chunk)
            return self._keep(incoming)

    async def receive(self, chunks: AsyncIterable[bytes]) -> StoredFile:
        """Keep what arrives in pieces from a request, as `put` does; the disk's work happens in a thread."""
        with self._arriving() as incoming:
            async for chunk in chunks:
                await anyio.to_thread.run_sync(incoming.write, chunk)
            return await anyio.to_thread.run_sync(self._keep, incoming)

    def path(self, sha256: str) -> Path:
        """Return where a file is.

        Raises:
            NotFoundError: it was never put, or the digest is none.
        """
        found = self._place(sha256)
        if found is None or not found.is_file():
            raise NotFoundError
        return found

    def open(self, sha256: str) -> BinaryIO:
        """Open a file for reading.

        Raises:
            NotFoundError: it was never put.
        """
        return self.path(sha256).open("rb")

    def digests(self) -> Iterator[str]:
        """Name all files that are here."""
        for folder in sorted(self.root.glob("[0-9a-f][0-9a-f]")):
            yield from (folder.name + path.name for path in sorted(folder.iterdir()))

    def damaged(self) -> list[str]:
        """Return the digests whose file holds something else."""
        return [digest for digest in self.digests() if _sha256(self.path(digest)) != digest]

    def sweep(self, known: Collection[str], *, min_age: float) -> list[str]:
        """Remove files that no row names.

        Args:
            known: the digests that rows name, read *after* this process started to sweep or in the same transaction.
            min_age: seconds that a file must be old on this machine's clock; younger ones may await their row's commit.

        Returns:
            The digests that were removed.
        """
        oldest = time.time() - min_age
        kept = frozenset(known)
        gone = [
            digest for digest in self.digests() if digest not in kept and _remove_if_older(self.path(digest), oldest)
        ]
        for half in (self.root / INCOMING).iterdir():
            _remove_if_older(half, oldest)
        return gone

    @contextlib.contextmanager
    def _arriving(self) -> Iterator[_Incoming]:
        incoming = _Incoming(self.root / INCOMING, self._limit)
        try:
            yield incoming
        finally:
            incoming.drop()

    def _keep(self, incoming: _Incoming) -> StoredFile:
        stored = incoming.finish()
        final = self.root / stored.sha256[:2] / stored.sha256[2:]
        if not final.parent.exists():
            final.parent.mkdir(exist_ok=True, mode=FOLDER_MODE)
            sync_folder(self.root)
        # Also when it is here already: the newer date keeps the sweep away until the new row is committed.
        incoming.path.replace(final)
        sync_folder(final.parent)
        return stored

    def _place(self, sha256: str) -> Path | None:
        if len(sha256) != hashlib.sha256().digest_size * 2 or set(sha256) - set("0123456789abcdef"):
            return None
        return self.root / sha256[:2] / sha256[2:]


def _tighten(folder: Path) -> None:
    found = folder.stat()
    if stat.S_IMODE(found.st_mode) != FOLDER_MODE and found.st_uid == os.geteuid():
        folder.chmod(FOLDER_MODE)


def _remove_if_older(path: Path, oldest: float) -> bool:
    if path.stat().st_mtime > oldest:
        return False
    path.unlink()
    return True


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
