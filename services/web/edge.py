"""The edge between HTTP and the use cases: one transaction per request, who asks, and whether the request is theirs.

The transaction's dependency has the scope `function`: it commits before the response is sent, so that nobody is told of
something that then failed to commit.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.adapters.files import FileStore
from services.errors import NotSignedInError
from services.i18n import translate
from services.people import accounts
from services.people.access import Reader
from services.settings import Settings
from services.store.transaction import Tx
from services.web import languages, templating
from services.web.arrival import SAFE_METHODS, ArrivedDep, Form, read_form, session_cookie, visit_cookie
from services.web.dates import Dates
from services.web.errors import StaleFormError
from services.web.forms import FormTexts

FLASH = "guantong_flash"
MOST_FLASH = 1_200


async def tx(request: Request) -> AsyncIterator[Tx]:
    """Open the request's transaction; it commits when the route returns and rolls back when it raises."""
    async with request.app.state.store.transaction() as running:
        yield running


TxDep = Annotated[Tx, Depends(tx, scope="function")]


@dataclass(frozen=True)
class Session:
    """A session that holds: whose, what its forms carry, and the cookie's token."""

    reader: Reader
    csrf: str
    token: str


@dataclass(frozen=True)
class Visitor:
    """Who asks for a page, known or not, and what a page is made from."""

    request: Request
    tx: Tx
    csrf: str
    """What our own forms carry: the session's token, or before sign-in the visit's."""
    session: Session | None = None

    @property
    def settings(self) -> Settings:
        """The installation's settings."""
        return self.request.app.state.settings  # type: ignore[no-any-return]

    @property
    def files(self) -> FileStore:
        """The installation's files."""
        return self.request.app.state.files  # type: ignore[no-any-return]

    @property
    def locale(self) -> str:
        """The language of the answer."""
        return languages.of(self.request)

    @property
    def dates(self) -> Dates:
        """How dates are said in the language of the answer."""
        return Dates(self.locale)

    def say(self, message: str, /, **values: Any) -> str:
        """Translate a sentence."""
        return translate(self.locale, message, **values)

    @property
    def forms(self) -> FormTexts:
        """How entries of forms are said in the language of the answer."""
        return FormTexts(self.locale)

    @property
    def is_htmx(self) -> bool:
        """Whether a part of a page is asked for."""
        return self.request.headers.get("HX-Request") == "true"

    async def form(self) -> Form:
        """Return what was posted."""
        return await read_form(self.request)

    def render(self, template: str, *, status_code: int = 200, **context: Any) -> HTMLResponse:
        """Return a page in the visitor's language; a waiting message is shown once."""
        flash = _read_flash(self.request)
        reader = self.session.reader if self.session else None
        response = templating.render(
            self.request,
            template,
            status_code=status_code,
            reader=reader,
            now=self.tx.now,
            zone=reader.zone if reader else "Asia/Shanghai",
            csrf=self.csrf,
            flash=flash,
            **context,
        )
        if flash:
            response.delete_cookie(FLASH)
        if self.session is None:
            _set_cookie(self.request, response, visit_cookie(self.settings), self.csrf)
        return response

    def go(self, where: str, message: str = "", *, kind: str = "success") -> Response:
        """Send the browser on after a change (303), with a sentence that the next page shows."""
        response: Response = RedirectResponse(where, 303)
        if self.is_htmx:
            response = Response(status_code=204, headers={"HX-Redirect": where})
        if message:
            held = base64.urlsafe_b64encode(json.dumps([kind, message[:MOST_FLASH]]).encode()).decode()
            _set_cookie(self.request, response, FLASH, held)
        return response


@dataclass(frozen=True)
class Page(Visitor):
    """A page of somebody who is signed in."""

    @property
    def reader(self) -> Reader:
        """Who asks."""
        assert self.session is not None
        return self.session.reader


