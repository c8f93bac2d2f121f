import hashlib
import os
import time
from pathlib import Path

import pytest

from services.adapters.files import FileStore
from services.errors import NotFoundError, TooLargeError

LIMIT = 1000


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files", limit=LIMIT)


def everything(files: FileStore) -> list[Path]:
    return [path for path in files.root.rglob("*") if path.is_file()]


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_put_keeps_the_content_under_its_digest(files: FileStore) -> None:
    stored = files.put([b"the ", b"plan"])
    assert (stored.sha256, stored.size) == (hashlib.sha256(b"the plan").hexdigest(), 8)
    assert files.path(stored.sha256) == files.root / stored.sha256[:2] / stored.sha256[2:]
    with files.open(stored.sha256) as file:
        assert file.read() == b"the plan"


def test_put_the_same_twice_keeps_one_file(files: FileStore) -> None:
    assert files.put([b"plan"]) == files.put([b"pl", b"an"])
    assert len(everything(files)) == 1


def test_put_nothing_keeps_an_empty_file(files: FileStore) -> None:
    assert files.put([]).size == 0


def test_put_takes_exactly_the_limit_and_no_byte_more(files: FileStore) -> None:
    assert files.put([b"x" * LIMIT]).size == LIMIT
    with pytest.raises(TooLargeError):
        files.put([b"x" * LIMIT, b"x"])
    assert len(everything(files)) == 1, "nothing of the refused one is left"


def test_put_stops_reading_at_the_limit(files: FileStore) -> None:
    read = []

    def endless():
        while True:
            read.append(1)
            yield b"x" * LIMIT

    with pytest.raises(TooLargeError):
        files.put(endless())
    assert len(read) == 2


def test_put_that_breaks_off_leaves_nothing(files: FileStore) -> None:
    def broken():
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        files.put(broken())
    assert everything(files) == []


async def test_receive_keeps_what_arrives(files: FileStore) -> None:
    async def chunks():
        yield b"a"
        yield b"b"

    assert (await files.receive(chunks())).sha256 == hashlib.sha256(b"ab").hexdigest()


def test_content_is_on_disk_before_its_name_and_the_name_before_put_returns(files: FileStore, monkeypatch) -> None:
    calls: list[str] = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        calls.append(f"sync {os.path.relpath(Path(f'/proc/self/fd/{descriptor}').readlink(), files.root)}")
        real_fsync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        calls.append("name")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    digest = files.put([b"plan"]).sha256
    assert calls[0].startswith("sync incoming/")
    assert calls[1:] == ["sync .", "name", f"sync {digest[:2]}"]


@pytest.mark.parametrize("digest", ["", "ab", "g" * 64, "../" * 21 + "x", "A" * 64, "a" * 64])
def test_path_of_what_was_never_put_is_not_found(files: FileStore, digest: str) -> None:
    with pytest.raises(NotFoundError):
        files.path(digest)


def test_sweep_removes_only_what_is_unknown_and_old(files: FileStore) -> None:
    known, orphan, young = (files.put([name]).sha256 for name in (b"known", b"orphan", b"young"))
    for digest in (known, orphan):
        age(files.path(digest), 100)
    half = files.root / "incoming" / "half"
    half.write_bytes(b"")
    age(half, 100)
    assert files.sweep({known}, min_age=60) == [orphan]
    assert sorted(files.digests()) == sorted([known, young])
    assert not half.exists()


def test_putting_an_orphan_again_keeps_it_from_the_sweep(files: FileStore) -> None:
    digest = files.put([b"again"]).sha256
    age(files.path(digest), 100)
    files.put([b"again"])
    assert files.sweep(set(), min_age=60) == []


def test_damaged_names_what_holds_something_else(files: FileStore) -> None:
    good, bad = files.put([b"good"]).sha256, files.put([b"bad"]).sha256
    files.path(bad).write_bytes(b"worse")
    assert files.damaged() == [bad]
    assert good in set(files.digests())


def test_files_are_for_their_own_user_only(tmp_path: Path) -> None:
    open_to_all = tmp_path / "files"
    open_to_all.mkdir(mode=0o755)
    files = FileStore(open_to_all, limit=LIMIT)
    stored = files.path(files.put([b"plan"]).sha256)
    made = [files.root, files.root / "incoming", stored.parent, stored]
    assert [oct(path.stat().st_mode & 0o777) for path in made] == ["0o700", "0o700", "0o700", "0o600"]
