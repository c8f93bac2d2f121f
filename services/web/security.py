"""What every response carries and no request may exceed, as plain ASGI: it sees static files and errors too."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.errors import InvalidInputError, TooLargeError
from services.settings import Settings
from services.web import errors
from services.web.headers import HEADERS

FORM_LIMIT = 8 * 1024 * 1024
"""Bytes of a request that carries no file: a form with every field at its limit has about 5 MB."""
ENVELOPE = 64 * 1024
"""What a multipart envelope may add to a file."""


def install(app: FastAPI, settings: Settings) -> None:
    """Put the guards around the application; the last one added sees a request first."""
    app.add_middleware(BodyLimit, attachment_limit=settings.attachment_limit)
    app.add_middleware(SafeHeaders, secure=settings.secure_cookies)


class SafeHeaders:
    """Security headers on every response; a route that sets one of them keeps its own."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self.app = app
        self.headers = HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
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
        limit = self._limit(scope["path"])
        refused = _refusal(scope, limit)
        if refused is not None:
            response = errors.respond(Request(scope), refused)
            response.headers["Connection"] = "close"
            await response(scope, receive, send)
            return
        await self.app(scope, _counted(receive, limit), send)

    def _limit(self, path: str) -> int:
        return self.attachment_limit + ENVELOPE if path.endswith("/attachments") else FORM_LIMIT


def _refusal(scope: Scope, limit: int) -> InvalidInputError | None:
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        return InvalidInputError(message="The address holds a character that no address can have.")
    length = Headers(scope=scope).get("content-length", "0")
    return too_large(limit) if length.isdigit() and int(length) > limit else None


def too_large(limit: int) -> TooLargeError:
    """Return the error for a body beyond `limit` bytes."""
    return TooLargeError(
        message="This is too large: at most {limit} MB are accepted.", limit=max(1, limit // 1024 // 1024)
    )


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise too_large(limit)
        return message

    return counting
