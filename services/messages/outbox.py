"""What became of the mails: for the mail page, for one's own messages, and for the metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from services.errors import ConflictError, NotFoundError
from services.i18n import N_
from services.messages.facts import read_items
from services.messages.render import Rendered, render
from services.messages.words import said
from services.people.access import Reader, may_see_outbox
from services.settings import Settings
from services.store.transaction import Tx

STATES = ("waiting", "sending", "sent", "dead", "void", "no-address")
NO_SERVER = N_("No mail server is set, so messages wait here until there is one.")
LIMIT = 1000
"""Counts stop here: nobody needs to know how many more there are."""

ALL, OWN = "m.bureau_id = $1 AND $2::uuid IS NULL", "m.bureau_id = $1 AND m.person_id = $2"
"""Two statements and no OR, and states written out: a prepared statement then finds the index that fits each."""
COLUMNS = """
m.id, m.created_at, m.state, m.attempts, m.answer, m.sent_at, m.subject, m.address, m.locale, m.person_id, p.name,
CASE WHEN m.state = 'waiting' THEN m.try_at END AS try_at,
(SELECT jsonb_agg(DISTINCT n.kind)::text FROM notification n WHERE n.message_id = m.id) AS kinds
"""
PAGE = f"""
SELECT {COLUMNS} FROM message m JOIN person p ON p.id = m.person_id
WHERE {{scope}}{{state}} AND (m.created_at, m.id) < ($3, $4::uuid)
ORDER BY m.created_at DESC, m.id DESC LIMIT $5
"""  # noqa: S608 - constant parts
ONE = f"SELECT {COLUMNS}, m.text, m.html, m.key FROM message m JOIN person p ON p.id = m.person_id WHERE {{scope}} AND m.id = $3"  # noqa: S608
COUNTS = " UNION ALL ".join(
    f"SELECT '{state}' AS state, count(*) AS n FROM (SELECT FROM message m WHERE {{scope}} AND m.state = '{state}' LIMIT {LIMIT}) x"  # noqa: S608
    for state in STATES
)
AFTER_ALL = (datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))
AGAIN = """
UPDATE message m SET state = 'waiting', attempts = 0, answer = NULL, lease_until = NULL, try_at = clock_timestamp(),
    address = p.email
FROM person p WHERE p.id = m.person_id AND m.bureau_id = $1 AND m.id = $2
    AND m.state IN ('waiting', 'dead', 'no-address') AND p.email > ''
