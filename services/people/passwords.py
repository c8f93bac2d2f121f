"""Passwords: Argon2id, and which ones are accepted."""

from __future__ import annotations

import asyncio
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.errors import InvalidInputError
from services.i18n import Message

SHORTEST, LONGEST = 10, 200
# OWASP's second choice: 19 MiB each, so that a morning's sign-ins fit into a small machine's memory.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
COMMON = frozenset(
    """
    0123456789 1234567890 12345678910 123456789a 1q2w3e4r5t 1qaz2wsx3edc q1w2e3r4t5 qwertyuiop qwerty12345 asdfghjkl;
    password12 password123 password1234 passw0rd123 administrator admin12345 admin123456 iloveyou123 letmein1234
    abc1234567 abcd123456 abc123456789 a123456789 aa123456789 1111111111 0000000000 8888888888 6666666666 1122334455
    5201314520 woaini1314520 woaini520 welcome123 changeme123 guantong123 guantong2027 jiaoyuju123 qingdao123 zaq12wsxcde
    """.split()  # noqa: SIM905 - words to be read and added to
)


async def hash_password(password: str) -> str:
    """Return the Argon2id hash of a password, computed beside the event loop."""
    return await asyncio.to_thread(_HASHER.hash, _bytes(password))


async def is_password(password: str, hashed: str | None) -> bool:
    """Tell whether `password` gives `hashed`; None takes as long and is never right."""
    right = await asyncio.to_thread(_verify, password, hashed or _nobody())
    return right and hashed is not None


def needs_rehash(hashed: str) -> bool:
    """Tell whether the hash was made with other costs than today's."""
    return _HASHER.check_needs_rehash(hashed)


def check_password(password: str, *, login: str) -> None:
    """Refuse a new password that is too short or too easily guessed.

    Raises:
        InvalidInputError: the problem's field is `password`.
    """
    problem = _problem(unicodedata.normalize("NFKC", password), login)
    if problem is not None:
        raise InvalidInputError([{"field": "password", "message": problem}])


def _problem(password: str, login: str) -> Message | None:
    plain = password.casefold()
    if len(password) < SHORTEST:
        return Message("The password needs at least {n} characters.", {"n": SHORTEST})
    if len(password) > LONGEST:
        return Message("The password may have at most {n} characters.", {"n": LONGEST})
    if login.casefold() in plain and len(plain) - len(login) < SHORTEST // 2:
        return Message("The password must not be the sign-in name.")
    if plain in COMMON or len(set(plain)) < SHORTEST // 2:
        return Message("This password is too easily guessed.")
    return None


def _verify(password: str, hashed: str) -> bool:
    try:
        return _HASHER.verify(hashed, _bytes(password))
    except (VerificationError, InvalidHashError):
        return False


def _bytes(password: str) -> bytes:
    # A longer one was never accepted; hashing a megabyte for a stranger is not our business.
    plain = unicodedata.normalize("NFKC", password[: 4 * LONGEST])[: LONGEST + 1]
    return plain.encode("utf-8", "surrogatepass")


@cache
def _nobody() -> str:
    """The hash that an unknown name is compared with, so that it takes as long as a known one."""
    return _HASHER.hash(b"nobody has this password")
