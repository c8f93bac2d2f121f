"""The dispatcher: claims messages that are due, writes them from fresh facts, hands them over, records the answer.

Any number may run. A crash between the end of DATA and the commit lets the lease run out and sends the mail again
under the same Message-ID; nothing else doubles, and nothing is lost.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jinja2 import TemplateError
from sqlalchemy.exc import SQLAlchemyError

from services.messages.assemble import assemble_all
from services.messages.delivery import Backoff, Claimed, Ending, claim, finish, hold, outcome, void
from services.messages.envelope import AddressError, Envelope, build_mail
from services.messages.facts import Item, read_items
from services.messages.ics import calendar_file
from services.messages.keys import message_id_header
from services.messages.recipients import retell
from services.messages.render import render
from services.messages.wake import Listener
from services.messages.words import said
from services.ports import Delivery, Mailer
from services.settings import Settings
from services.store.transaction import Store

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds after which a dispatcher looks by itself, woken or not."""

MARGIN = 30.0
"""Seconds by which a lease outlasts two full hand-overs: the one waited for and one's own."""


@dataclass
class Lanes:
    """How many messages of a batch are at work at once: sent over the connections, and as many again being recorded.

    So what cannot be recorded, and will be sent again, stays few: once one was, none is begun any more.
    """

    under_way: asyncio.Semaphore
    sending: asyncio.Semaphore
    unrecorded: bool = False


class Dispatcher:
    """Sends what is due.

    Args:
        store: the store.
        mailer: hands mails over; None where no mail server is set: then messages wait.
        settings: public address, sender, timeout and number of connections.
        backoff: when to try again.
    """

    def __init__(
        self, store: Store, mailer: Mailer | None, settings: Settings, *, backoff: Backoff | None = None
    ) -> None:
        self._store, self._mailer, self._settings = store, mailer, settings
        self._backoff = backoff or Backoff()
        self._lease = 2 * settings.smtp_timeout + MARGIN
        self._batch = 8 * settings.smtp_connections

    async def run(self, stop: asyncio.Event, listener: Listener) -> None:
        """Assemble and send whenever woken, and every second anyway, until `stop` is set."""
        while not stop.is_set():
            try:
                await self.tick()
            except (OSError, SQLAlchemyError):
                # A database that restarts is back in a moment; the rows are where they were.
                log.exception("dispatching failed and is tried again")
            await listener.wait(LOOK_EVERY, stop=stop)
        if self._mailer is not None:
            await self._mailer.close()

    async def tick(self) -> int:
        """Assemble what is ready, send all that is due, return how many messages were dealt with."""
        await assemble_all(self._store)
        total = 0
        while done := await self.send_due():
            total += done
        return total

    async def send_due(self) -> int:
        """Claim one batch of due messages and deal with each; return how many. None are claimed without a mailer."""
        if self._mailer is None:
            return 0
        claimed_at = time.monotonic()
        async with self._store.transaction() as tx:
            messages = await claim(tx, limit=self._batch, lease=self._lease)
            items = await read_items(tx, [message.id for message in messages]) if messages else {}
            unsaid = [item for enclosed in items.values() for item in enclosed if not item.holds_true]
            await void(tx, [item.id for item in unsaid])
            await retell(tx, [item.row for item in unsaid if not item.stale])
            await hold(tx, [item.id for enclosed in items.values() for item in enclosed if item.held])
            now = tx.now
        connections = self._settings.smtp_connections
        lanes = Lanes(asyncio.Semaphore(2 * connections), asyncio.Semaphore(connections))
        async with asyncio.TaskGroup() as group:
            for message in messages:
                fresh = [item for item in items[message.id] if item.holds_true and not item.held]
                dealing = self._deal_with(message, fresh, now=now, claimed_at=claimed_at, lanes=lanes)
                group.create_task(dealing)
        return len(messages)

    async def _deal_with(
        self,
        message: Claimed,
        items: Sequence[Item],
        *,
        now: datetime,
        claimed_at: float,
        lanes: Lanes,
    ) -> None:
        """Hand one message over and record what became of it. Whatever goes wrong with it is its own affair.

        Once what became of one could not be recorded, none is begun any more: it would be sent again, too.
        """
        async with lanes.under_way:
            if lanes.unrecorded:
                return
            try:
                async with lanes.sending:
                    ending = await self._ending(message, items, now=now, claimed_at=claimed_at)
                if not await finish(self._store.engine, message, ending):
                    log.warning("message %s was taken over by another dispatcher: the lease ran out", message.key)
            except Exception:
                lanes.unrecorded = True
                # It must not cancel the others, of which one may be between DATA and its answer. Its lease runs out.
                log.exception("what became of message %s could not be recorded; it is tried again", message.key)

    async def _ending(self, message: Claimed, items: Sequence[Item], *, now: datetime, claimed_at: float) -> Ending:
        if time.monotonic() - claimed_at > self._settings.smtp_timeout + MARGIN / 2:
            # What is left of the lease might not outlast a slow server: give it back untried.
            return Ending("waiting", uncounted=True)
        try:
            return await self._attempt(message, items, now)
        except Exception as error:
            log.exception("message %s failed in a way that nobody foresaw", message.key)
            unforeseen = Delivery("retry", f"{type(error).__name__}: {error}"[:2000])
            return Ending(**outcome(unforeseen, message, self._backoff, at=now))

    async def _attempt(self, message: Claimed, items: Sequence[Item], now: datetime) -> Ending:
        assert self._mailer is not None
        if not items:
            return Ending("void")
        if message.address is None:
            return Ending("no-address", uncounted=True)
        entries = [
            (item, said(item, locale=message.locale, now=now, public_url=self._settings.public_url)) for item in items
        ]
        try:
            rendered = render([it for _, it in entries], message.locale)
            calendar = calendar_file(entries, message.locale, now=now, public_url=self._settings.public_url)
            mail = build_mail(self._envelope(message, entries[0][1].bureau), rendered, calendar, at=now)
        except (TemplateError, KeyError, AddressError) as error:
            log.exception("message %s cannot be written", message.key)
            return Ending("dead", answer=str(error)[:2000])
        delivery = await self._mailer.send(mail, sender=self._sender, recipients=[message.address])
        return Ending(
            **outcome(delivery, message, self._backoff, at=self._store.clock.now()),
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            enclosed=json.dumps({"notifications": [str(item.id) for item in items], "calendar": calendar is not None}),
        )

    @property
    def _sender(self) -> str:
        return self._settings.smtp_sender or "guantong@localhost"

    def _envelope(self, message: Claimed, bureau: str) -> Envelope:
        assert message.address is not None
        return Envelope(
            sender=self._sender,
            sender_name=bureau,
            recipient=message.address,
            recipient_name=message.name,
            message_id=message_id_header(message.key, self._settings.public_url),
        )
