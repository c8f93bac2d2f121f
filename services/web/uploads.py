"""Which files are accepted, judged by what they hold and not by what they are called."""

from __future__ import annotations

import os
import struct
import unicodedata
import zipfile
from pathlib import Path, PurePath

from services.errors import InvalidInputError
from services.i18n import Message

OFFICE = "application/vnd.openxmlformats-officedocument."
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
TYPES = {
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".docx": OFFICE + "wordprocessingml.document",
    ".xlsx": OFFICE + "spreadsheetml.sheet",
    ".pptx": OFFICE + "presentationml.presentation",
    ".doc": "application/msword",
    ".xls": "application/vnd.ms-excel",
    ".ppt": "application/vnd.ms-powerpoint",
    ".txt": "text/plain",
    ".csv": "text/csv",
}
"""By ending, the media type that its content must prove."""
INLINE = frozenset({"application/pdf", "image/png", "image/jpeg"})
"""What is shown inside of a page; everything else is only ever downloaded."""
_FOLDERS = {"word/": ".docx", "xl/": ".xlsx", "ppt/": ".pptx"}
_HEAD = 8192
MOST_ENTRIES = 4_000
"""Files inside of a document; one with a picture for every child of a city has fewer."""
_USUAL_ENTRY = 200
_END = struct.Struct("<4s6xHI6x")
_END_MARK, _LOCATOR_MARK = b"PK\x05\x06", b"PK\x06\x07"
_LONGEST_END = 64 * 1024 + _END.size + 20


def clean_name(name: str) -> str:
    """Return a file's own name: without folders, control and direction characters, at most 200 characters."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(sign for sign in last if unicodedata.category(sign)[0] != "C").strip()
    return kept if len(kept) <= 200 else kept[:150] + kept[-50:]  # noqa: PLR2004 - its ending stays


def accepted_type(name: str, path: Path) -> str:
    """Return the media type of an uploaded file.

    Args:
        name: as the person calls it.
        path: where its content lies.

    Raises:
        InvalidInputError: it is empty, of a kind that is not accepted, or not what its ending says.
    """
    ending = PurePath(name).suffix.lower()
    if path.stat().st_size == 0:
        raise _refused(Message("“{name}” is empty; choose another file.", {"name": name}))
    if ending not in TYPES:
        kinds = ", ".join(TYPES)
        raise _refused(Message("“{name}” is not of a kind that is accepted: {kinds}.", {"name": name, "kinds": kinds}))
    if ending not in _possible_endings(path):
        raise _refused(
            Message(
                "“{name}” is not what its ending says; save it as {ending} again.", {"name": name, "ending": ending}
            )
        )
    return TYPES[ending]


def _refused(words: Message) -> InvalidInputError:
    return InvalidInputError([{"field": "file", "message": words}], message="The file is not accepted.")


def _possible_endings(path: Path) -> set[str]:
    """Return which endings the content of a file proves."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"%PDF-"):
        return {".pdf"}
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return {".png"}
    if head.startswith(b"\xff\xd8\xff"):
        return {".jpg", ".jpeg"}
    if head.startswith(OLE):
        return {".doc", ".xls", ".ppt"}
    if head.startswith(b"PK\x03\x04"):
        return _office_endings(path)
    return {".txt", ".csv"} if b"\x00" not in head else set()


def _office_endings(path: Path) -> set[str]:
    if not _has_few_entries(path):
        return set()
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return set()
    if "[Content_Types].xml" not in names:
        return set()
    return {ending for folder, ending in _FOLDERS.items() if any(name.startswith(folder) for name in names)}


def _has_few_entries(path: Path) -> bool:
    """Tell, before its directory is read into memory, whether an archive says of itself that it is a document's size.

    Source: PKWARE's APPNOTE, 4.3.14 and 4.3.16: the end of the central directory, the 64-bit one's locator before it.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _LONGEST_END))
        tail = file.read()
    at = len(tail) - _END.size
    if at < 0 or not tail.startswith(_END_MARK, at) or tail[-2:] != b"\0\0":
        at = tail.rfind(_END_MARK)
    if at < 0 or len(tail) - at < _END.size or tail[max(0, at - 20) : at].startswith(_LOCATOR_MARK):
        return False
    _mark, entries, directory = _END.unpack_from(tail, at)
    return bool(entries <= MOST_ENTRIES and directory <= MOST_ENTRIES * _USUAL_ENTRY)
