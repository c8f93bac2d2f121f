"""The edge between HTTP and the use cases: one transaction per request, who asks, and whether the request is theirs.

The transaction's dependency has the scope `function`: it commits before the response is sent, so that nobody is told of
something that then failed to commit.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request
from starlette.datastructures import UploadFile
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.adapters.files import FileStore
from services.errors import NotSignedInError
from services.i18n import translate
from services.people import accounts
from services.people.access import Reader
from services.settings import Settings
from services.store.transaction import Tx
from services.web import languages, templating
from services.web.dates import Dates
from services.web.errors import StaleFormError, UnreadableRequestError
from services.web.forms import FormTexts

FLASH = "guantong_flash"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_FIELDS = 20_000
MOST_FLASH = 1_200
LARGEST_ENTRY = 4 * 1024 * 1024


async def tx(request: Request) -> AsyncIterator[Tx]:
    """Open the request's transaction; it commits when the route returns and rolls back when it raises."""
    async with request.app.state.store.transaction() as running:
        yield running


TxDep = Annotated[Tx, Depends(tx, scope="function")]


class Form:
    """What was posted: names and texts in their order, checked to be UTF-8 without NUL; files apart."""

    def __init__(self, items: list[tuple[str, str]], files: dict[str, UploadFile] | None = None) -> None:
        self.items = items
        self.files = files or {}

    def get(self, name: str, default: str = "") -> str:
        """Return the last value of `name`, without surrounding space."""
        return next((value for key, value in reversed(self.items) if key == name), default).strip()

    def number(self, name: str) -> int | None:
        """Return a whole number, or None for anything else."""
        text = self.get(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None  # noqa: PLR2004


async def read_form(request: Request) -> Form:
    """Read a posted form once; later calls return the same.

    Raises:
        UnreadableRequestError: not a form, not UTF-8, a NUL in it, or too many entries.
    """
    known = getattr(request.state, "form", None)
    if known is None:
        known = request.state.form = await _read_form(request)
    return known


async def _read_form(request: Request) -> Form:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    files: dict[str, UploadFile] = {}
    if kind == "multipart/form-data":
        parsed = await request.form(max_files=20, max_fields=MOST_FIELDS, max_part_size=LARGEST_ENTRY)
        items = [(name, value) for name, value in parsed.multi_items() if isinstance(value, str)]
        files = {name: value for name, value in parsed.multi_items() if isinstance(value, UploadFile)}
    else:
        items = _decoded(await request.body())
    if any("\x00" in name or "\x00" in value for name, value in items):
        raise UnreadableRequestError(
            message="The form holds a NUL character, which cannot be kept. Remove it and send again."
        )
    return Form(items, files)


def _decoded(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS, encoding="utf-8"
        )
    except ValueError as error:  # UnicodeDecodeError is one
        raise UnreadableRequestError(
            message="The form is not readable: it is not UTF-8, or has too many entries."
        ) from error


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


def session_cookie(settings: Settings) -> str:
    """Return the name of the session's cookie; over TLS it is bound to this very host."""
    return "__Host-guantong" if settings.secure_cookies else "guantong"


def visit_cookie(settings: Settings) -> str:
    """Return the name of the cookie that protects the forms before sign-in."""
    return "__Host-guantong_visit" if settings.secure_cookies else "guantong_visit"


async def visitor(request: Request, tx: TxDep) -> AsyncIterator[Visitor]:
    """Give who asks, known or not; a request that changes something must come from our own pages."""
    try:
        yield await _visitor(request, tx)
    finally:
        form: Form | None = getattr(request.state, "form", None)
        for file in form.files.values() if form else ():
            await file.close()


async def _visitor(request: Request, tx: Tx) -> Visitor:
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
    """Refuse a change that another site asks for: by what the browser says of it, and by the token of our forms."""
    if request.method in SAFE_METHODS:
        return
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise StaleFormError
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc not in _own_hosts(request):
        raise StaleFormError
    given = request.headers.get("X-CSRF-Token") or (await read_form(request)).get("csrf")
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise StaleFormError


def _own_hosts(request: Request) -> set[str]:
    public = urlsplit(request.app.state.settings.public_url).netloc
    return {public, request.headers.get("host", "")}


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
        kind, text = json.loads(base64.urlsafe_b64decode(request.cookies.get(FLASH, "")))
    except (ValueError, binascii.Error, TypeError):
        return None
    return (kind if kind in {"success", "warning", "danger"} else "success", str(text)[:MOST_FLASH])


def safe_next(where: str, default: str = "/") -> str:
    """Return an address of our own pages to go on to, or `default`: never another site's."""
    parts = urlsplit(where)
    ours = where.startswith("/") and not where.startswith(("//", "/\\")) and not parts.netloc
    return where if ours and "\\" not in where and where.isprintable() else default