async def visitor(request: Request, _arrived: ArrivedDep, tx: TxDep) -> Visitor:
    """Give who asks, known or not; a request that changes something must come from our own pages."""
    session = await _session(request, tx)
    if session is not None:
        languages.remember(request, session.reader.locale)
        request.state.known = (session.reader, session.csrf)
        await _guard(request, session.csrf)
        return Page(request, tx, session.csrf, session)
    held = request.cookies.get(visit_cookie(request.app.state.settings), "")
    try:
        await _guard(request, held)
    except StaleFormError:
        if session_cookie(request.app.state.settings) in request.cookies:
            # The session ended while its page was open: the way on is to sign in, not to reload.
            raise NotSignedInError from None
        raise
    return Visitor(request, tx, held or secrets.token_urlsafe(24))


async def page_in(tx: Tx, request: Request) -> Page:
    """Return who is signed in, in a transaction that the route itself opened; the form is not looked at.

    Raises:
        NotSignedInError: nobody is signed in.
    """
    session = await _session(request, tx)
    if session is None:
        raise NotSignedInError
    languages.remember(request, session.reader.locale)
    request.state.known = (session.reader, session.csrf)
    return Page(request, tx, session.csrf, session)


async def _session(request: Request, tx: Tx) -> Session | None:
    token = request.cookies.get(session_cookie(request.app.state.settings))
    if not token:
        return None
    try:
        reader, csrf = await accounts.session_for(tx, token)
    except NotSignedInError:
        return None
    return Session(reader, csrf, token)


VisitorDep = Annotated[Visitor, Depends(visitor, scope="function")]


async def page(who: VisitorDep) -> Page:
    """Return the signed-in visitor.

    Raises:
        NotSignedInError: nobody is signed in; for a page that is a redirect to sign in.
    """
    if not isinstance(who, Page):
        raise NotSignedInError
    return who


PageDep = Annotated[Page, Depends(page)]


async def _guard(request: Request, expected: str) -> None:
    """Refuse a change whose form does not carry our token; where it comes from was looked at before it was read."""
    if request.method not in SAFE_METHODS:
        check_token(request.headers.get("X-CSRF-Token") or (await read_form(request)).get("csrf"), expected)


def check_token(given: str, expected: str) -> None:
    """Refuse a token that is not the expected one.

    Raises:
        StaleFormError: it is another one, or none is expected.
    """
    if not expected or not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode("utf-8", "replace")):
        raise StaleFormError


def start_session(page: Visitor, response: Response, token: str) -> None:
    """Give the browser its session; the visit's token ends."""
    _set_cookie(page.request, response, session_cookie(page.settings), token)
    _drop_cookie(page.request, response, visit_cookie(page.settings))


def end_session(page: Visitor, response: Response) -> None:
    """Take the session from the browser."""
    _drop_cookie(page.request, response, session_cookie(page.settings))


def _set_cookie(request: Request, response: Response, name: str, value: str) -> None:
    secure = request.app.state.settings.secure_cookies
    response.set_cookie(name, value, path="/", httponly=True, samesite="lax", secure=secure)


def _drop_cookie(request: Request, response: Response, name: str) -> None:
    secure = request.app.state.settings.secure_cookies
    response.delete_cookie(name, path="/", httponly=True, samesite="lax", secure=secure)


def _read_flash(request: Request) -> tuple[str, str] | None:
    try:
        held = json.loads(base64.urlsafe_b64decode(request.cookies.get(FLASH, "")))
    except (ValueError, RecursionError):  # binascii.Error is a ValueError
        return None
    match held:
        case [str(kind), str(text)]:
            said = text[:MOST_FLASH].encode("utf-8", "replace").decode()
            return (kind if kind in {"success", "warning", "danger"} else "success", said)
    return None


def safe_next(where: str, default: str = "/") -> str:
    """Return an address of our own pages to go on to, or `default`: never another site's."""
    try:
        elsewhere = urlsplit(where).netloc
    except ValueError:
        return default
    ours = where.startswith("/") and not where.startswith(("//", "/\\")) and not elsewhere
    return where if ours and "\\" not in where and where.isprintable() else default