RETURNING m.id
"""


@dataclass(frozen=True)
class MessageRow:
    """A message as the mail page lists it. kinds: of the notifications that it carries."""

    id: UUID
    created_at: datetime
    state: str
    attempts: int
    answer: str | None
    sent_at: datetime | None
    try_at: datetime | None
    subject: str | None
    address: str | None
    locale: str
    person_id: UUID
    name: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class MessageView:
    """One message with its words; both texts are None where nothing is left to say."""

    row: MessageRow
    text: str | None
    html: str | None
    key: str


@dataclass(frozen=True)
class OutboxPage:
    """A page of messages, newest first; `next` asks for the following one. Counts stop at LIMIT."""

    rows: tuple[MessageRow, ...]
    next: tuple[datetime, UUID] | None
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Lateness:
    """What is due and not yet done: how many (at most LIMIT), and for how many seconds the oldest has waited."""

    count: int
    oldest: float


def server_problem(settings: Settings) -> str | None:
    """Return the sentence (a gettext id) that pages and the start show where no mail can leave; None where it can."""
    return None if settings.smtp_host else NO_SERVER


async def outbox_page(
    tx: Tx,
    reader: Reader,
    *,
    state: str | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> OutboxPage:
    """Return messages: all of the bureau for who may see the outbox, one's own for everybody else.

    Args:
        tx: the transaction.
        reader: who looks.
        state: only these, of STATES; another word finds none.
        after: the previous page's `next`.
        limit: how many at most.
    """
    scope, text = _scope(reader), _scope_text(reader)
    if state is not None and state not in STATES:
        return OutboxPage((), None, await _counts(tx, reader))
    only = f" AND m.state = '{state}'" if state is not None else ""
    at, identity = after or AFTER_ALL
    found = await tx.rows(PAGE.format(scope=text, state=only), (*scope, at, identity, limit + 1))
    rows = tuple(_row(row) for row in found[:limit])
    following = (rows[-1].created_at, rows[-1].id) if len(found) > limit else None
    return OutboxPage(rows, following, await _counts(tx, reader))


async def _counts(tx: Tx, reader: Reader) -> dict[str, int]:
    rows = await tx.rows(COUNTS.format(scope=_scope_text(reader)), _scope(reader))
    return {row["state"]: row["n"] for row in rows}


async def message_view(tx: Tx, reader: Reader, message_id: UUID, *, public_url: str = "") -> MessageView:
    """Return one message: as it was last handed over, or as it would be now where it never was (`no-address`).

    Raises:
        NotFoundError: there is none, or the reader may not see it.
    """
    rows = await tx.rows(ONE.format(scope=_scope_text(reader)), (*_scope(reader), message_id))
    if not rows:
        raise NotFoundError
    row = rows[0]
    if row["text"] is not None:
        return MessageView(_row(row), row["text"], row["html"], row["key"])
    rendered = await _would_say(tx, row, public_url)
    if rendered is None:
        return MessageView(_row(row), None, None, row["key"])
    return MessageView(replace(_row(row), subject=rendered.subject), rendered.text, rendered.html, row["key"])


async def _would_say(tx: Tx, row: Mapping[str, Any], public_url: str) -> Rendered | None:
    """Write the message from what is true now; None where nothing of it holds any more."""
    items = [item for item in (await read_items(tx, [row["id"]]))[row["id"]] if item.holds_true and not item.held]
    if not items:
        return None
    return render(
        [said(item, locale=row["locale"], now=tx.now, public_url=public_url) for item in items], row["locale"]
    )


async def send_again(tx: Tx, reader: Reader, message_id: UUID) -> None:
    """Let a message that waits, is dead or had no address be tried at once, to the person's address of today.

    It keeps its Message-ID: where the earlier attempt did arrive, both are recognisable as one.

    Raises:
        NotFoundError: the reader may not see the outbox, or there is no such message.
        ConflictError: it is under way, sent or void, or the person has no address still.
    """
    if not may_see_outbox(reader):
        raise NotFoundError
    view = await message_view(tx, reader, message_id)
    if await tx.rows(AGAIN, (reader.bureau_id, message_id)):
        return
    if view.row.state in {"dead", "no-address", "waiting"}:
        raise ConflictError("This person still has no mail address.")
    raise ConflictError("Only a message that waits, is dead or had no address can be sent again.")


async def alarm_lateness(tx: Tx, bureau_id: UUID | None) -> Lateness:
    """Return the bureau's alarms that are due by business time and that no sweep has dealt with; None: all bureaus'."""
    statement = (
        "SELECT count(*) AS n, min(at) AS oldest FROM (SELECT next_at AS at FROM alarm"
        " WHERE next_at <= $1 AND ($3::uuid IS NULL OR bureau_id = $3) ORDER BY next_at LIMIT $2) x"
    )
    return _lateness(await tx.rows(statement, (tx.now, LIMIT, bureau_id)), tx.now)


async def message_lateness(tx: Tx, bureau_id: UUID | None) -> Lateness:
    """Return the bureau's messages that are due by the database's real clock, and how long the oldest has waited.

    None: all bureaus'.
    """
    statement = (
        "SELECT count(*) AS n, min(at) AS oldest, clock_timestamp() AS now FROM (SELECT try_at AS at FROM message"
        " WHERE state IN ('waiting', 'sending') AND try_at <= clock_timestamp() AND ($2::uuid IS NULL OR bureau_id = $2)"
        " ORDER BY try_at LIMIT $1) x"
    )
    rows = await tx.rows(statement, (LIMIT, bureau_id))
    return _lateness(rows, rows[0]["now"])


def _lateness(rows: Sequence[Mapping[str, Any]], now: datetime) -> Lateness:
    oldest = rows[0]["oldest"]
    return Lateness(rows[0]["n"], (now - oldest).total_seconds() if oldest else 0.0)


def _scope(reader: Reader) -> tuple[UUID, UUID | None]:
    return reader.bureau_id, None if may_see_outbox(reader) else reader.person_id


def _scope_text(reader: Reader) -> str:
    return ALL if may_see_outbox(reader) else OWN


def _row(row: Mapping[str, Any]) -> MessageRow:
    names = [name for name in MessageRow.__dataclass_fields__ if name != "kinds"]
    return MessageRow(**{name: row[name] for name in names}, kinds=tuple(json.loads(row["kinds"] or "[]")))
