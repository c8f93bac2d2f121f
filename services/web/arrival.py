"""What arrives with a request, read before a transaction is open: a slow sender must not hold one of the connections."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request
from starlette.datastructures import UploadFile

from services.errors import NotSignedInError
from services.settings import Settings
from services.web.errors import StaleFormError, UnreadableRequestError
from services.web.numbers import whole

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_FIELDS = 20_000
LARGEST_ENTRY = 4 * 1024 * 1024
MULTIPART = "multipart/form-data"


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
        return whole(self.get(name))


def session_cookie(settings: Settings) -> str:
    """Return the name of the session's cookie; over TLS it is bound to this very host."""
    return "__Host-guantong" if settings.secure_cookies else "guantong"


def visit_cookie(settings: Settings) -> str:
    """Return the name of the cookie that protects the forms before sign-in."""
    return "__Host-guantong_visit" if settings.secure_cookies else "guantong_visit"


async def arrived(request: Request) -> None:
    """Read the form of a request that changes something: whole, and before anything else is done for it.

    Raises:
        StaleFormError: it comes from another site, or carries no cookie that its form's token could belong to.
        UnreadableRequestError: it is no form.
    """
    if request.method in SAFE_METHODS:
        return
    refuse_other_sites(request)
    await read_form(request)


ArrivedDep = Annotated[None, Depends(arrived)]


def refuse_other_sites(request: Request) -> None:
    """Refuse, before a byte of it is read, what another site asks for or what cannot hold a valid token.

    Raises:
        StaleFormError: the browser says that another site asks, or there is no cookie of ours.
        NotSignedInError: the session's cookie is there, but empty.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise StaleFormError
    origin = request.headers.get("origin")
    if origin is not None and _site(origin) not in _own_sites(request):
        raise StaleFormError
    settings: Settings = request.app.state.settings
    if not any(request.cookies.get(name(settings)) for name in (session_cookie, visit_cookie)):
        raise NotSignedInError if session_cookie(settings) in request.cookies else StaleFormError


def _own_sites(request: Request) -> set[str | None]:
    """Return what our pages' address may begin with; without TLS at the public address, a proxy may still add it."""
    settings: Settings = request.app.state.settings
    host = request.headers.get("host", "")
    plain = set() if settings.secure_cookies else {f"http://{host}"}
    return {_site(settings.public_url), f"https://{host}", *plain}


def _site(address: str) -> str | None:
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else None


async def read_form(request: Request, *, files: bool = False) -> Form:
    """Read a posted form once; later calls return the same.

    Args:
        request: the request.
        files: whether a form with files is taken; who sends one must be known before it is read.

    Raises:
        UnreadableRequestError: not a form, not UTF-8, a NUL in it, or too many entries.
    """
    known: Form | None = getattr(request.state, "form", None)
    if known is None:
        known = request.state.form = await _read_form(request, files=files)
    return known


def media_type(content_type: str) -> str:
    """Return a content type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


async def _read_form(request: Request, *, files: bool) -> Form:
    held: dict[str, UploadFile] = {}
    if media_type(request.headers.get("content-type", "")) != MULTIPART:
        items = _decoded(await request.body())
    elif not files:
        raise UnreadableRequestError
    else:
        parsed = await request.form(max_files=20, max_fields=MOST_FIELDS, max_part_size=LARGEST_ENTRY)
        items = [(name, value) for name, value in parsed.multi_items() if isinstance(value, str)]
        held = {name: value for name, value in parsed.multi_items() if isinstance(value, UploadFile)}
    if any("\x00" in name or "\x00" in value for name, value in items):
        raise UnreadableRequestError(
            message="The form holds a NUL character, which cannot be kept. Remove it and send again."
        )
    return Form(items, held)


def _decoded(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS, encoding="utf-8"
        )
    except ValueError as error:  # UnicodeDecodeError is one
        raise UnreadableRequestError(
            message="The form is not readable: it is not UTF-8, or has too many entries."
        ) from error
