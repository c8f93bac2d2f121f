"""The languages of the service: message ids are the English sentences, catalogues are `locales/<language>/*.po`.

The `.po` files are read when a language is first asked for, so that a fresh clone works without a step that
compiles them. Every part of the service has its own file (`errors.po`, `forms.po`, `web.po`, …); one message may
stand in several as long as they agree.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

LOCALES = Path(__file__).parent / "locales"
LANGUAGES = ("zh", "en")
DEFAULT_LANGUAGE = "zh"
BABEL_LOCALES = {"zh": "zh_CN", "en": "en_GB"}
"""What Babel formats dates and numbers with, and what an HTML page names as its language."""


def N_(message: str) -> str:  # noqa: N802 - gettext's own name
    """Mark a message for extraction where it is written but not yet translated."""
    return message


def language(locale: str | None) -> str:
    """Return which of LANGUAGES serves `locale`: `zh…` (or nothing at all) Chinese, anything else English."""
    if not locale:
        return DEFAULT_LANGUAGE
    return "zh" if locale.lower().startswith("zh") else "en"


def translator(locale: str | None) -> gettext.GNUTranslations:
    """Return the translations for `locale`, read once per process. Offers gettext, ngettext and pgettext."""
    return _read_language(language(locale))


@cache
def _read_language(name: str) -> gettext.GNUTranslations:
    merged, *others = [_read_catalogue(path) for path in sorted((LOCALES / name).glob("*.po"))] or [Translations()]
    for catalogue in others:
        merged.merge(catalogue)
    return merged


def _read_catalogue(path: Path) -> Translations:
    with path.open("rb") as source:
        catalogue = read_po(source, locale=path.parent.name, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


@runtime_checkable
class Localizable(Protocol):
    """A value that knows its text in a language: a Message, a pack's `{zh, en}` title."""

    def in_(self, locale: str) -> str:
        """Return the text for `locale`."""
        ...


class Message(str):
    """A sentence that is translated when it is shown. Where nobody translates it, it is the English sentence.

    Args:
        id: the message id, marked for extraction by standing here or in N_().
        values: what fills its `{places}`; Localizable values follow the language of the sentence.
    """

    __slots__ = ("id", "values")
    id: str
    values: Mapping[str, Any]

    def __new__(cls, id: str, values: Mapping[str, Any] | None = None) -> Self:  # noqa: A002 - gettext's word
        text = super().__new__(cls, translate("en", id, **(values or {})))
        text.id, text.values = id, values or {}
        return text

    def in_(self, locale: str) -> str:
        """Return the sentence for `locale`, its places filled."""
        return translate(locale, self.id, **self.values)


def translate(locale: str | None, message_id: str, /, **values: Any) -> str:
    """Translate `message_id` and fill its `{places}`; values that are Localizable follow the same language.

    A place without a value stays as it is written, so that a wrong catalogue never hides a sentence.
    """
    return fill(translator(locale).gettext(message_id), locale, values)


def ntranslate(locale: str | None, singular: str, plural: str, n: int, /, **values: Any) -> str:
    """Translate what depends on a number; `{n}` is filled with it."""
    return fill(translator(locale).ngettext(singular, plural, n), locale, {"n": n, **values})


def fill(text: str, locale: str | None, values: Mapping[str, Any]) -> str:
    """Fill the `{places}` of a translated text."""
    name = language(locale)
    shown = {key: value.in_(name) if isinstance(value, Localizable) else value for key, value in values.items()}
    return text.format_map(_Places(shown)) if shown else text


class _Places(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"
