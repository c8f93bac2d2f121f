"""What every response carries and no request may exceed, as plain ASGI: it sees static files and errors too."""

from __future__ import annotations

import asyncio
import re

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.errors import InvalidInputError, TooLargeError
from services.settings import Settings
from services.web import errors
from services.web.arrival import media_type
from services.web.errors import SlowRequestError
from services.web.headers import HEADERS
from services.web.numbers import whole

FORM_LIMIT = 8 * 1024 * 1024
"""Bytes of a request that carries no file: a form with every field at its limit has about 5 MB."""
ENVELOPE = 64 * 1024
"""What a multipart envelope may add to a file."""
UPLOADS = re.compile(r"(/api/v1)?/(cases/[^/]+/attachments|tasks/[^/]+/paper)")
IDLE = 10.0
"""Seconds that a sender may be silent for."""
FORM_TOTAL, UPLOAD_TOTAL = 30.0, 900.0
"""Seconds that a body may take: a form has few bytes; a large file comes over a school's slow line."""


def install(app: FastAPI, settings: Settings) -> None:
    """Put the guards around the application; the last one added sees a request first."""
    app.add_middleware(BodyLimit, attachment_limit=settings.attachment_limit)
    app.add_middleware(SafeHeaders, secure=settings.secure_cookies)


class SafeHeaders:
    """Security headers on every response; a route that sets one of them keeps its own."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self.app = app
        headers = HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if secure else {})
        self.headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = list(message.get("headers", ()))
                names = {name.lower() for name, _ in own}
                message["headers"] = own + [header for header in self.headers if header[0] not in names]
            await send(message)

        await self.app(scope, receive, with_headers)


class BodyLimit:
    """Refuses a body that is too large: by what it says of itself before a byte is read, else as soon as it is.

    Also refuses NUL in an address, which PostgreSQL cannot hold and nobody types.
    """

    def __init__(self, app: ASGIApp, *, attachment_limit: int) -> None:
        self.app = app
        self.attachment_limit = attachment_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit, total = self._bounds(scope)
        refused = _refusal(scope, limit)
        if refused is not None:
            response = errors.respond(Request(scope), refused)
            response.headers["Connection"] = "close"
            await response(scope, receive, send)
            return
        await self.app(scope, Body(receive, limit=limit, total=total).receive, send)

    def _bounds(self, scope: Scope) -> tuple[int, float]:
        """Return how many bytes a request may have and how long it may take: a file more than a form."""
        kind = media_type(Headers(scope=scope).get("content-type", ""))
        if UPLOADS.fullmatch(scope["path"]) and kind != "application/x-www-form-urlencoded":
            return self.attachment_limit + ENVELOPE, UPLOAD_TOTAL
        return FORM_LIMIT, FORM_TOTAL


def _refusal(scope: Scope, limit: int) -> InvalidInputError | None:
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        return InvalidInputError(message="The address holds a character that no address can have.")
    length = whole(Headers(scope=scope).get("content-length", "0").lstrip("0"), digits=18)
    return too_large(limit) if length is not None and length > limit else None


def too_large(limit: int) -> TooLargeError:
    """Return the error for a body beyond `limit` bytes."""
    return TooLargeError(
        message="This is too large: at most {limit} MB are accepted.", limit=max(1, limit // 1024 // 1024)
    )


class Body:
    """A request's body as it arrives: no larger than allowed, never silent for long, and over in time.

    Args:
        receive: where it comes from.
        limit: the most bytes.
        total: the most seconds from the first look to the last byte.
        idle: the most seconds between two pieces.
    """

    def __init__(self, receive: Receive, *, limit: int, total: float, idle: float = IDLE) -> None:
        self._receive = receive
        self._limit, self._total, self._idle = limit, total, idle
        self._seen, self._whole = 0, False
        self._until: float | None = None

    async def receive(self) -> Message:
        """Return the next message.

        Raises:
            TooLargeError: more has come than is allowed.
            SlowRequestError: nothing came in time.
        """
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout(self._patience()):
                message = await self._receive()
        except TimeoutError:
            raise SlowRequestError from None
        self._seen += len(message.get("body", b""))
        if self._seen > self._limit:
            raise too_large(self._limit)
        self._whole = not message.get("more_body", False)
        return message

    def _patience(self) -> float:
        now = asyncio.get_running_loop().time()
        self._until = now + self._total if self._until is None else self._until
        return min(self._idle, self._until - now)
