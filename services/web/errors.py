"""The one place where an error becomes a response: problem JSON (RFC 9457) under /api, a page for people."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from asyncpg.exceptions import InterfaceError, InternalClientError, PostgresError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.datastructures import URL
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from services.errors import GuantongError, InvalidInputError, NotFoundError, NotSignedInError
from services.i18n import N_, Localizable, translate
from services.web import history, languages
from services.web.headers import HEADERS
from services.web.templating import render_bare
from services.web.validation import message_of

log = logging.getLogger(__name__)
LEAST_INSTANT = len("2027-01-31T16:00:00Z")
MOST_PROBLEMS = 50
"""Of a body that is wrong throughout: nobody reads more, and saying a million costs more than sending them."""
ACTS = history.ACTS | {
    "ask": N_("a question"),
    "urge": N_("urging"),
    "snooze": N_("putting off"),
    "keep": N_("an opinion"),
    "give-priority": N_("a priority"),
    "filed": N_("filed"),
    "ended": N_("ended"),
    "closed": N_("closed"),
}
"""What an act or an end is called in a sentence."""


class UnreadableRequestError(InvalidInputError):
    """The request cannot be read at all: not a form, not UTF-8, a NUL in it."""

    code, status, default = "unreadable", 400, "This request cannot be read."


class SlowRequestError(GuantongError):
    """The request's body did not arrive in time."""

    code, status, default = (
        "too-slow",
        408,
        "The request did not arrive in time. Nothing was changed; please try again.",
    )


class BusyError(GuantongError):
    """The database is busy; the same request may succeed in a moment."""

    code, status, default = "busy", 503, "The service is busy. Nothing was changed; please try again in a moment."


class UnreachableError(GuantongError):
    """The database is away. Where it went during a commit, nobody knows whether that was kept; a key makes asking again safe."""

    code, status, default = (
        "unreachable",
        503,
        "The service cannot reach its data at the moment. Reload shortly and look whether your last step was kept.",
    )


class MethodError(GuantongError):
    code, status, default = "method-not-allowed", 405, "This address cannot be used in this way."


class StaleFormError(GuantongError):
    """The form does not prove that it comes from one of our own pages (CSRF)."""

    code, status, default = (
        "stale-form",
        403,
        "This form has expired or came from another site. Nothing was changed; reload the page and try again.",
    )


class SaidBack(JSONResponse):
    """JSON that may hold what was sent: half of a surrogate pair, which UTF-8 cannot say, becomes a question mark."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
            "utf-8", "replace"
        )


def install(app: FastAPI) -> None:
    """Turn every exception of the application into a response."""
    app.add_exception_handler(GuantongError, _expected)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(PoolTimeoutError, _pool)
    app.add_exception_handler(OSError, _away)
    app.add_exception_handler(Exception, _unexpected)


def respond(request: Request, error: GuantongError) -> Response:
    """Return what the person or program behind `request` gets for `error`."""
    if request.url.path.startswith("/api/"):
        return problem(request, error)
    if isinstance(error, NotSignedInError):
        return _to_sign_in(request)
    locale = languages.of(request)
    part = request.headers.get("HX-Request") == "true"
    response = render_bare(
        request,
        "parts/error.html" if part else "error.html",
        status=error.status,
        heading=words(error, locale),
        problems=problems_of(error, locale),
        status_code=error.status,
    )
    if part:
        response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#messages", "innerHTML"
    return response


def problem(request: Request, error: GuantongError) -> JSONResponse:
    """Return problem JSON in the language that the request asks for."""
    locale = languages.of(request)
    body: dict[str, Any] = {
        "type": f"urn:guantong:problem:{error.code}",
        "title": translate(locale, error.default),
        "status": error.status,
        "detail": words(error, locale),
        "code": error.code,
    }
    if error.details:
        body["details"] = {name: _plain(value, locale) for name, value in error.details.items()}
    if isinstance(error, InvalidInputError) and error.problems:
        body["problems"] = [{"path": each.get("field", ""), **each} for each in problems_of(error, locale)]
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, NotSignedInError) else None
    return SaidBack(body, error.status, headers, media_type="application/problem+json")


def words(error: GuantongError, locale: str, *, zone: str = "Asia/Shanghai") -> str:
    """Return the error's sentence in `locale`, its places filled: acts in words, instants in local time."""
    details = {name: said_value(value, locale, zone) for name, value in error.details.items()}
    return translate(locale, error.template, **details)


