"""Handing mails to an SMTP server over a few connections that are kept open."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email.message import EmailMessage

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from services.ports import Delivery
from services.settings import Settings

IDLE = 50.0
"""Seconds after which an unused connection is not trusted any more: servers and firewalls drop idle ones."""

ANSWER_LIMIT = 1500
CLOSING = 421


class SmtpMailer:
    """A Mailer for one server. What one hand-over may take in all, from connecting to the answer, is `timeout` seconds.

    A refusal while connecting or signing in is a fault of the set-up and not of the mail, so it is tried again even
    where the server answers 5xx; so is a broken connection. A refusal of sender, recipient or content is final.

    Args:
        host, port: the server.
        tls: `tls` (from the first byte), `starttls`, or `none`.
        username, password: to sign in; None where the server asks for none.
        timeout: seconds.
        connections: how many are kept open at most.
        tls_context: what to trust instead of the machine's authorities.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: str = "none",
        username: str | None = None,
        password: str | None = None,
        timeout: float = 30,
        connections: int = 4,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self._host, self._port, self._tls, self._context = host, port, tls, tls_context
        self._username, self._password = username, password
        self.timeout = timeout
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[tuple[SMTP, float]] = []

    @classmethod
    def from_settings(cls, settings: Settings) -> SmtpMailer | None:
        """Return the mailer that the settings describe; None where no mail server is set, so that messages wait."""
        if settings.smtp_host is None:
            return None
        return cls(
            settings.smtp_host,
            settings.smtp_port,
            tls=settings.smtp_tls,
            username=settings.smtp_username,
            password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
            timeout=settings.smtp_timeout,
            connections=settings.smtp_connections,
        )

    async def send(self, mail: EmailMessage, *, sender: str, recipients: Sequence[str]) -> Delivery:
        """Hand one mail over; say what the server made of it."""
        content = mail.as_bytes()
        async with self._slots:
            try:
                async with asyncio.timeout(self.timeout):
                    return await self._send(content, sender, recipients)
            except TimeoutError:
                return Delivery("retry", f"no answer within {self.timeout:g} s")

    async def close(self) -> None:
        """End every kept connection, politely where the server still answers."""
        idle, self._idle = self._idle, []
        for client, _ in idle:
            await _quit(client)

    async def _send(self, content: bytes, sender: str, recipients: Sequence[str]) -> Delivery:
        while True:
            kept = await self._take()
            try:
                client = kept or await self._connect()
            except (SMTPException, OSError) as error:
                return Delivery("retry", _words(error))
            async with self._returned(client) as trusted:
                try:
                    await client.mail(sender)
                except (SMTPException, OSError) as error:
                    if kept is not None and _has_ended(error):
                        trusted.clear()
                        continue  # The server had given the kept connection up; nothing was handed over.
                    return await _refused(client, error, trusted)
                return await _deliver(client, content, recipients, trusted)

    async def _take(self) -> SMTP | None:
        while self._idle:
            client, since = self._idle.pop()
            if client.is_connected and time.monotonic() - since < IDLE:
                return client
            await _quit(client)
        return None

    async def _connect(self) -> SMTP:
        client = SMTP(
            hostname=self._host,
            port=self._port,
            username=self._username,
            password=self._password,
            timeout=self.timeout,
            use_tls=self._tls == "tls",
            start_tls=self._tls == "starttls",
            tls_context=self._context,
        )
        try:
            await client.connect()
        except BaseException:
            client.close()
            raise
        return client

    @asynccontextmanager
    async def _returned(self, client: SMTP) -> AsyncIterator[set[str]]:
        """Keep the connection when the block ends with it still trusted; close it otherwise, also when cancelled."""
        trusted = {"yes"}
        done = False
        try:
            yield trusted
            done = True
        finally:
            if done and trusted and client.is_connected:
                self._idle.append((client, time.monotonic()))
            else:
                client.close()


async def _deliver(client: SMTP, content: bytes, recipients: Sequence[str], trusted: set[str]) -> Delivery:
    try:
        for recipient in recipients:
            await client.rcpt(recipient)
        answer = await client.data(content)
    except (SMTPException, OSError) as error:
        return await _refused(client, error, trusted)
    return Delivery("sent", f"{answer.code} {answer.message}"[:ANSWER_LIMIT])


async def _refused(client: SMTP, error: Exception, trusted: set[str]) -> Delivery:
    """Say what a refusal or a broken connection means, and make the connection usable for the next mail."""
    if not isinstance(error, SMTPResponseException):
        trusted.clear()
        return Delivery("retry", _words(error))
    if error.code == CLOSING or not client.is_connected:
        trusted.clear()
    else:
        try:
            await client.rset()
        except (SMTPException, OSError):
            trusted.clear()
    final = 500 <= error.code < 600  # noqa: PLR2004 - permanent negative replies (RFC 5321, 4.2.1)
    return Delivery("dead" if final else "retry", _words(error))


def _has_ended(error: Exception) -> bool:
    if isinstance(error, SMTPResponseException):
        return error.code == CLOSING
    return isinstance(error, SMTPServerDisconnected | OSError)


def _words(error: Exception) -> str:
    if isinstance(error, SMTPResponseException):
        return f"{error.code} {error.message}"[:ANSWER_LIMIT]
    return (str(error) or type(error).__name__)[:ANSWER_LIMIT]


async def _quit(client: SMTP) -> None:
    if client.is_connected:
        with contextlib.suppress(SMTPException, OSError, TimeoutError):
            await client.quit(timeout=2)
    client.close()
