"""The Jinja2 environments, one per language, and how a template becomes a response."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from services.i18n import BABEL_LOCALES, LANGUAGES, Localizable, translate, translator
from services.programmes.telling import actor_title
from services.web import dates, history, icons, languages
from services.web import forms as form_texts
from services.web.navigation import navigation

HERE = Path(__file__).parent
STATIC = HERE / "static"
HTML_LANGUAGES = {name: tag.replace("_", "-") for name, tag in BABEL_LOCALES.items()}


def _version() -> str:
    try:
        return version("guantong")
    except PackageNotFoundError:
        return "0"


VERSION = _version()


@cache
def environment(locale: str) -> Environment:
    """Return the environment whose texts are in `locale`. Templates escape everything and know no undefined name."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    made.install_gettext_translations(translator(locale), newstyle=True)  # type: ignore[attr-defined]
    made.filters["localized"] = lambda value: localized(value, locale)
    made.filters["title_of"] = lambda row, stem="title": title_of(row, locale, stem=stem)
    made.globals.update(
        locale=locale,
        html_language=HTML_LANGUAGES[locale],
        languages=languages.NAMES,
        static=static,
        icon=icons.icon,
        actor=lambda pack, word: actor_title(pack, word).in_(locale),
        navigation=navigation,
        act_words=lambda act: translate(locale, str(history.ACTS.get(act, act))),
        dates=dates.Dates(locale),
        forms=form_texts.FormTexts(locale),
    )
    return made


def localized(value: Any, locale: str) -> str:
    """Return a text in `locale`: a pack's title, a Message, or a message id."""
    if isinstance(value, Localizable):
        return value.in_(locale)
    return translate(locale, str(value)) if value else ""


def title_of(row: Any, locale: str, *, stem: str = "title") -> str:
    """Return `row.title_zh` or `row.title_en`."""
    return str(getattr(row, f"{stem}_{locale}"))


def static(path: str) -> str:
    """Return the address of a static file; it changes with the release and with the file."""
    return f"/static/{path}?v={_stamp(path)}"


@cache
def _stamp(path: str) -> str:
    found = STATIC / path
    return f"{VERSION}-{int(found.stat().st_mtime):x}"


def render(request: Request, template: str, *, status_code: int = 200, **context: Any) -> HTMLResponse:
    """Render a template in the request's language."""
    text = environment(languages.of(request)).get_template(template).render(request=request, **context)
    return HTMLResponse(text, status_code=status_code)


def render_bare(request: Request, template: str, *, status_code: int, **context: Any) -> HTMLResponse:
    """Render a page without asking the database: who is signed in is known only where that was found out before."""
    reader, csrf = getattr(request.state, "known", (None, ""))
    context = {"reader": reader, "csrf": csrf, "flash": None, **context}
    return render(request, template, status_code=status_code, **context)


assert set(languages.NAMES) == set(LANGUAGES)