def said_value(value: Any, locale: str, zone: str) -> Any:
    """Return an act in words, an ISO instant as local time, anything else as it is."""
    if not isinstance(value, str):
        return value
    if value in ACTS:
        return translate(locale, ACTS[value])
    try:
        at = datetime.fromisoformat(value) if len(value) >= LEAST_INSTANT else None
        return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M") if at and at.tzinfo else value
    except (ValueError, OverflowError):
        return value


def problems_of(error: GuantongError, locale: str) -> list[dict[str, Any]]:
    """Return the problems of an InvalidInputError with their messages in `locale`; [] for other errors."""
    found = error.problems if isinstance(error, InvalidInputError) else []
    return [{name: _plain(value, locale) for name, value in each.items()} for each in found]


def _plain(value: Any, locale: str) -> Any:
    if isinstance(value, Localizable):
        return value.in_(locale)
    if isinstance(value, str):
        return translate(locale, value) if value else value
    return value if isinstance(value, int | float | bool | list | dict | None) else str(value)


def _to_sign_in(request: Request) -> Response:
    if request.headers.get("HX-Request"):
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    here = request.url if request.method == "GET" else _page_of(request)
    if here is None:
        return RedirectResponse("/sign-in", 303)
    back = here.path + (f"?{here.query}" if here.query else "")
    return RedirectResponse(f"/sign-in?{urlencode({'next': back})}", 303)


def _page_of(request: Request) -> URL | None:
    """Return our own page that sent a form, so that one comes back to it after signing in."""
    sender = URL(request.headers.get("referer", ""))
    try:
        ours = sender.netloc and sender.netloc == request.headers.get("host")
    except ValueError:
        return None
    return sender if ours else None


async def _expected(request: Request, error: Exception) -> Response:
    assert isinstance(error, GuantongError)
    return respond(request, error)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, GuantongError):  # a body that was refused while it was being read
        return respond(request, error.__cause__)
    known: dict[int, GuantongError] = {404: NotFoundError(), 405: MethodError()}
    response = respond(request, known.get(error.status_code, UnreadableRequestError()))
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()[:MOST_PROBLEMS]
    if not request.url.path.startswith("/api/") and any(each["loc"][0] == "path" for each in found):
        return respond(request, NotFoundError())
    problems = [
        {"field": ".".join(str(part) for part in each["loc"]), "message": message_of(each), "code": each["type"]}
        for each in found
    ]
    return respond(request, InvalidInputError(problems))


async def _database(request: Request, error: Exception) -> Response:
    """Values that PostgreSQL cannot hold are the sender's; a busy server is nobody's; the rest is ours."""
    assert isinstance(error, DBAPIError)
    cause = error.orig.__cause__ if error.orig is not None else None
    state = getattr(cause, "sqlstate", None) or ""
    if state.startswith("22") or (isinstance(cause, ValueError) and not isinstance(cause, PostgresError)):
        return respond(request, InvalidInputError(message="A value cannot be kept as it is written."))
    if state in {"40001", "40P01", "55P03", "57014", "25P03"} or state.startswith("53"):
        log.warning("the database is busy: %s", state)
        return respond(request, BusyError())
    # A connection that the server has ended, but that is not closed yet, has no state to tell.
    lost = isinstance(cause, InterfaceError | InternalClientError | OSError)
    if lost or error.connection_invalidated or state.startswith(("08", "57P")):
        return _unreachable(request, error)
    return await _unexpected(request, error)


def _unreachable(request: Request, error: Exception) -> Response:
    log.warning("the database is away: %s", error.args[0] if error.args else type(error).__name__)
    return respond(request, UnreachableError())


async def _pool(request: Request, error: Exception) -> Response:
    log.warning("no connection was free: %s", error)
    return respond(request, BusyError())


async def _away(request: Request, error: Exception) -> Response:
    """Connecting fails with an error of the system; so does the disk, which is another matter."""
    if isinstance(error, ConnectionError | TimeoutError):
        return _unreachable(request, error)
    return await _unexpected(request, error)


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("unexpected error at %s %s", request.method, request.scope.get("route"), exc_info=error)
    response = respond(
        request,
        GuantongError("Something went wrong. Nothing was changed, and the administrator can find it in the log."),
    )
    # Starlette answers these outside of the middleware that adds the headers elsewhere.
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response
