"""How many wrong tries are too many, and the same answer for names that do not exist.

An account counts its wrong tries in its row. A name without an account has no row, so its tries are counted here, in
the process's memory: were such a name never locked, the lock would tell which names exist. Nothing is lost when the
process ends but the counting. The audit chain gets no event per try of such a name, because anybody may try without
end: one an hour and bureau says how many there were.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from services.errors import GuantongError, LockedOutError
from services.store.chain import append_event
from services.store.transaction import Tx

FAILURES = 5
LOCKED = timedelta(minutes=15)
NAMES = 20_000
"""How many names without an account are remembered; the one that was tried longest ago goes first."""
BETWEEN_EVENTS = timedelta(hours=1)
ZONE = "Asia/Shanghai"


def locked(until: datetime, zone: str) -> LockedOutError:
    """Return the refusal of who has to wait until then; the minute that it names is rounded up, never too early."""
    local = (until + timedelta(seconds=59)).astimezone(ZoneInfo(zone))
    return LockedOutError(until=local.strftime("%H:%M"), retry_at=until.isoformat())


def is_worth_an_event(number: int) -> bool:
    """Tell whether the n-th refusal in a row is told: the first, second, fourth, eighth…, so that none fills the chain."""
    return number & (number - 1) == 0


@dataclass
class Tries:
    """The wrong tries of one name."""

    failures: int = 0
    locked_until: datetime | None = None


@dataclass
class Told:
    """What the chain was told of one bureau's unknown names: when, and how many tries there were since."""

    at: datetime | None = None
    since: int = 0


@dataclass
class Strangers:
    """The wrong tries of names without an account, of one process."""

    names: int = NAMES
    _tries: OrderedDict[bytes, Tries] = field(default_factory=OrderedDict)
    _told: dict[UUID, Told] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._tries)

    def count(self, where: str, login: str, now: datetime) -> datetime | None:
        """Count a wrong try by the rules of an account's; return until when the name is locked, or None."""
        key = hashlib.sha256(f"{where}\0{login}".encode()).digest()
        tries = self._tries.setdefault(key, Tries())
        self._tries.move_to_end(key)
        if len(self._tries) > self.names:
            self._tries.popitem(last=False)
        if tries.locked_until is not None and tries.locked_until > now:
            return tries.locked_until
        tries.failures = 1 if tries.locked_until is not None else tries.failures + 1
        tries.locked_until = now + LOCKED if tries.failures >= FAILURES else None
        return tries.locked_until

    def to_tell(self, bureau_id: UUID, now: datetime) -> int:
        """Count a try of the bureau's; return how many the chain is to be told of now, or 0."""
        told = self._told.setdefault(bureau_id, Told())
        told.since += 1
        if told.at is not None and told.at <= now < told.at + BETWEEN_EVENTS:
            return 0
        attempts, told.at, told.since = told.since, now, 0
        return attempts


STRANGERS = Strangers()


async def refuse_stranger(
    tx: Tx, bureau_id: UUID | None, login: str, *, bureau_code: str | None, wrong: GuantongError
) -> GuantongError:
    """Count a try of a name that has no account, and return the refusal that one with an account would get.

    Args:
        tx: the transaction.
        bureau_id: the bureau, or None where there is none of that code.
        login: the name, cleaned.
        bureau_code: as it was typed.
        wrong: the refusal of a wrong password or code.
    """
    where = str(bureau_id) if bureau_id else f"no bureau {bureau_code}"
    until = STRANGERS.count(where, login, tx.now)
    attempts = STRANGERS.to_tell(bureau_id, tx.now) if bureau_id else 0
    if bureau_id and attempts:
        data = {"reason": "unknown", "attempts": attempts}
        await append_event(tx, bureau_id, stream="sign-in", kind="sign-in-refused", person_id=None, data=data)
    if until is None:
        return wrong
    found = await tx.rows("SELECT zone FROM bureau WHERE id = $1", (bureau_id,))
    return locked(until, found[0]["zone"] if found else ZONE)
