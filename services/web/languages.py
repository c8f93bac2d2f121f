"""Which language a request is answered in: the person's, else the cookie's, else what the browser prefers."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from services.i18n import LANGUAGES, language

COOKIE = "guantong_language"
NAMES = {"zh": "中文", "en": "English"}


def of(request: Request) -> str:
    """Return the language of the answer; `remember` sets the person's once they are known."""
    known = getattr(request.state, "locale", None) or request.cookies.get(COOKIE)
    if known:
        return language(known)
    preferred = request.headers.get("accept-language", "").split(",")[0].strip().lower()
    if preferred:
        return language(preferred)
    return language(request.app.state.settings.locale)


def remember(request: Request, locale: str) -> None:
    """Let the rest of this request be answered in the signed-in person's language."""
    request.state.locale = language(locale)


def keep(request: Request, response: Response, locale: str) -> None:
    """Keep the language in the browser for the pages before sign-in."""
    secure = request.app.state.settings.secure_cookies
    chosen = language(locale) if locale in LANGUAGES else LANGUAGES[0]
    response.set_cookie(COOKIE, chosen, max_age=31536000, httponly=True, samesite="lax", secure=secure)
