"""The installation's one key, kept outside the data folder: whoever copies the data alone can read no identity number.

From its 32 random bytes three keys are derived (HKDF-SHA256): one encrypts identity numbers, one makes their look-up
HMAC, one signs the audit anchor. So the recovery sheet holds a single line to type.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.adapters.data_folder import unusable, write_whole
from services.errors import SetupError

FILE, SHEET = "guantong.key", "recovery-sheet.txt"
SIZE, CHECK = 32, 3
GROUP = 5


@dataclass(frozen=True)
class Keys:
    """The key and what follows from it."""

    master: bytes

    @cached_property
    def identity(self) -> bytes:
        """32 bytes for the encryption of identity numbers (AES-256-GCM)."""
        return self._derive("identity")

    @cached_property
    def lookup(self) -> bytes:
        """32 bytes for the HMAC by which an identity number is found again."""
        return self._derive("lookup")

    @cached_property
    def anchor(self) -> Ed25519PrivateKey:
        """The key that signs the daily anchor of the audit chains."""
        return Ed25519PrivateKey.from_private_bytes(self._derive("anchor"))

    @cached_property
    def web(self) -> bytes:
        """32 bytes for what the web process signs (cookies, forms)."""
        return self._derive("web")

    @cached_property
    def fingerprint(self) -> str:
        """What may be shown and stored beside the data to tell keys apart; says nothing about the key."""
        return hmac.new(self._derive("fingerprint"), b"guantong", hashlib.sha256).hexdigest()[:16]

    def words(self) -> str:
        """Return the key in groups to be printed and typed, with a check against typing errors."""
        text = base64.b32encode(self.master + _check(self.master)).decode()
        return "-".join(text[i : i + GROUP] for i in range(0, len(text), GROUP))

    def _derive(self, purpose: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=SIZE, salt=b"guantong", info=purpose.encode()).derive(self.master)


def from_words(text: str) -> Keys:
    """Read a key from the words of a recovery sheet; spaces, hyphens and case do not matter.

    Raises:
        SetupError: something was mistyped.
    """
    letters = "".join(text.split()).replace("-", "").upper().replace("0", "O").replace("1", "I").replace("8", "B")
    try:
        raw = base64.b32decode(letters)
    except ValueError:
        raw = b""
    master, check = raw[:SIZE], raw[SIZE:]
    if len(raw) != SIZE + CHECK or check != _check(master):
        raise SetupError("This is not a key of a recovery sheet: something was mistyped or left out.")
    return Keys(master)


def load_keys(folder: Path) -> Keys:
    """Read the installation's key.

    Raises:
        SetupError: it is missing, damaged, or open to other accounts.
    """
    path = folder / FILE
    try:
        if path.stat().st_mode & 0o077:
            raise SetupError("Other accounts may read {file}. Close it with chmod 600, then start again.", file=path)
        return from_words(path.read_text())
    except FileNotFoundError:
        raise SetupError(
            "The key {file} is missing. Bring it back with “guantong key restore” and the recovery sheet.", file=path
        ) from None
    except OSError as error:
        raise unusable(path, error) from error


def make_keys(folder: Path) -> Keys:
    """Make a new key and its recovery sheet, or return the one that is there.

    The sheet is written once, to be printed and deleted: it is never written again.

    Raises:
        SetupError: the folder cannot be written.
    """
    if (folder / FILE).exists():
        return load_keys(folder)
    keys = Keys(secrets.token_bytes(SIZE))
    store_keys(folder, keys)
    write_whole(folder / SHEET, sheet(keys).encode())
    return keys


def store_keys(folder: Path, keys: Keys) -> None:
    """Write the key into its folder.

    Raises:
        SetupError: another key is there, or the folder cannot be written.
    """
    if (folder / FILE).exists() and load_keys(folder) != keys:
        raise SetupError("Another key is in {folder} already. Move it away first.", folder=folder)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(folder / FILE, keys.words().encode())
    except OSError as error:
        raise unusable(folder, error) from error


def sheet(keys: Keys) -> str:
    """Return the text of the recovery sheet, in both languages: whoever needs it cannot ask the program."""
    return _SHEET.format(words=keys.words(), fingerprint=keys.fingerprint)


def _check(master: bytes) -> bytes:
    return hashlib.sha256(b"guantong" + master).digest()[:CHECK]


_SHEET = """\
贯通 · 密钥恢复单                                Guantong · recovery sheet

密钥 / key:

    {words}

指纹 / fingerprint: {fingerprint}

请打印两份，分别存放在两处保险柜中，然后删除本文件。
数据备份中不含此密钥；没有它，恢复的数据里身份证件号码无法解读，审计锚也无法再签名。

恢复：在新机器上安装后运行
    guantong key restore
按提示输入上面的密钥，再运行
    guantong restore 备份文件

Print this twice, keep the prints in two safes, then delete this file.
No backup contains this key. Without it nobody can read the identity numbers of restored data or sign its audit anchor.

To recover: install on the new machine, run “guantong key restore”, type the key above, then “guantong restore BACKUP”.
"""
